package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/tensor"
)

// The files of a run directory besides the model and its checkpoints.
const (
	ConfigFile  = "config.json"
	MetricsFile = "metrics.csv"
	RowsFile    = "rows.json"   // which patterns of the file train and which validate
	ReportFile  = "report.json" // what the run, or the reconstruction, came to
)

// startState draws the initial weights and measures the features, or reads a checkpoint.
func (run *training) startState() error {
	t, x := run.trainer, run.cfg.Execution()
	if x.Resume != "" {
		if err := run.resume(); err != nil {
			return err
		}
	} else {
		t.at.Data = run.scan.Fingerprint()
		state, err := run.beginning(0)
		if err != nil {
			return err
		}
		t.state = state
		rows, err := json.Marshal(map[string][]int{"train": run.fileRows(run.train), "validation": run.fileRows(run.validation)})
		if err != nil {
			return err
		}
		if err := run.dir.WriteFile(RowsFile, append(rows, '\n')); err != nil {
			return err
		}
	}
	if x.StopAfter > 0 {
		t.epochs = min(t.epochs, t.at.Epoch+x.StopAfter)
	}
	return run.writeConfig() // a longer plan holds for the next resumption too
}

// resume reads where the run stands: the newest checkpoint, or the one that was named.
func (run *training) resume() error {
	t, s, x := run.trainer, run.cfg.Settings(), run.cfg.Execution()
	target := run.dir.Target()
	var err error
	if config.RunOf(x.Resume) != x.Resume {
		if t.state, err = bundle.ReadCheckpointFile(x.Resume, &t.at); err != nil {
			return fail(ExitData, err)
		}
		if err := bundle.ForgetAfter(target, t.state.Step); err != nil {
			return err
		}
	} else {
		var skipped []error
		t.state, skipped, err = bundle.ReadCheckpoint(target, &t.at)
		for _, e := range skipped {
			run.host.Notice("%v: going on from the checkpoint before it", e)
		}
		if err != nil {
			return fail(ExitData, err)
		}
	}
	if t.at.Step >= t.schedule.stepsPerEpoch { // only after a forced change of the batch
		t.at.Epoch, t.at.Step, t.at.Sums = t.at.Epoch+1, 0, sums{}
	}
	if got := run.scan.Fingerprint(); t.at.Data != got {
		if !x.Force {
			return failf(ExitData, "%s: the run was trained on other patterns than %s holds now: give the file of that run, or go on with these by --force", target, s.TrainDataFile)
		}
		run.host.Notice("going on with other patterns than the run was trained on, as --force says")
		t.at.Data = got
	}
	run.host.Notice("resuming %s at epoch %d, step %d", target, t.at.Epoch+1, t.at.Step)
	return nil
}

// anotherStream keeps the weights of several beginnings apart: the fractional part of the golden ratio in 64 bits, whose
// multiples are far from each other.
const anotherStream = 0x9E3779B97F4A7C15

// beginning is the initial state of a beginning, from 0: each has weights of its own.
func (run *training) beginning(n int) (backend.State, error) {
	weights, err := arch.Initial(run.program, uint64(run.cfg.Settings().Seed)+uint64(n)*anotherStream)
	if err != nil {
		return backend.State{}, err
	}
	buffers, err := features(run.program, run.scan, run.train, run.probe)
	if err != nil {
		return backend.State{}, err
	}
	if n > 0 { // the checkpoints of the one before are those of a dead network
		if err := bundle.ForgetAfter(run.dir.Path(""), 0); err != nil {
			return backend.State{}, err
		}
	}
	return weightState(weights, buffers), nil
}

// last saves where the run stands. The first checkpoint makes the run directory appear.
func (run *training) last(at position, state backend.State, whole bool) error {
	s := run.cfg.Settings()
	done := at.Epoch == run.trainer.epochs
	if !s.EnableCheckpointing {
		return run.logger.Kept(at.Done)
	}
	if whole && !done && at.Epoch%s.CheckpointEvery != 0 {
		return nil
	}
	if err := run.logger.Sync(); err != nil {
		return err
	}
	if err := run.dir.Commit(); err != nil {
		return err
	}
	if err := bundle.WriteCheckpoint(run.dir.Target(), state, at); err != nil {
		return err
	}
	return run.logger.Kept(at.Done)
}

// best keeps a checkpoint that is among the best so far.
func (run *training) best(k Kept, dropped []Kept, at position, state backend.State) error {
	if err := run.dir.Commit(); err != nil {
		return err
	}
	if err := bundle.WriteNamedCheckpoint(run.dir.Target(), k.File, state, at); err != nil {
		return err
	}
	for _, d := range dropped {
		if err := bundle.RemoveCheckpoint(run.dir.Target(), d.File); err != nil {
			return err
		}
	}
	return nil
}

// overlaid is weights with those of over in their place.
func overlaid(weights, over map[string]tensor.Tensor) map[string]tensor.Tensor {
	out := maps.Clone(weights)
	maps.Copy(out, over)
	return out
}

// writeConfig stores every setting with its origin.
func (run *training) writeConfig() error {
	text, err := run.cfg.JSON()
	if err != nil {
		return err
	}
	return run.dir.WriteFile(ConfigFile, text)
}

// fileRows are the rows of the file behind rows of the selected scan.
func (run *training) fileRows(rows []int) []int {
	out := make([]int, len(rows))
	for i, r := range rows {
		out[i] = run.scan.Index[r]
	}
	return out
}

var metricsHeader = []string{"epoch", "step", "learning_rate", "loss", "deviance", "expected_deviance", "flat_deviance",
	"validation_deviance", "grad_norm", "contrast", "response", "patterns_per_second", "waited_seconds"}

// significant digits of a metric in text: all that a float32 holds.
const significantDigits = 8

// record writes the metrics of all epochs so far.
func (run *training) record(r EpochRecord) error {
	var rows [][]string
	for _, e := range append(slices.Clone(run.trainer.at.Records), r) {
		row := []string{strconv.Itoa(e.Epoch), strconv.Itoa(e.Step)}
		validation := math.NaN()
		if e.ValidationDeviance != nil {
			validation = *e.ValidationDeviance
		}
		for _, v := range []float64{e.LearningRate, e.Loss, e.Deviance, e.ExpectedDeviance, e.FlatDeviance, validation, e.GradNorm, e.Contrast, e.Response, e.PatternsPerSecond, e.Waited} {
			text := strconv.FormatFloat(v, 'g', significantDigits, 64)
			if math.IsNaN(v) {
				text = ""
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	validated := ""
	if r.ValidationDeviance != nil {
		validated = fmt.Sprintf(", validation %.4g", *r.ValidationDeviance)
	}
	run.host.Notice("epoch %d of %d: deviance %.4g per pixel (perfect fit %.3g, flat object %.3g)%s, %.0f patterns/s", r.Epoch, run.cfg.Settings().MaxEpochs, r.Deviance, r.ExpectedDeviance, r.FlatDeviance, validated, r.PatternsPerSecond)
	return run.dir.WriteTable(MetricsFile, metricsHeader, rows)
}
