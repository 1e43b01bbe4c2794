package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host/rundir"
	"github.com/ptychogo/ptycho/host/track"
)

// TrainReport is what a training run ends with.
type TrainReport struct {
	OutputDir         string      `json:"output_dir"`
	Experiment        string      `json:"experiment"`
	Epochs            int         `json:"epochs"`
	Steps             int         `json:"steps"`
	Parameters        int         `json:"parameters"`
	Patterns          int         `json:"patterns"`
	Last              EpochRecord `json:"last"`
	Seconds           float64     `json:"seconds"`
	Ended             string      `json:"ended"` // "finished", "stopped early", "interrupted", "out of time" or "stopped"
	FlatDeviance      float64     `json:"flat_deviance"`
	ValidationPattern int         `json:"validation_patterns"`
	Monitor           string      `json:"monitor"`    // what the best checkpoints are ranked by
	Best              []Kept      `json:"best"`       // checkpoints, best first
	Beginnings        []Beginning `json:"beginnings"` // that came to nothing
	Weights           string      `json:"weights"`    // of the model: "last", "best", each maybe with "moving average of"
}

// Train trains a model and writes its run directory.
func Train(ctx context.Context, cfg *config.Training, host Host) (TrainReport, error) {
	started := time.Now()
	run, err := prepareTraining(ctx, cfg, host)
	if err != nil {
		return TrainReport{}, err
	}
	defer run.close()
	why, err := run.trainer.run(ctx)
	report := run.report(why, time.Since(started))
	if err != nil {
		return report, errors.Join(err, run.endLog(report, err))
	}
	if err := run.finish(&report); err != nil {
		return report, err
	}
	if err := run.endLog(report, nil); err != nil {
		return report, err
	}
	if why == interrupted {
		mend := "go on with ptycho train --resume " + run.dir.Target()
		if !cfg.Settings().EnableCheckpointing {
			mend = "without checkpoints it cannot go on"
		}
		return report, failf(ExitInterrupted, "train: stopped in epoch %d; %s", run.trainer.at.Epoch+1, mend)
	}
	return report, nil
}

// training is a run with everything that it needs.
type training struct {
	cfg        *config.Training
	host       Host
	scan       *scan.Scan
	test       *scan.Scan // validates; nil: none
	probe      probe
	background []float32 // [N, N] counts, of the forward model
	program    *program.Program
	archConfig arch.Config
	grouper    *scan.Grouper
	dir        *rundir.Dir
	spool      string
	train      []int
	validation []int // patterns of the training scan that validate
	trainer    *trainer
	logger     track.Logger
}

func prepareTraining(ctx context.Context, cfg *config.Training, host Host) (run *training, err error) {
	run = &training{cfg: cfg, host: host}
	defer func() {
		if err != nil {
			run.close()
		}
	}()
	if err := run.read(ctx); err != nil {
		return run, err
	}
	if err := run.fitBackground(ctx); err != nil {
		return run, err
	}
	if err := run.build(); err != nil {
		return run, err
	}
	if err := run.openDirectory(); err != nil {
		return run, err
	}
	if err := run.bindData(); err != nil {
		return run, err
	}
	if err := run.startState(); err != nil {
		return run, err
	}
	return run, run.startLog(ctx)
}

// build makes the groups and the program.
func (run *training) build() (err error) {
	s, m := run.cfg.Settings(), run.cfg.Model()
	grouping := scan.Grouping{Gridsize: m.Gridsize, Batch: s.BatchSize * s.AccumulateGradBatches, Neighbours: s.NeighborCount, Seed: s.Seed, Members: run.train}
	if run.grouper, err = scan.NewGrouper(run.scan.Rows, run.scan.Cols, grouping); err != nil {
		return failf(ExitData, "%s: %w", s.TrainDataFile, err)
	}
	if run.grouper.Steps() < 1 {
		return failf(ExitData, "%s: %d training patterns do not fill one step of %d: lower --batch-size", s.TrainDataFile, len(run.train), grouping.Batch)
	}
	c := m.Architecture()
	c.Modes = run.probe.Count
	if c.NeedsCanvas() {
		offset, err := run.largestOffset()
		if err != nil {
			return err
		}
		c.Canvas = arch.CanvasFor(m.N, offset)
	}
	run.archConfig = c
	if run.program, err = arch.Build(c); err != nil {
		return fail(ExitUsage, err)
	}
	if m.Gridsize == 1 && !arch.SeesGroups(m.Arch) {
		run.host.Notice("gridsize 1: a single pattern cannot tell an object from its twin (conjugate, turned by 180°) if the probe is symmetric; gridsize 2 can")
	}
	return nil
}

// largestOffset is the largest offset from its group's centre that a pattern of training or validation can have.
func (run *training) largestOffset() (float64, error) {
	largest := run.grouper.MaxOffset()
	if len(run.validation) > 0 {
		g, err := run.judges(run.scan)
		if err != nil {
			return 0, err
		}
		largest = max(largest, g.MaxOffset())
	}
	if run.test != nil {
		g, err := run.judges(run.test)
		if err != nil {
			return 0, err
		}
		largest = max(largest, g.MaxOffset())
	}
	return largest, nil
}

// bindData writes the patterns to where the backend maps them and prepares the plan of the run.
func (run *training) bindData() (err error) {
	s, x := run.cfg.Settings(), run.cfg.Execution()
	size := len(run.scan.Counts)
	if run.test != nil {
		size += len(run.test.Counts)
	}
	if run.spool, err = spoolDir(int64(size) * bytesPerCount); err != nil {
		return err
	}
	t := &trainer{
		host: run.host, planned: s.MaxEpochs, epochs: s.MaxEpochs, steps: x.MaxSteps, interval: s.ValCheckInterval, open: run.host.openOptions(x, run.program, true),
		looks:    groupsOf(thin(run.train, lookPatterns), run.scan.Rows, run.scan.Cols, run.program.Group, max(s.BatchSize/run.program.Group, 1)),
		weight:   run.probe.intensity(),
		explodes: s.DivergenceFactor, chances: s.Restarts,
		begin: run.beginning, epoch: run.record, save: run,
	}
	run.trainer = t
	if t.dataset, err = spoolDataset(run.spool, "patterns", run.scan, run.probe, run.background); err != nil {
		return err
	}
	if err = run.labelled(&t.dataset, "patterns", run.scan); err != nil {
		return err
	}
	if t.validate, err = run.validates(); err != nil {
		return err
	}
	t.watch = newWatch(s, len(t.validate.batches) > 0)
	if t.schedule, err = newSchedule(s, run.grouper); err != nil {
		return fail(ExitUsage, err)
	}
	t.template = run.template()
	trainScan, err := run.scan.Select(thin(run.train, featureSample))
	if err != nil {
		return err
	}
	t.flat = flatDeviance(trainScan, run.probe, run.background)
	if x.MaxTime > 0 {
		t.deadline = time.Now().Add(x.MaxTime)
	}
	if x.PreviewEvery > 0 {
		t.preview = run.preview
	}
	return nil
}

// template is what all steps of the run have in common.
func (run *training) template() backend.StepPlan {
	s := run.cfg.Settings()
	loss, _ := run.archConfig.LossScalar() // the program was built with it
	p := backend.StepPlan{
		Optimiser: backend.Optimiser{Kind: backend.OptimiserKind(s.Optimizer), WeightDecay: s.WeightDecay}, EMADecay: s.EMADecay,
		LossWeights: map[string]float64{loss: 1},
	}
	if p.Optimiser.Kind == backend.SGD {
		p.Optimiser.Momentum, p.Optimiser.Nesterov = s.Momentum, s.Momentum > 0
	} else {
		p.Optimiser.Beta1, p.Optimiser.Beta2, p.Optimiser.Epsilon = s.AdamBeta1, s.AdamBeta2, s.AdamEpsilon
	}
	if s.GradientClipVal > 0 {
		p.Clip = backend.Clip{Kind: backend.ClipKind(s.GradientClipAlgorithm), Limit: s.GradientClipVal}
	}
	return p
}

// openDirectory creates the run directory or goes on in it.
func (run *training) openDirectory() (err error) {
	s, x := run.cfg.Settings(), run.cfg.Execution()
	if x.Resume != "" {
		run.dir, err = rundir.Open(config.RunOf(x.Resume))
	} else {
		run.dir, err = rundir.Create(x.Output(s.OutputDir), x.Overwrite)
	}
	return fail(ExitUsage, err)
}

// finish writes the model: the weights of the end, or the best ones, or their moving average.
func (run *training) finish(report *TrainReport) error {
	t, s := run.trainer, run.cfg.Settings()
	if err := run.dir.Commit(); err != nil {
		return err
	}
	state, epochs := t.state, t.at.Epoch
	report.Weights = "last"
	if s.FinalWeights == "best" && len(t.at.Best) > 0 {
		var at position
		best, err := bundle.ReadCheckpointFile(filepath.Join(run.dir.Target(), bundle.CheckpointDir, t.at.Best[0].File), &at)
		if err != nil {
			return fail(ExitData, err)
		}
		state, epochs, report.Weights = best, at.Epoch, "best"
	}
	weights := state.Slots[backend.Weights]
	if average := state.Slots[backend.EMA]; s.EMADecay > 0 && len(average) > 0 {
		weights = overlaid(weights, average)
		report.Weights = "moving average of " + report.Weights
	}
	settings, err := json.Marshal(run.archConfig)
	if err != nil {
		return err
	}
	return bundle.Write(run.dir.Target(), &bundle.Model{
		Manifest: bundle.Manifest{
			CreatedBy: "ptycho " + Version, Arch: run.program.Name, N: run.program.N, Gridsize: run.archConfig.Gridsize, Settings: settings,
			Modes: run.probe.Count, ProbeFactor: run.probe.Factor, MeanCounts: run.meanCounts(), Background: s.Background,
			Epochs: epochs, Steps: int(state.Step), Seed: s.Seed, Backend: run.cfg.Execution().Backend, Data: run.scan.Fingerprint(),
		},
		Weights: weights, Buffers: state.Slots[backend.Buffers], Probe: run.probe.Modes,
	})
}

func (run *training) report(why ending, took time.Duration) TrainReport {
	t := run.trainer
	r := TrainReport{OutputDir: run.dir.Target(), Experiment: run.cfg.Execution().ExperimentName, Epochs: t.at.Epoch, Steps: int(t.state.Step), Parameters: run.program.Parameters(),
		Patterns: len(run.train), ValidationPattern: len(run.validation), Seconds: took.Seconds(), FlatDeviance: t.flat, Ended: string(why),
		Monitor: t.watch.name, Best: t.at.Best, Beginnings: t.at.Beginnings}
	if run.test != nil {
		r.ValidationPattern = run.test.Len()
	}
	if why == finished {
		r.Ended = "finished"
		if t.epochs < run.cfg.Settings().MaxEpochs {
			r.Ended = string(outOfSteps)
		}
	}
	if n := len(t.at.Records); n > 0 {
		r.Last = t.at.Records[n-1]
	}
	return r
}

func (run *training) close() {
	run.abandonLog()
	if run.dir != nil {
		_ = run.dir.Close() // what could not be removed is only scratch
	}
	if run.spool != "" {
		_ = os.RemoveAll(run.spool)
	}
}

// bytesPerCount is the size of a count where the backend maps it, a float32.
const bytesPerCount = 4

// spoolDir makes a directory for that many bytes that the backend will map: in memory where there is ample room.
func spoolDir(bytes int64) (string, error) {
	for _, parent := range []string{"/dev/shm", os.TempDir()} {
		if parent == "/dev/shm" && !roomFor(parent, 2*bytes) {
			continue
		}
		if dir, err := os.MkdirTemp(parent, "ptycho-spool-"); err == nil {
			return dir, nil
		} else if parent != "/dev/shm" {
			return "", fmt.Errorf("spool: %w", err)
		}
	}
	return "", errors.New("spool: no place for the patterns")
}
