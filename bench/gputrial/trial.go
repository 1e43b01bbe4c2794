//go:build linux

package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Time limits.
const (
	defaultLimit = 6 * time.Minute
	minLimit     = 10 * time.Second
	// reserve is the time for killing running processes and writing the last result.
	reserve = 2 * time.Second
	// worthwhile is the least remaining time with which a stage starts.
	worthwhile = 2 * time.Second
)

// stage is one part of the trial. Its limit is for a trial of six minutes, and scales with the trial's limit.
type stage struct {
	name, title string
	limit       time.Duration
	columns     []string
	run         func(t *trial, ctx context.Context, r *recorder) error
}

// stages lists the stages in the order of their value, so that the least valuable ones are left out when the time ends. The sum
// of their limits is above six minutes, because few stages need all of their time.
var stages = []stage{
	{"machine", "the machine, its Python and its libraries", 25 * time.Second, []string{"found"}, (*trial).machine},
	{"first-step", "time to the first training step of the U-Net, at the smallest size", 40 * time.Second, []string{"seconds", "compile s"}, (*trial).firstStep},
	{"conformance", "every operation against core/reference", 60 * time.Second, []string{"passed", "failed", "skipped"}, (*trial).conformance},
	{"parity", "the backend compared with Gorgonia on this machine's CPU, Gorgonia also with XLA", 40 * time.Second, parityColumns, (*trial).parity},
	{"training", "training step of the U-Net", 100 * time.Second, trainingColumns, (*trial).training},
	{"pytorch", "the same network in PyTorch on the same device", 70 * time.Second, pytorchColumns, (*trial).pytorch},
	{"bits", "two runs, equal to the bit or not", 40 * time.Second, []string{"equal", "arrays", "arrays that differ", "largest difference"}, (*trial).bits},
	{"tf32", "TF32 off and on", 50 * time.Second, tf32Columns, (*trial).tf32},
	{"inference", "inference with stitching", 45 * time.Second, []string{"patterns/s", "seconds", "patterns/s of the network", "R", "R of a flat object"}, (*trial).inference},
	{"kernels", "the ten longest kernels of a training step", 40 * time.Second, kernelColumns, (*trial).kernels},
	{"sanitizer", "Gorgonia's kernels under compute-sanitizer", 60 * time.Second, []string{"errors", "passed"}, (*trial).sanitizer},
}

func stageNames() []string {
	var names []string
	for _, s := range stages {
		names = append(names, s.name)
	}
	return names
}

// skipped is the reason why a stage cannot run on this machine.
type skipped struct{ reason string }

func (s *skipped) Error() string { return s.reason }

// trial is one run of this program.
type trial struct {
	options
	stages  []stage
	result  *result
	work    string // temporary; holds copies of the programs, scans and models
	bin     string // folder with ptycho and its backend
	found   tools
	memory  *sampler   // of the GPU; nil on a CPU
	out     io.Writer  // for the table
	log     io.Writer  // for progress
	mu      sync.Mutex // guards result and written: the last write may come from the timer
	written error      // the first error of writing the result
}

func newTrial(o options, stages []stage) (*trial, error) {
	t := &trial{options: o, stages: stages, out: os.Stdout, log: os.Stderr, result: &result{Device: o.device(), Started: time.Now(), Limit: o.limit.Seconds()}}
	if err := adoptOrphans(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.output, 0o777); err != nil {
		return nil, fmt.Errorf("--output-dir: %w", err)
	}
	var err error
	if t.work, err = os.MkdirTemp(o.work, "gpu-trial-"); err != nil {
		return nil, fmt.Errorf("--work: %w", err)
	}
	for _, s := range stages {
		one := &Stage{Name: s.name, Title: s.title, State: Waiting, Columns: s.columns, Rows: []row{}, Limit: t.scaled(s.limit).Seconds()}
		if len(o.only) > 0 && !slices.Contains(o.only, s.name) {
			one.State, one.Note = Skipped, "not among --only"
		}
		t.result.Stages = append(t.result.Stages, one)
	}
	t.bin = t.copyPrograms()
	return t, nil
}

// scaled returns a stage's limit, scaled with the limit of this trial.
func (t *trial) scaled(limit time.Duration) time.Duration {
	return time.Duration(float64(limit) * float64(t.limit) / float64(defaultLimit))
}

// copyPrograms copies ptycho and its backends to the temporary folder, to which only this user can write: ptycho refuses a plugin
// in a folder that others can write to, and the folder of the bundle may be such a folder. Backends that the bundle holds compressed
// are expanded. If a copy fails, for example on a full disk, the trial runs the programs of the bundle.
func (t *trial) copyPrograms() string {
	folder := t.work
	for _, name := range []string{program, backendProgram, dynamicProgram} {
		from, to := filepath.Join(t.bundle, name), filepath.Join(t.work, name)
		var err error
		if _, missing := os.Stat(from + ".gz"); missing == nil {
			err = expandFile(from+".gz", to)
		} else if err = copyFile(from, to); name == dynamicProgram && errors.Is(err, fs.ErrNotExist) {
			err = nil // only NVIDIA's tools need it
		}
		if err != nil {
			fmt.Fprintf(t.log, "gpu-trial: %v; the programs run from %s\n", err, t.bundle)
			folder = t.bundle
		}
	}
	return folder
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeProgram(to, text)
}

// expandFile writes the content of a gzip file.
func expandFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return writeProgram(to, text)
}

func writeProgram(path string, text []byte) error {
	err := os.WriteFile(path, text, 0o755)
	if err != nil {
		_ = os.Remove(path) // a partial copy would only use space
	}
	return err
}

// run runs the stages and returns the exit code.
func (t *trial) run(ctx context.Context) int {
	end := t.result.Started.Add(t.limit)
	ctx, cancel := context.WithDeadline(ctx, end.Add(-reserve))
	defer cancel()
	// After the limit the result is written and the program ends, even if a stage still blocks.
	timer := time.AfterFunc(time.Until(end)-reserve/4, func() {
		written := make(chan bool)
		go func() {
			t.conclude()
			close(written)
		}()
		select {
		case <-written:
		case <-time.After(reserve / 8): // the disk may not respond
		}
		killOffspring(nil)
		os.Exit(exitFailed)
	})
	defer timer.Stop()
	t.findTools(ctx)
	if !t.cpu {
		t.memory = startSampler(ctx, t.found.smi)
	}
	t.write()
	for i, s := range t.stages {
		if one := t.result.Stages[i]; one.State == Waiting {
			t.perform(ctx, s, one)
		}
	}
	t.conclude()
	fmt.Fprint(t.out, t.result.table())
	for _, s := range t.result.Stages {
		if s.State != Done && s.State != Skipped {
			return exitFailed
		}
	}
	if t.written != nil {
		return exitFailed
	}
	return 0
}

// perform runs one stage within its limit.
func (t *trial) perform(ctx context.Context, s stage, one *Stage) {
	limit := t.scaled(s.limit)
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	if ctx.Err() != nil || limit < worthwhile {
		t.update(func() { one.State, one.Note = NotRun, "no time was left" })
		return
	}
	fmt.Fprintf(t.log, "gpu-trial: %s: %s (at most %.0f s)\n", s.name, s.title, limit.Seconds())
	began := time.Now()
	t.update(func() { one.State, one.Limit = Running, limit.Seconds() })
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := s.run(t, ctx, &recorder{t, one})
	t.update(func() {
		one.Seconds = time.Since(began).Seconds()
		one.end(err)
	})
	fmt.Fprintf(t.log, "gpu-trial: %s: %s after %.1f s %s\n", s.name, one.State, one.Seconds, cell(one.Note))
}

// end sets the state of a stage that returned.
func (s *Stage) end(err error) {
	failed := 0
	for _, r := range s.Rows {
		if r.Failed {
			failed++
		}
	}
	var skip *skipped
	switch {
	case errors.As(err, &skip):
		s.State, s.Note = Skipped, skip.reason
	case err != nil:
		s.State, s.Note = Failed, err.Error()
	case failed > 0 && failed == len(s.Rows):
		s.State, s.Note = Failed, "every row failed: "+s.Rows[0].Note
	case failed > 0:
		s.State, s.Note = Partly, fmt.Sprintf("%d of %d rows failed", failed, len(s.Rows))
	default:
		s.State = Done
	}
}

// recorder adds rows to a stage.
type recorder struct {
	trial *trial
	stage *Stage
}

// add adds a row. A number that is not finite becomes text, because JSON cannot represent it and the whole result could not be
// written.
func (r *recorder) add(row row) {
	for name, v := range row.Values {
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			row.Values[name] = fmt.Sprint(f)
		}
	}
	r.trial.update(func() { r.stage.Rows = append(r.stage.Rows, row) })
}

// note adds a row without numbers.
func (r *recorder) note(what, found string) {
	r.add(row{What: what, Values: map[string]any{"found": found}})
}

// update changes the result and writes it.
func (t *trial) update(change func()) {
	t.mu.Lock()
	change()
	t.mu.Unlock()
	t.write()
}

// write writes the result. It reports a failure, for example a full disk, once. The stages continue, and the table is printed at
// the end.
func (t *trial) write() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Seconds = time.Since(t.result.Started).Seconds()
	err := t.result.write(t.output)
	if err != nil && t.written == nil {
		fmt.Fprintf(t.log, "gpu-trial: %v; the table is printed at the end\n", err)
	}
	t.written = err
}

// conclude completes the result. A stage that still runs was stopped by the limit.
func (t *trial) conclude() {
	t.update(func() {
		t.result.Ended = true
		for _, s := range t.result.Stages {
			switch s.State {
			case Running:
				s.State, s.Note = Failed, "stopped at the limit of the whole trial"
			case Waiting:
				s.State, s.Note = NotRun, "no time was left"
			}
		}
	})
}

// close removes the temporary folder.
func (t *trial) close() {
	killOffspring(nil)
	_ = os.RemoveAll(t.work) // a temporary folder
}
