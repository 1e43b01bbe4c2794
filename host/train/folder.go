package train

import (
	"encoding/json"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/output"
	"github.com/ptychogo/ptycho/host/track"
	"github.com/ptychogo/ptycho/host/train/loop"
)

// The files of a run directory besides the model, its checkpoints and what loggers write.
const (
	ConfigFile  = "config.json"
	metricsFile = "metrics.csv"
	rowsFile    = "rows.json"   // training and validation patterns of the scan's file
	reportFile  = "report.json" // report at the end
)

// folder is the open output folder of a run: settings, the rows of the patterns, metrics, checkpoints, the files of the
// loggers, and the model. It is the Keeper of the training loop.
type folder struct {
	cfg    *config.Training
	host   host.Host
	dir    *output.Dir
	data   string // fingerprint of the scan
	first  string // Digest of the model of --first-pass
	format string // of the scan
	Logger track.Logger
}

// Writes returns the name patterns of all files that a run may write.
func Writes() []string {
	return append([]string{
		ConfigFile, metricsFile, rowsFile, examinationFile, reportFile, bundle.ManifestFile, bundle.WeightsFile, bundle.CheckpointDir + "/*.npz",
	}, append(model.FirstPassFiles(), track.Writes()...)...)
}

func folderRequest(cfg *config.Training, h host.Host) output.Request {
	s, x := cfg.Settings(), cfg.Execution()
	inputs := []output.Input{{Name: "--train-data-file", Path: s.TrainDataFile}, {Name: "--test-data-file", Path: s.TestDataFile}}
	if s.FirstPass != "" {
		for _, name := range []string{bundle.ManifestFile, bundle.WeightsFile} {
			inputs = append(inputs, output.Input{Name: "--first-pass", Path: filepath.Join(s.FirstPass, name)})
		}
	}
	return output.Request{
		Target: x.Output(s.OutputDir), Overwrite: x.Overwrite, Writes: Writes(), Notice: h.Notice,
		Inputs: append(output.SettingsFiles(cfg.Values()), inputs...),
	}
}

// openFolder prepares the folder of a new run, or opens that of a resumed run. Call it before all work that takes time.
func openFolder(cfg *config.Training, h host.Host) (*folder, error) {
	f := &folder{cfg: cfg, host: h}
	var err error
	if x := cfg.Execution(); x.Resume != "" {
		f.dir, err = output.Open(config.RunOf(x.Resume), Writes())
	} else {
		f.dir, err = output.Create(folderRequest(cfg, h))
	}
	return f, err
}

// checkFolder returns the error that openFolder would return for a new run, and writes nothing.
func checkFolder(cfg *config.Training, h host.Host) error {
	return output.Check(folderRequest(cfg, h))
}

// Target returns the path of the folder.
func (f *folder) Target() string { return f.dir.Target() }

// Rows writes the training and the validation rows of the scan's file.
func (f *folder) Rows(train, validation []int) error {
	rows, err := json.Marshal(map[string][]int{"train": train, "validation": validation})
	if err != nil {
		return err
	}
	return f.dir.WriteFile(rowsFile, append(rows, '\n'))
}

// FirstPass writes the model of --first-pass into the folder, which then holds both networks.
func (f *folder) FirstPass(first *model.Model) error {
	if first == nil {
		return nil
	}
	if err := f.dir.Register(model.FirstPassFiles()...); err != nil {
		return err
	}
	return first.WriteFirst(f.dir.Path(""))
}

// Settings writes every setting with its origin.
func (f *folder) Settings() error {
	text, err := f.cfg.JSON()
	if err != nil {
		return err
	}
	return f.dir.WriteFile(ConfigFile, text)
}

// checkpoint reads the checkpoint that --resume names, or the newest one that is not damaged. skipped has an error for each damaged one.
func (f *folder) checkpoint(at *loop.Position) (state backend.State, skipped []error, err error) {
	if x := f.cfg.Execution(); config.RunOf(x.Resume) != x.Resume {
		state, err = bundle.ReadCheckpointFile(x.Resume, at)
		return state, nil, err
	}
	return bundle.ReadCheckpoint(f.Target(), at)
}

// Resume reads the newest checkpoint, or the checkpoint that --resume names.
func (f *folder) Resume() (at loop.Position, state backend.State, err error) {
	s, x, target := f.cfg.Settings(), f.cfg.Execution(), f.Target()
	state, skipped, err := f.checkpoint(&at)
	for _, e := range skipped {
		f.host.Notice("%v: continuing from the previous checkpoint", e)
	}
	switch {
	case err != nil:
	case config.RunOf(x.Resume) != x.Resume:
		err = bundle.ForgetAfter(target, state.Step, f.dir.Register)
	case len(skipped) == 0:
		err = bundle.Prune(target)
	}
	if err != nil {
		return at, state, err
	}
	if at.Data != f.data {
		if !x.Force {
			return at, state, host.Failf(host.ExitData, "%s: the run was trained on other patterns than those in %s: give the original --train-data-file, or --force to continue with these", target, s.TrainDataFile)
		}
		f.host.Notice("continuing with other patterns than before (--force)")
		at.Data = f.data
	}
	if at.FirstPass != "" && at.FirstPass != f.first { // a checkpoint of an older version does not have it
		return at, state, host.Failf(host.ExitData, "%s is not the model whose image the run corrected until now: restore the folder from the run", filepath.Join(target, model.FirstPassDir))
	}
	at.FirstPass = f.first
	return at, state, nil
}

// Forget removes the checkpoints of an attempt whose network collapsed.
func (f *folder) Forget() error { return bundle.ForgetAfter(f.dir.Path(""), 0, f.dir.Register) }

// Close releases the folder. A run without End has failed.
func (f *folder) Close() {
	f.abandonLog()
	if f.dir != nil {
		_ = f.dir.Close() // only temporary files could be left
	}
}
