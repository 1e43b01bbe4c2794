// Package record is what a training leaves in its directory: its settings, which patterns it used, metrics, checkpoints, what
// the loggers write, the model. It also reads where a run stands, so that the run goes on.
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
	RowsFile    = "rows.json"   // which patterns of the file train and which validate
	ReportFile  = "report.json" // what the run came to
)

// Record is an open run directory.
type Record struct {
	cfg    *config.Training
	host   host.Host
	dir    *rundir.Dir
	data   string // fingerprint of the scan
	Logger track.Logger
}

// Writes are patterns of the files of a run, whatever its settings.
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

// Open prepares the folder of a run, or goes on in it. It belongs before everything that takes time.
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

// Check says whether Open would prepare the folder of a run, and leaves nothing.
func Check(cfg *config.Training, h host.Host) error {
	return host.Fail(host.ExitUsage, rundir.Check(request(cfg, h)))
}

// Of records which patterns the run is about, by the fingerprint of its scan.
func (r *Record) Of(data string) { r.data = data }

// Target is where the folder is.
func (r *Record) Target() string { return r.dir.Target() }

// Rows writes which rows of the scan's file train and which validate.
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

// Resume reads where the run stands: the newest checkpoint, or the one that was named.
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
			r.host.Notice("%v: going on from the checkpoint before it", e)
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
			return at, state, host.Failf(host.ExitData, "%s: the run was trained on other patterns than %s holds now: give the file of that run, or go on with these by --force", target, s.TrainDataFile)
		}
		r.host.Notice("going on with other patterns than the run was trained on, as --force says")
		at.Data = r.data
	}
	return at, state, nil
}

// Forget removes the checkpoints of a beginning that came to nothing.
func (r *Record) Forget() error { return bundle.ForgetAfter(r.dir.Path(""), 0, r.dir.Own) }

// Close releases the folder; a run that nothing ended has failed.
func (r *Record) Close() {
	r.abandonLog()
	if r.dir != nil {
		_ = r.dir.Close() // what could not be removed is only scratch
	}
}
