// Package record writes the directory of a training: settings, the rows of the patterns, metrics, checkpoints, the files of
// the loggers, and the model. It also reads the checkpoint of a run that is resumed.
package record

import (
	"encoding/json"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/rundir"
	"github.com/ptychogo/ptycho/host/track"
	"github.com/ptychogo/ptycho/host/training/loop"
)

// The files of a run directory besides the model, its checkpoints and what loggers write.
const (
	ConfigFile  = "config.json"
	MetricsFile = "metrics.csv"
	RowsFile    = "rows.json"   // training and validation patterns of the scan's file
	ReportFile  = "report.json" // report at the end
)

// Record is an open run directory.
type Record struct {
	cfg    *config.Training
	host   host.Host
	dir    *rundir.Dir
	data   string // fingerprint of the scan
	Logger track.Logger
}

// Writes returns the name patterns of all files that a run may write.
func Writes() []string {
	return append([]string{
		ConfigFile, MetricsFile, RowsFile, ReportFile, bundle.ManifestFile, bundle.WeightsFile, bundle.CheckpointDir + "/*.npz",
	}, track.Writes()...)
}

func request(cfg *config.Training, h host.Host) rundir.Request {
	s, x := cfg.Settings(), cfg.Execution()
	return rundir.Request{
		Target: x.Output(s.OutputDir), Overwrite: x.Overwrite, Writes: Writes(), Notice: h.Notice,
		Inputs: append(rundir.SettingsFiles(cfg.Values()), rundir.Input{Name: "--train-data-file", Path: s.TrainDataFile},
			rundir.Input{Name: "--test-data-file", Path: s.TestDataFile}),
	}
}

// Open prepares the folder of a new run, or opens that of a resumed run. Call it before all work that takes time.
func Open(cfg *config.Training, h host.Host) (*Record, error) {
	r := &Record{cfg: cfg, host: h}
	var err error
	if x := cfg.Execution(); x.Resume != "" {
		r.dir, err = rundir.Open(config.RunOf(x.Resume), Writes())
	} else {
		r.dir, err = rundir.Create(request(cfg, h))
	}
	return r, host.Fail(host.ExitUsage, err)
}

// Check returns the error that Open would return for a new run, and writes nothing.
func Check(cfg *config.Training, h host.Host) error {
	return host.Fail(host.ExitUsage, rundir.Check(request(cfg, h)))
}

// Of sets the fingerprint of the run's scan.
func (r *Record) Of(data string) { r.data = data }

// Target returns the path of the folder.
func (r *Record) Target() string { return r.dir.Target() }

// Rows writes the training and the validation rows of the scan's file.
func (r *Record) Rows(train, validation []int) error {
	rows, err := json.Marshal(map[string][]int{"train": train, "validation": validation})
	if err != nil {
		return err
	}
	return r.dir.WriteFile(RowsFile, append(rows, '\n'))
}

// Settings writes every setting with its origin.
func (r *Record) Settings() error {
	text, err := r.cfg.JSON()
	if err != nil {
		return err
	}
	return r.dir.WriteFile(ConfigFile, text)
}

// Resume reads the newest checkpoint, or the checkpoint that --resume names.
func (r *Record) Resume() (at loop.Position, state backend.State, err error) {
	s, x, target := r.cfg.Settings(), r.cfg.Execution(), r.Target()
	if config.RunOf(x.Resume) != x.Resume {
		if state, err = bundle.ReadCheckpointFile(x.Resume, &at); err != nil {
			return at, state, host.Fail(host.ExitData, err)
		}
		if err := bundle.ForgetAfter(target, state.Step, r.dir.Own); err != nil {
			return at, state, err
		}
	} else {
		var skipped []error
		state, skipped, err = bundle.ReadCheckpoint(target, &at)
		for _, e := range skipped {
			r.host.Notice("%v: continuing from the previous checkpoint", e)
		}
		if err != nil {
			return at, state, host.Fail(host.ExitData, err)
		}
		if len(skipped) == 0 {
			if err := bundle.Prune(target); err != nil {
				return at, state, err
			}
		}
	}
	if at.Data != r.data {
		if !x.Force {
			return at, state, host.Failf(host.ExitData, "%s: the run was trained on other patterns than those in %s: give the original --train-data-file, or --force to continue with these", target, s.TrainDataFile)
		}
		r.host.Notice("continuing with other patterns than before (--force)")
		at.Data = r.data
	}
	return at, state, nil
}

// Forget removes the checkpoints of an attempt whose network collapsed.
func (r *Record) Forget() error { return bundle.ForgetAfter(r.dir.Path(""), 0, r.dir.Own) }

// Close releases the folder. A run without End has failed.
func (r *Record) Close() {
	r.abandonLog()
	if r.dir != nil {
		_ = r.dir.Close() // only temporary files could be left
	}
}
