//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// engine adds the arguments that choose the backend and the device under trial.
func (t *trial) engine(args ...string) []string {
	return append(args, "--backend", t.backend, "--device", t.device())
}

// scan simulates a scan once and returns its file.
func (t *trial) scan(ctx context.Context, patterns int) (string, error) {
	if patterns == t.side() { // the order of the axes would be ambiguous
		patterns++
	}
	path := filepath.Join(t.work, fmt.Sprintf("scan-%d.npz", patterns))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	e := t.ptycho(ctx, "simulate", "--output", path, "-n", strconv.Itoa(t.side()), "--n-images", strconv.Itoa(patterns), "--probe", "aberrated")
	return path, e.err
}

// fewPatterns is the number of patterns of the training scan.
const fewPatterns = 96

// train trains the default network for some steps into a folder.
func (t *trial) train(ctx context.Context, folder string, steps int, more ...string) (string, ended) {
	scan, err := t.scan(ctx, fewPatterns)
	if err != nil {
		return "", ended{err: err}
	}
	out := filepath.Join(t.work, folder)
	args := t.engine("train", "--train-data-file", scan, "--output-dir", out, "--overwrite", "--max-steps", strconv.Itoa(steps), "--logger", "none", "--check-geometry=false")
	return out, t.ptycho(ctx, append(args, more...)...)
}

var compiled = regexp.MustCompile(`compiled .* in ([0-9.]+) s`)

// firstFolder holds the model of the first step.
const firstFolder = "first"

// firstStep measures the time from the start of the command to the end of the first training step.
func (t *trial) firstStep(ctx context.Context, r *recorder) error {
	for _, what := range []string{"first start", "second start"} { // at the second start the library is in the page cache
		_, e := t.train(ctx, firstFolder, 1)
		if e.err != nil {
			return e.err
		}
		values := map[string]any{"seconds": e.took.Seconds()}
		if m := compiled.FindSubmatch(e.stderr); m != nil {
			values["compile s"], _ = strconv.ParseFloat(string(m[1]), 64)
		}
		r.add(row{What: what, Values: values})
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < e.took {
			break
		}
	}
	return nil
}

// short returns the flag of conformance for the short selection, if it is asked for.
func (o options) short() []string {
	if o.quick {
		return []string{"--quick"}
	}
	return nil
}

// fast returns the variables that make XLA compile quickly for a CPU, where compiling takes longer than running.
func (t *trial) fast() []string {
	if !t.cpu || os.Getenv("XLA_FLAGS") != "" {
		return nil
	}
	return []string{"XLA_FLAGS=--xla_backend_optimization_level=0"}
}

// namedCases is the number of failed cases that the table names.
const namedCases = 20

// conformanceShare is the part of the stage's time after which no case starts. The last case needs the rest.
const conformanceShare = 0.7

// highestLevel is the highest level of conformance that is tested: level 4 is about processes and memory, and its cases start several.
const highestLevel = 3

// conformance runs the cases that cover every operation, then as many other cases as the time allows.
func (t *trial) conformance(ctx context.Context, r *recorder) error {
	file := filepath.Join(t.work, "conformance.json")
	deadline, _ := ctx.Deadline()
	limit := time.Duration(conformanceShare * float64(time.Until(deadline))).Round(time.Second)
	e := t.execute(ctx, command{path: filepath.Join(t.bin, program), env: t.fast(), tolerates: []int{20, 21}, // 20: cases failed, 21: cases did not run
		args: append(t.engine("conformance", "--level", strconv.Itoa(highestLevel), "--time-limit", limit.String(), "--json", file), t.short()...)})
	if e.err != nil {
		return fmt.Errorf("%w (%d cases had passed)", e.err, strings.Count(string(e.stderr), " passed "))
	}
	var report struct {
		Counts []struct {
			Level                   int
			Title                   string
			Passed, Failed, Skipped int
		}
		Operations struct{ Covered, Left []string }
		NotRun     int `json:"not_run"`
		Results    []struct{ Name, Status, Message string }
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &report)
	}
	if err != nil {
		return fmt.Errorf("the report cannot be read: %w", err)
	}
	note := ""
	if len(report.Operations.Left) > 0 {
		note = "not covered: " + strings.Join(report.Operations.Left, ", ")
	}
	r.add(row{What: "operations", Values: map[string]any{"passed": len(report.Operations.Covered)}, Failed: note != "", Note: note})
	for _, c := range report.Counts[:min(highestLevel+1, len(report.Counts))] {
		r.add(row{What: fmt.Sprintf("level %d, %s", c.Level, c.Title), Values: map[string]any{"passed": c.Passed, "failed": c.Failed, "skipped": c.Skipped}, Failed: c.Failed > 0})
	}
	failed := 0
	for _, one := range report.Results {
		if one.Status != "failed" {
			continue
		}
		if failed++; failed <= namedCases {
			r.add(row{What: "case " + one.Name, Failed: true, Note: one.Message})
		}
	}
	if failed > namedCases {
		r.add(row{What: "more cases", Values: map[string]any{"failed": failed - namedCases}, Failed: true, Note: "not named here"})
	}
	if report.NotRun > 0 {
		r.add(row{What: "cases without time", Values: map[string]any{"skipped": report.NotRun}, Note: fmt.Sprintf("no case started after %v", limit)})
	}
	return nil
}
