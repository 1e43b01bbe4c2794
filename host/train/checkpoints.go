package train

import (
	"errors"
	"maps"
	"path"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/train/loop"
)

// Last writes a checkpoint. It omits an optional checkpoint between the epochs of --checkpoint-every. With its first
// checkpoint the run replaces an older result.
func (f *folder) Last(at loop.Position, state backend.State, optional bool) error {
	s := f.cfg.Settings()
	if !s.EnableCheckpointing {
		return f.Logger.Kept(at.Done)
	}
	if optional && at.Epoch%s.CheckpointEvery != 0 {
		return nil
	}
	if err := f.Logger.Sync(); err != nil {
		return err
	}
	if err := f.dir.Register(path.Join(bundle.CheckpointDir, bundle.StepName(state.Step))); err != nil {
		return err
	}
	if err := bundle.WriteCheckpoint(f.dir.Path(""), state, at); err != nil {
		return diverged(err)
	}
	if err := f.dir.Commit(); err != nil {
		return err
	}
	return f.Logger.Kept(at.Done)
}

// Name returns the file name of a checkpoint among the best.
func (f *folder) Name(step int) string { return bundle.BestName(int64(step)) }

// Best writes a checkpoint that is among the best, and removes those that were dropped from the list.
func (f *folder) Best(k loop.Kept, dropped []loop.Kept, at loop.Position, state backend.State) error {
	if err := f.dir.Register(path.Join(bundle.CheckpointDir, k.File)); err != nil {
		return err
	}
	if err := bundle.WriteNamedCheckpoint(f.dir.Path(""), k.File, state, at); err != nil {
		return diverged(err)
	}
	for _, d := range dropped {
		if err := bundle.RemoveCheckpoint(f.dir.Path(""), d.File); err != nil {
			return err
		}
	}
	return nil
}

// Model writes the model and returns which weights it holds: the last or the best, or their moving average.
func (f *folder) Model(m *model.Model, t *loop.Trainer, meanCounts float64, c *bundle.Calibration) (weights string, err error) {
	s := f.cfg.Settings()
	state, epochs := t.State, t.At.Epoch
	weights = "last"
	if s.FinalWeights == "best" && len(t.At.Best) > 0 {
		var at loop.Position
		best, err := bundle.ReadCheckpointFile(f.dir.Path(filepath.Join(bundle.CheckpointDir, t.At.Best[0].File)), &at)
		if err != nil {
			return "", err
		}
		state, epochs, weights = best, at.Epoch, "best"
	}
	steps := int(state.Step)
	if average := state.Slots[backend.EMA]; s.EMADecay > 0 && len(average) > 0 {
		over := maps.Clone(state.Slots[backend.Weights])
		maps.Copy(over, average)
		state = host.WeightState(over, state.Slots[backend.Buffers])
		weights = "moving average of " + weights
	}
	if err := f.dir.Register(bundle.WeightsFile, bundle.ManifestFile); err != nil {
		return "", err
	}
	return weights, diverged(m.Write(f.dir.Path(""), state, bundle.Manifest{
		MeanCounts: meanCounts, Epochs: epochs, Steps: steps, Seed: s.Seed, Backend: f.cfg.Execution().Backend, Data: f.data,
		DataFormat: f.format, Scan: f.cfg.Scan().Remembered(), Calibration: c,
	}))
}

// diverged adds the exit code of a diverged training to an error about a state that is not finite.
func diverged(err error) error {
	var odd *bundle.NotFinite
	if errors.As(err, &odd) {
		return host.Failf(host.ExitDiverged, "train: %w; try a lower --learning-rate", err)
	}
	return err
}
