//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// size is one size of a training step.
type size struct{ n, batch int }

func (s size) String() string { return fmt.Sprintf("N = %d, %d patterns", s.n, s.batch) }

// all returns the sizes of the trial, those with the fewest pixels first.
func (o options) all() []size {
	var out []size
	for _, n := range o.sizes {
		for _, b := range o.batches {
			out = append(out, size{n, b})
		}
	}
	slices.SortStableFunc(out, func(a, b size) int { return cmp.Compare(a.n*a.n*a.batch, b.n*b.n*b.batch) })
	return out
}

// caseShare is the largest part of a stage's time for one size, so that a size that hangs leaves time for others.
const caseShare = 0.4

// share returns a part of the remaining time of a stage.
func share(ctx context.Context, part float64) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Duration(part * float64(time.Until(deadline)))
}

// memoryColumn is the peak memory: of the GPU above its use before the command, or of the backend's process on a CPU.
const memoryColumn = "peak MiB"

var trainingColumns = []string{"patterns/s", "step ms", "compile s", "predicted/s", memoryColumn, "host MiB"}

// training measures steps of every size.
func (t *trial) training(ctx context.Context, r *recorder) error {
	limit := share(ctx, caseShare)
	for _, s := range t.all() {
		if ctx.Err() != nil {
			r.add(row{What: s.String(), Failed: true, Note: "no time was left"})
			continue
		}
		r.add(t.step(ctx, s, limit))
	}
	return nil
}

// step measures a training step of one size, with further arguments of ptycho bench.
func (t *trial) step(ctx context.Context, s size, limit time.Duration, more ...string) row {
	row := row{What: s.String()}
	args := t.engine("bench", "--json", "--quiet", "--threads", "0", "--steps", strconv.Itoa(t.steps), "--n", strconv.Itoa(s.n), "--batch-size", strconv.Itoa(s.batch))
	before := t.memory.start()
	e := t.execute(ctx, command{path: filepath.Join(t.bin, program), args: append(args, more...), limit: limit})
	var results []struct {
		Train     float64 `json:"train_per_s"`
		Step      float64 `json:"step_s"`
		Compile   float64 `json:"compile_s"`
		Predicted float64 `json:"predict_per_s"`
		Peak      float64 `json:"peak_bytes"`
	}
	if e.err == nil {
		e.err = json.Unmarshal(e.stdout, &results)
	}
	if e.err == nil && len(results) != 1 {
		e.err = fmt.Errorf("ptycho bench returned %d results, want 1", len(results))
	}
	if e.err != nil {
		row.Failed, row.Note = true, e.err.Error()
		return row
	}
	b := results[0]
	row.Values = map[string]any{"patterns/s": b.Train, "step ms": 1e3 * b.Step, "compile s": b.Compile, "predicted/s": b.Predicted, "host MiB": b.Peak / (1 << 20)}
	if t.cpu {
		row.Values[memoryColumn] = b.Peak / (1 << 20)
	} else if t.memory != nil {
		row.Values[memoryColumn] = t.memory.most() - before
	}
	return row
}

// measured returns the value of a row of an earlier stage, 0 if it is missing.
func (t *trial) measured(stage, what, column string) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.result.Stages {
		for _, row := range s.Rows {
			if s.Name == stage && row.What == what {
				v, _ := row.Values[column].(float64)
				return v
			}
		}
	}
	return 0
}

var pytorchColumns = []string{"patterns/s", "step ms", "compile s", memoryColumn, "ours / PyTorch"}

// pytorch measures the same network in PyTorch, eager first, then compiled.
func (t *trial) pytorch(ctx context.Context, r *recorder) error {
	if t.found.about.Packages["torch"] == "" {
		return &skipped{"no Python with torch was found; name one with --python"}
	}
	device := "cuda"
	if t.cpu {
		device = "cpu"
	}
	const most = 0.9 // no case starts after this part of the time
	args := []string{filepath.Join(t.bundle, peerScript), "--same-process", "--device", device, "--threads", "0", "--steps", strconv.Itoa(t.steps),
		"--seconds", strconv.Itoa(int(share(ctx, most).Seconds())), "--modes", "eager"}
	if t.cpu {
		r.add(row{What: "compiled", Note: "left out: torch.compile takes minutes on a CPU"})
	} else {
		args = append(args, "compiled")
	}
	args = append(args, "--sizes")
	for _, s := range t.all() {
		args = append(args, fmt.Sprintf("%dx%d", s.n, s.batch))
	}
	e := t.execute(ctx, command{path: t.found.python, args: args})
	rows, err := t.peers(e.stdout)
	for _, row := range rows {
		r.add(row)
	}
	if e.err != nil && len(rows) > 0 {
		r.add(row{What: "the rest", Failed: true, Note: e.err.Error()})
		return nil
	}
	if e.err != nil {
		return e.err
	}
	return err
}

// peers parses the lines of the PyTorch script. A kill may have truncated the last line.
func (t *trial) peers(text []byte) ([]row, error) {
	var rows []row
	for line := range bytes.Lines(text) {
		var one struct {
			N        int     `json:"n"`
			Patterns int     `json:"patterns"`
			Mode     string  `json:"mode"`
			Wall     float64 `json:"wall_s"`
			Compile  float64 `json:"compile_s"`
			Peak     float64 `json:"peak_mib"`
			Failed   string  `json:"failed"`
		}
		if err := json.Unmarshal(line, &one); err != nil {
			if bytes.HasSuffix(line, []byte("\n")) && bytes.HasPrefix(line, []byte("{")) {
				return rows, fmt.Errorf("a line of %s cannot be read: %w", peerScript, err)
			}
			continue
		}
		s := size{one.N, one.Patterns}
		row := row{What: s.String() + ", " + one.Mode}
		if one.Failed != "" {
			row.Failed, row.Note = true, one.Failed
			rows = append(rows, row)
			continue
		}
		theirs := float64(one.Patterns) / one.Wall
		row.Values = map[string]any{"patterns/s": theirs, "step ms": 1e3 * one.Wall, "compile s": one.Compile, memoryColumn: one.Peak}
		if ours := t.measured("training", s.String(), "patterns/s"); ours > 0 {
			row.Values["ours / PyTorch"] = ours / theirs
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s printed no result", peerScript)
	}
	return rows, nil
}

var tf32Columns = []string{"patterns/s", "step ms", "difference", "limit"}

// tf32 measures speed and parity without and with TF32.
func (t *trial) tf32(ctx context.Context, r *recorder) error {
	if t.cpu {
		return &skipped{"TF32 is a format of GPUs"}
	}
	sizes := t.all()
	s := sizes[len(sizes)/2]
	limit := share(ctx, caseShare)
	for _, c := range []struct {
		name string
		args []string
	}{{"full precision", nil}, {"TF32", []string{"--tf32"}}} {
		row := t.step(ctx, s, limit, c.args...)
		row.What = c.name + ": step, " + s.String()
		r.add(row)
	}
	pairs, _ := t.pairs()
	cells, err := t.compared(ctx, pairs[0], "--tf32")
	for _, c := range cells {
		note := ""
		if !c.Within {
			note = "above the limit of full precision, as TF32 may be"
		}
		r.add(row{What: "TF32 compared with Gorgonia on the CPU: " + c.Quantity, Values: map[string]any{"difference": c.Difference, "limit": c.Limit}, Note: strings.TrimSpace(note)})
	}
	return err
}
