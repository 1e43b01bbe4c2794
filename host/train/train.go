// Package train trains a network on a scan, with or without labels: it prepares the inputs of the loop, writes the output
// folder, and shows pictures during the training. Package loop does the steps.
package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/train/loop"
	"github.com/ptychogo/ptycho/internal/words"
)

// Report is the report of a training run.
type Report struct {
	OutputDir         string           `json:"output_dir"`
	Experiment        string           `json:"experiment"`
	Epochs            int              `json:"epochs"`
	Steps             int              `json:"steps"`
	Parameters        int              `json:"parameters"`
	Patterns          int              `json:"patterns"`
	Last              loop.EpochRecord `json:"last"`
	Seconds           float64          `json:"seconds"`
	Ended             loop.Ending      `json:"ended"`
	FlatDeviance      float64          `json:"flat_deviance"`
	ValidationPattern int              `json:"validation_patterns"`
	Monitor           string           `json:"monitor"`    // metric that ranks the best checkpoints
	Best              []loop.Kept      `json:"best"`       // checkpoints, best first
	Beginnings        []loop.Beginning `json:"beginnings"` // attempts whose network collapsed
	// Examination holds the findings and the repairs of the training scan; nil with --examine off.
	Examination *dataset.Examined   `json:"examination,omitempty"`
	Calibration *bundle.Calibration `json:"calibration,omitempty"` // what was fitted first
	Weights     string              `json:"weights"`               // of the model: "last" or "best", possibly after "moving average of"
}

// Run trains a model and writes its run directory.
func Run(ctx context.Context, cfg *config.Training, h host.Host) (Report, error) {
	started := time.Now()
	early, done := h.Prompt(ctx) // before the first step there is nothing to save
	defer done()
	run, err := prepare(early, cfg, h)
	defer run.close()
	if err != nil {
		if early.Err() != nil && ctx.Err() == nil {
			err = host.Failf(host.ExitInterrupted, "train: stopped before the first step; nothing was written")
		}
		return Report{}, err
	}
	why, err := run.trainer.Run(ctx)
	report := run.report(why, time.Since(started))
	if err != nil {
		err = dataset.Blame(explained(err, run.inputs.Examined.Train), run.inputs.Scan, run.inputs.Test)
		return report, errors.Join(err, run.folder.End(report, report.Ended, err))
	}
	if report.Weights, err = run.folder.Model(run.model, run.trainer, run.inputs.MeanCounts(), run.inputs.Calibrated); err != nil {
		return report, err
	}
	if err := run.folder.End(report, report.Ended, nil); err != nil {
		return report, err
	}
	if why == loop.Interrupted {
		next := "continue with ptycho train --resume " + run.folder.Target()
		if !cfg.Settings().EnableCheckpointing {
			next = "without checkpoints the run cannot be resumed"
		}
		return report, host.Failf(host.ExitInterrupted, "train: stopped in epoch %d; %s", run.trainer.At.Epoch+1, next)
	}
	return report, nil
}

// explained adds the likely causes, from the examination of the scan, to the error of a training that failed.
func explained(err error, of *dataset.Examined) error {
	if likely := of.Likely(); likely != "" && host.ExitCode(err) == host.ExitDiverged {
		return host.Failf(host.ExitDiverged, "%w; %s", err, likely)
	}
	return err
}

// training is a run with its data, model, folder and trainer.
type training struct {
	cfg     *config.Training
	host    host.Host
	inputs  *inputs
	model   *model.Model
	folder  *folder
	spooled spooled
	trainer *loop.Trainer
	started string // start of the network
}

// prepare does the work of a run before its first step. The caller must close the run, also after an error.
func prepare(ctx context.Context, cfg *config.Training, h host.Host) (*training, error) {
	run := &training{cfg: cfg, host: h}
	var err error
	if run.folder, err = openFolder(cfg, h); err != nil {
		return run, err
	}
	if err := run.read(ctx); err != nil {
		return run, err
	}
	run.folder.data, run.folder.format = run.inputs.Data, run.inputs.Scan.Format
	if first := run.inputs.first; first != nil {
		run.folder.first = first.Digest
	}
	if err := run.plan(ctx); err != nil {
		return run, err
	}
	if err := run.start(); err != nil {
		return run, err
	}
	if err := run.folder.StartLog(run.trainer); err != nil {
		return run, err
	}
	if x := cfg.Execution(); x.PreviewEvery > 0 {
		run.trainer.Preview = run.preview
	}
	return run, nil
}

// read reads the data and builds the network for it.
func (run *training) read(ctx context.Context) (err error) {
	run.spooled.Spool = newSpool(run.cfg).Watch(run.host.Progress)
	if run.inputs, err = readInputs(ctx, run.cfg, run.host, run.spooled.Spool); err != nil {
		return err
	}
	m := run.cfg.Model()
	if m.Start, err = run.networkStart(m); err != nil {
		return err
	}
	run.started = m.Start
	if run.model, err = model.New(m, run.inputs.Probe, run.cfg.Settings().Background, run.inputs.factor != nil, run.inputs.first, run.inputs.LargestOffset); err != nil {
		return err
	}
	if m.Gridsize == 1 && !run.model.SeesGroups() {
		run.host.Notice("gridsize 1: with a symmetric probe the object cannot be distinguished from its twin (conjugate, turned by 180°); gridsize 2 can")
	}
	return nil
}

// plan spools the patterns for the backend and creates the trainer.
func (run *training) plan(ctx context.Context) (err error) {
	if run.spooled, err = run.inputs.Spool(ctx, run.model); err != nil {
		return err
	}
	work := loop.Work{
		Open: run.host.OpenOptions(run.cfg.Execution(), run.model.Program, true), Patterns: run.spooled.Patterns,
		ValidationData: run.spooled.ValidationData, ValidationBatches: run.spooled.ValidationBatches, Groups: run.inputs.Groups,
		Looks: run.inputs.Looks(loop.LookPatterns), Weight: run.inputs.Probe.Intensity(), Keep: verified{run.folder, run.inputs}, Begin: run.begin,
	}
	if start := run.model.Start(); start != nil {
		work.Start = func(row int) []complex64 { return start(run.inputs.Scan.Pattern(row)) }
	}
	work.Loss, _ = run.model.Config.LossScalar() // the program was built from this configuration
	if work.Flat, err = run.inputs.FlatDeviance(); err != nil {
		return err
	}
	run.trainer, err = loop.New(run.cfg, run.host, work)
	return err
}

// start draws the initial weights and measures the features, or reads a checkpoint.
func (run *training) start() (err error) {
	t, x, data := run.trainer, run.cfg.Execution(), run.inputs.Scan
	if x.Resume != "" {
		at, state, err := run.folder.Resume()
		if err != nil {
			return err
		}
		at.Start = run.started
		t.Resume(at, state)
		run.host.Notice("%s", resumption(run.folder.Target(), t.At, t.Epochs()))
	} else {
		t.At.Data, t.At.FirstPass, t.At.Start = run.folder.data, run.folder.first, run.started
		if t.State, err = run.begin(0); err != nil {
			return err
		}
		if err := run.folder.FirstPass(run.model.First); err != nil {
			return err
		}
		if err := run.folder.Rows(data.FileRows(run.inputs.Train), data.FileRows(run.inputs.Validation)); err != nil {
			return err
		}
	}
	if err := run.folder.Examined(run.inputs.Examined); err != nil {
		return err
	}
	if x.StopAfter > 0 {
		t.StopAfter(x.StopAfter)
	}
	return run.folder.Settings() // a longer plan is kept for the next resume
}

// resumption says where a resumed run continues, or that it is complete.
func resumption(target string, at loop.Position, epochs int) string {
	if at.Epoch >= epochs {
		return fmt.Sprintf("%s is complete: %s done; a larger --max-epochs than %d trains it further", target, words.Of(at.Epoch, "epoch")+" "+words.Verb(at.Epoch, "is", "are"), epochs)
	}
	return fmt.Sprintf("resuming %s at epoch %d of %d, step %d", target, at.Epoch+1, epochs, at.Step)
}

// anotherStream separates the seeds of restarts: the fractional part of the golden ratio in 64 bits, whose multiples are far
// from each other.
const anotherStream = 0x9E3779B97F4A7C15

// begin returns the initial state after n restarts. The weights differ for each n.
func (run *training) begin(n int) (backend.State, error) {
	state, err := run.model.Begin(uint64(run.cfg.Settings().Seed)+uint64(n)*anotherStream, run.inputs.Scan, run.inputs.Train)
	if err == nil && n > 0 { // the existing checkpoints are of a collapsed network
		err = run.folder.Forget()
	}
	return state, err
}

func (run *training) report(why loop.Ending, took time.Duration) Report {
	t, m := run.trainer, run.inputs
	r := Report{OutputDir: run.folder.Target(), Experiment: run.cfg.Execution().ExperimentName, Epochs: t.At.Epoch, Steps: int(t.State.Step), Parameters: run.model.Parameters(),
		Patterns: len(m.Train), ValidationPattern: m.ValidationPatterns(), Seconds: took.Seconds(), FlatDeviance: t.Flat, Ended: why,
		Examination: m.Examined.Train, Calibration: m.Calibrated, Monitor: t.Monitor(), Best: t.At.Best, Beginnings: t.At.Beginnings}
	if why == loop.Finished && t.Epochs() < run.cfg.Settings().MaxEpochs {
		r.Ended = loop.OutOfSteps
	}
	if n := len(t.At.Records); n > 0 {
		r.Last = t.At.Records[n-1]
	}
	return r
}

func (run *training) close() {
	if run.folder != nil {
		run.folder.Close()
	}
	run.spooled.Remove()
}
