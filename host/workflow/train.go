package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host/rundir"
)

// The files of a run directory besides the model and its checkpoints.
const (
	ConfigFile  = "config.json"
	MetricsFile = "metrics.csv"
	RowsFile    = "rows.json" // which patterns of the file train and which validate
)

// TrainReport is what a training run ends with.
type TrainReport struct {
	OutputDir         string      `json:"output_dir"`
	Epochs            int         `json:"epochs"`
	Steps             int         `json:"steps"`
	Parameters        int         `json:"parameters"`
	Patterns          int         `json:"patterns"`
	Last              EpochRecord `json:"last"`
	Seconds           float64     `json:"seconds"`
	Ended             string      `json:"ended"` // "finished", "interrupted", "out of time" or "stopped"
	FlatDeviance      float64     `json:"flat_deviance"`
	ValidationPattern int         `json:"validation_patterns"`
}

// lookPatterns is how many patterns the flat-object guard looks at.
const lookPatterns = 16

// Train trains a model and writes its run directory.
func Train(ctx context.Context, cfg *config.Training, host Host) (TrainReport, error) {
	started := time.Now()
	run, err := prepareTraining(cfg, host)
	if err != nil {
		return TrainReport{}, err
	}
	defer run.close()
	why, err := run.trainer.run(ctx)
	report := run.report(why, time.Since(started))
	if err != nil {
		return report, err
	}
	if err := run.finish(); err != nil {
		return report, err
	}
	if why == interrupted {
		return report, failf(ExitInterrupted, "train: stopped in epoch %d; go on with ptycho train --resume %s", run.trainer.at.Epoch+1, run.dir.Target())
	}
	return report, nil
}

// training is a run with everything that it needs.
type training struct {
	cfg        *config.Training
	scan       *scan.Scan
	probe      probe
	program    *program.Program
	archConfig arch.Config
	dir        *rundir.Dir
	spool      string
	train      []int
	validation []int
	trainer    *trainer
}

func prepareTraining(cfg *config.Training, host Host) (run *training, err error) {
	run = &training{cfg: cfg}
	defer func() {
		if err != nil {
			run.close()
		}
	}()
	s, m, x := cfg.Settings(), cfg.Model(), cfg.Execution()
	if err := run.read(host); err != nil {
		return run, err
	}
	if run.probe, err = gaugeProbe(run.scan.Probe, run.scan.N, run.meanCounts()); err != nil {
		return run, failf(ExitData, "%s: %w", s.TrainDataFile, err)
	}
	grouping := scan.Grouping{Gridsize: m.Gridsize, Batch: s.BatchSize, Neighbours: s.NeighborCount, Seed: s.Seed, Members: run.train}
	grouper, err := scan.NewGrouper(run.scan.Rows, run.scan.Cols, grouping)
	if err != nil {
		return run, failf(ExitData, "%s: %w", s.TrainDataFile, err)
	}
	if grouper.Steps() < 1 {
		return run, failf(ExitData, "%s: %d training patterns do not fill one batch of %d: lower --batch-size", s.TrainDataFile, len(run.train), s.BatchSize)
	}
	run.archConfig = arch.Config{Arch: m.Arch, N: run.scan.N, Gridsize: m.Gridsize, FiltersScale: m.FiltersScale, Modes: run.probe.Count, Loss: m.Loss}
	if m.Arch == "cnn" {
		run.archConfig.AmpActivation, run.archConfig.PadObject, run.archConfig.ProbeBig = m.AmpActivation, m.PadObject, m.ProbeBig
		if m.Gridsize > 1 {
			run.archConfig.Canvas = arch.CanvasFor(run.scan.N, grouper.MaxOffset())
		}
	}
	if run.program, err = arch.Build(run.archConfig); err != nil {
		return run, fail(ExitUsage, err)
	}
	if m.Gridsize == 1 && m.Arch == "unet" {
		host.Notice("gridsize 1: a single pattern cannot tell an object from its twin (conjugate, turned by 180°) if the probe is symmetric; gridsize 2 can")
	}
	if err := run.openDirectory(host); err != nil {
		return run, err
	}
	if run.spool, err = spoolDir(int64(len(run.scan.Counts)) * 4); err != nil {
		return run, err
	}
	dataset, err := spoolDataset(run.spool, run.scan, run.probe, s.Background)
	if err != nil {
		return run, err
	}
	steps := grouper.Steps()
	loss, _ := arch.LossScalar(m.Loss)
	trainScan, err := run.scan.Select(thin(run.train, featureSample))
	if err != nil {
		return run, err
	}
	t := &trainer{
		host: host, dataset: dataset, epochs: s.MaxEpochs, warmup: s.WarmupSteps,
		open:     host.openOptions(x, run.program, true),
		schedule: schedule{grouper: grouper, stepsPerEpoch: steps, planned: s.ScheduleEpochs, rate: optim.WarmupCosine{Peak: s.LearningRate, Warmup: s.WarmupSteps, Total: s.ScheduleEpochs * steps, Floor: s.LearningRateFloor}},
		// β1, β2 and ε are those of Kingma and Ba.
		template: backend.StepPlan{Optimiser: backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}, LossWeights: map[string]float64{loss: 1}},
		looks:    groupsOf(thin(run.train, lookPatterns), run.scan.Rows, run.scan.Cols, run.program.Group, max(s.BatchSize/run.program.Group, 1)),
		validate: groupsOf(run.validation, run.scan.Rows, run.scan.Cols, run.program.Group, max(s.BatchSize/run.program.Group, 1)),
		weight:   run.probe.intensity(),
		flat:     flatDeviance(trainScan, run.probe, s.Background),
	}
	if s.GradientClipVal > 0 {
		t.template.Clip = backend.Clip{Kind: backend.ClipKind(s.GradientClipAlgorithm), Limit: s.GradientClipVal}
	}
	if x.MaxTime > 0 {
		t.deadline = time.Now().Add(x.MaxTime)
	}
	t.save, t.epoch = run.checkpoint, run.record
	run.trainer = t
	if err := run.startState(host); err != nil {
		return run, err
	}
	if x.StopAfter > 0 {
		t.epochs = min(t.epochs, t.at.Epoch+x.StopAfter)
	}
	return run, nil
}

// read loads the scan and splits its patterns.
func (run *training) read(host Host) error {
	s := run.cfg.Settings()
	units, err := format.ParseUnits(s.DiffractionUnits)
	if err != nil {
		return fail(ExitUsage, err)
	}
	layout, err := format.ParseLayout(s.DiffractionLayout)
	if err != nil {
		return fail(ExitUsage, err)
	}
	run.scan, err = format.ReadScan(s.TrainDataFile, format.ScanOptions{Units: units, Layout: layout, Rows: s.Rows, Sample: s.NImages, Seed: s.Seed})
	if err != nil {
		return fail(ExitData, err)
	}
	for _, n := range run.scan.Notes {
		host.Notice("%s", n)
	}
	if n := run.cfg.Model().N; n != 0 && n != run.scan.N {
		return failf(ExitUsage, "n = %d, but %s has patterns of %d×%d pixels: leave --n out", n, s.TrainDataFile, run.scan.N, run.scan.N)
	}
	if run.scan.Probe == nil {
		return failf(ExitData, "%s holds no probe (probeGuess): training needs the illumination", s.TrainDataFile)
	}
	all := make([]int, run.scan.Len())
	for i := range all {
		all[i] = i
	}
	run.train, run.validation, err = scan.SplitValidation(all, s.ValSplit, s.Seed)
	return fail(ExitData, err)
}

// meanCounts is the mean number of photons in a training pattern.
func (run *training) meanCounts() float64 {
	total := 0.0
	for _, r := range run.train {
		for _, k := range run.scan.Pattern(r) {
			total += float64(k)
		}
	}
	return total / float64(len(run.train))
}

// openDirectory creates the run directory or goes on in it.
func (run *training) openDirectory(host Host) (err error) {
	s, x := run.cfg.Settings(), run.cfg.Execution()
	if x.Resume != "" {
		run.dir, err = rundir.Open(x.Resume)
	} else {
		run.dir, err = rundir.Create(s.OutputDir, x.Overwrite)
	}
	return fail(ExitUsage, err)
}

// startState draws the initial weights and measures the features, or reads the last checkpoint.
func (run *training) startState(host Host) error {
	t, s := run.trainer, run.cfg.Settings()
	if run.cfg.Execution().Resume != "" {
		state, skipped, err := bundle.ReadCheckpoint(run.dir.Target(), &t.at)
		for _, e := range skipped {
			host.Notice("%v: going on from the checkpoint before it", e)
		}
		if err != nil {
			return fail(ExitData, err)
		}
		if got := run.scan.Fingerprint(); t.at.Data != got {
			return failf(ExitData, "%s: the run was trained on other patterns than %s holds now: give the file of that run", run.dir.Target(), s.TrainDataFile)
		}
		t.state = state
		host.Notice("resuming %s at epoch %d, step %d", run.dir.Target(), t.at.Epoch+1, t.at.Step)
		return run.writeConfig() // a longer plan holds for the next resumption too
	}
	weights, err := arch.Initial(run.program, uint64(s.Seed))
	if err != nil {
		return err
	}
	buffers, err := features(run.program, run.scan, run.train, run.probe)
	if err != nil {
		return err
	}
	t.state, t.at.Data = weightState(weights, buffers), run.scan.Fingerprint()
	if err := run.writeConfig(); err != nil {
		return err
	}
	rows, err := json.Marshal(map[string][]int{"train": run.fileRows(run.train), "validation": run.fileRows(run.validation)})
	if err != nil {
		return err
	}
	return run.dir.WriteFile(RowsFile, append(rows, '\n'))
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

// checkpoint saves the position. The first one makes the run directory appear.
func (run *training) checkpoint(at position, state backend.State) error {
	every := run.cfg.Settings().CheckpointEvery
	last := at.Epoch == run.trainer.epochs
	if at.Step == 0 && !last && every > 1 && at.Epoch%every != 0 {
		return nil
	}
	if err := run.dir.Commit(); err != nil {
		return err
	}
	return bundle.WriteCheckpoint(run.dir.Target(), state, at)
}

var metricsHeader = []string{"epoch", "step", "learning_rate", "loss", "deviance", "expected_deviance", "flat_deviance",
	"validation_deviance", "grad_norm", "contrast", "response", "patterns_per_second"}

// record writes the metrics of all epochs so far.
func (run *training) record(r EpochRecord) error {
	var rows [][]string
	for _, e := range append(slices.Clone(run.trainer.at.Records), r) {
		row := []string{strconv.Itoa(e.Epoch), strconv.Itoa(e.Step)}
		validation := math.NaN()
		if e.ValidationDeviance != nil {
			validation = *e.ValidationDeviance
		}
		for _, v := range []float64{e.LearningRate, e.Loss, e.Deviance, e.ExpectedDeviance, e.FlatDeviance, validation, e.GradNorm, e.Contrast, e.Response, e.PatternsPerSecond} {
			text := strconv.FormatFloat(v, 'g', 8, 64)
			if math.IsNaN(v) {
				text = ""
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	h := run.trainer.host
	h.Notice("epoch %d of %d: deviance %.4g per pixel (perfect fit %.3g, flat object %.3g), %.0f patterns/s", r.Epoch, run.cfg.Settings().MaxEpochs, r.Deviance, r.ExpectedDeviance, r.FlatDeviance, r.PatternsPerSecond)
	return run.dir.WriteTable(MetricsFile, metricsHeader, rows)
}

// finish writes the model as it is now.
func (run *training) finish() error {
	t, s := run.trainer, run.cfg.Settings()
	if err := run.dir.Commit(); err != nil {
		return err
	}
	settings, err := json.Marshal(run.archConfig)
	if err != nil {
		return err
	}
	return bundle.Write(run.dir.Target(), &bundle.Model{
		Manifest: bundle.Manifest{
			CreatedBy: "ptycho " + Version, Arch: run.program.Name, N: run.program.N, Gridsize: run.archConfig.Gridsize, Settings: settings,
			Modes: run.probe.Count, ProbeFactor: run.probe.Factor, MeanCounts: run.meanCounts(), Background: s.Background,
			Epochs: t.at.Epoch, Steps: int(t.state.Step), Seed: s.Seed, Backend: run.cfg.Execution().Backend, Data: run.scan.Fingerprint(),
		},
		Weights: t.state.Slots[backend.Weights], Buffers: t.state.Slots[backend.Buffers], Probe: run.probe.Modes,
	})
}

func (run *training) report(why ending, took time.Duration) TrainReport {
	t := run.trainer
	r := TrainReport{OutputDir: run.dir.Target(), Epochs: t.at.Epoch, Steps: int(t.state.Step), Parameters: run.program.Parameters(),
		Patterns: len(run.train), ValidationPattern: len(run.validation), Seconds: took.Seconds(), FlatDeviance: t.flat, Ended: string(why)}
	if why == finished {
		r.Ended = "finished"
		if t.epochs < run.cfg.Settings().MaxEpochs {
			r.Ended = "stopped"
		}
	}
	if n := len(t.at.Records); n > 0 {
		r.Last = t.at.Records[n-1]
	}
	return r
}

func (run *training) close() {
	if run.dir != nil {
		_ = run.dir.Close() // what could not be removed is only scratch
	}
	if run.spool != "" {
		_ = os.RemoveAll(run.spool)
	}
}

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
