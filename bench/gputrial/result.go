//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/internal/words"
)

// The files of a result.
const (
	resultFile = "result.json"
	tableFile  = "table.md"
)

// state is the state of a stage.
type state string

// The states. A stage is done if all of its work succeeded, and partly done if some rows failed.
const (
	Waiting state = "waiting"
	Running state = "running"
	Done    state = "done"
	Partly  state = "partly done"
	Failed  state = "failed"
	Skipped state = "skipped"
	NotRun  state = "not run"
)

// row is one finding or measurement of a stage.
type row struct {
	What   string         `json:"what"`
	Values map[string]any `json:"values,omitempty"` // numbers, texts and booleans by the stage's columns
	Failed bool           `json:"failed,omitempty"`
	Note   string         `json:"note,omitempty"` // reason of a failure, or a remark
}

// Stage is the result of one stage.
type Stage struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	State   state    `json:"state"`
	Seconds float64  `json:"seconds"`
	Limit   float64  `json:"limit_seconds"`
	Note    string   `json:"note,omitempty"` // reason of a skip or failure: the last output of the command
	Columns []string `json:"columns"`        // of the table, in order
	Rows    []row    `json:"rows"`
}

// result is the result of the whole trial.
type result struct {
	Device  string    `json:"device"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Limit   float64   `json:"limit_seconds"`
	Ended   bool      `json:"ended"` // false: the trial was killed, or still runs
	Stages  []*Stage  `json:"stages"`
}

// write replaces both files. If one cannot be written, it still writes the other.
func (r *result) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = disk.Write(filepath.Join(dir, resultFile), append(text, '\n'))
	}
	if e := disk.Write(filepath.Join(dir, tableFile), []byte(r.table())); err == nil {
		err = e
	}
	return err
}

// table returns the result as Markdown.
func (r *result) table() string {
	var b strings.Builder
	state := "still running, or killed"
	if r.Ended {
		state = "ended"
	}
	fmt.Fprintf(&b, "# Trial of ptycho on %s\n\n%s, %.0f s of at most %.0f s, %s.\n\n", r.Device, r.Started.UTC().Format(time.RFC3339), r.Seconds, r.Limit, state)
	b.WriteString("| stage | state | seconds | limit | note |\n|---|---|---|---|---|\n")
	for _, s := range r.Stages {
		fmt.Fprintf(&b, "| %s: %s | %s | %.1f | %.0f | %s |\n", s.Name, s.Title, s.State, s.Seconds, s.Limit, cell(s.Note))
	}
	for _, s := range r.Stages {
		if len(s.Rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s: %s\n\n| |", s.Name, s.Title)
		for _, c := range s.Columns {
			fmt.Fprintf(&b, " %s |", c)
		}
		fmt.Fprintf(&b, " note |\n|---|%s---|\n", strings.Repeat("---|", len(s.Columns)))
		for _, row := range s.Rows {
			fmt.Fprintf(&b, "| %s |", cell(row.What))
			for _, c := range s.Columns {
				fmt.Fprintf(&b, " %s |", cell(shown(row.Values[c])))
			}
			note := row.Note
			if row.Failed {
				note = strings.TrimSuffix("FAILED: "+note, ": ")
			}
			fmt.Fprintf(&b, " %s |\n", cell(note))
		}
	}
	return b.String()
}

// shown formats a value with few digits.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	return fmt.Sprint(v)
}

// maxCell is the maximum length of a cell's text in characters.
const maxCell = 600

// cell returns text that cannot break a table: texts of other programs may hold any characters.
func cell(s string) string {
	s = strings.Join(strings.Fields(words.Lines(s, maxCell)), " ")
	return strings.ReplaceAll(s, "|", `\|`)
}
