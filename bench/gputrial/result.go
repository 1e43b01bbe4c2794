//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/internal/durable"
	"github.com/ptychogo/ptycho/internal/printable"
)

// The files of a result.
const (
	resultFile = "result.json"
	tableFile  = "table.md"
)

// State is how a stage stands.
type State string

// The states. A stage that is done did all of its work; of a stage that is partly done some rows failed.
const (
	Waiting State = "waiting"
	Running State = "running"
	Done    State = "done"
	Partly  State = "partly done"
	Failed  State = "failed"
	Skipped State = "skipped"
	NotRun  State = "not run"
)

// Row is one thing that a stage found or measured.
type Row struct {
	What   string         `json:"what"`
	Values map[string]any `json:"values,omitempty"` // numbers, texts and truth values by the name of the stage's column
	Failed bool           `json:"failed,omitempty"`
	Note   string         `json:"note,omitempty"` // why it failed, or what the reader should know
}

// Stage is what became of one stage.
type Stage struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	State   State    `json:"state"`
	Seconds float64  `json:"seconds"`
	Limit   float64  `json:"limit_seconds"`
	Note    string   `json:"note,omitempty"` // why it was skipped or failed: the last words of the command
	Columns []string `json:"columns"`        // of the table, in order
	Rows    []Row    `json:"rows"`
}

// Result is the whole trial.
type Result struct {
	Device  string    `json:"device"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Limit   float64   `json:"limit_seconds"`
	Ended   bool      `json:"ended"` // false: the trial was killed, or still runs
	Stages  []*Stage  `json:"stages"`
}

// write replaces both files. Neither depends on the other: if one cannot be written, the other is tried all the same.
func (r *Result) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = durable.Write(filepath.Join(dir, resultFile), append(text, '\n'))
	}
	if e := durable.Write(filepath.Join(dir, tableFile), []byte(r.table())); err == nil {
		err = e
	}
	return err
}

// table is the result for people, in Markdown.
func (r *Result) table() string {
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

// shown is a value with as many digits as are worth reading.
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

// maxCell is where a text of a table is cut, characters.
const maxCell = 600

// cell is text that cannot end a cell of a table. Texts of other programs may hold anything.
func cell(s string) string {
	s = strings.Join(strings.Fields(printable.Lines(s, maxCell)), " ")
	return strings.ReplaceAll(s, "|", `\|`)
}
