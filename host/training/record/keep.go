package record

import (
	"errors"
	"maps"
	"path"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/host/training/loop"
)

// Last writes a checkpoint. It omits an optional checkpoint between the epochs of --checkpoint-every. With its first
// checkpoint the run replaces an older result.
func (r *Record) Last(at loop.Position, state backend.State, optional bool) error {
	s := r.cfg.Settings()
	if !s.EnableCheckpointing {
		return r.Logger.Kept(at.Done)
	}
	if optional && at.Epoch%s.CheckpointEvery != 0 {
		return nil
	}
	if err := r.Logger.Sync(); err != nil {
		return err
	}
	if err := r.dir.Own(path.Join(bundle.CheckpointDir, bundle.StepName(state.Step))); err != nil {
		return err
	}
	if err := bundle.WriteCheckpoint(r.dir.Path(""), state, at); err != nil {
		return diverged(err)
	}
	if err := r.dir.Commit(); err != nil {
		return err
	}
	return r.Logger.Kept(at.Done)
}

// Name returns the file name of a checkpoint among the best.
func (r *Record) Name(step int) string { return bundle.BestName(int64(step)) }

// Best writes a checkpoint that is among the best, and removes those that were dropped from the list.
func (r *Record) Best(k loop.Kept, dropped []loop.Kept, at loop.Position, state backend.State) error {
	if err := r.dir.Own(path.Join(bundle.CheckpointDir, k.File)); err != nil {
		return err
	}
	if err := bundle.WriteNamedCheckpoint(r.dir.Path(""), k.File, state, at); err != nil {
		return diverged(err)
	}
	for _, d := range dropped {
		if err := bundle.RemoveCheckpoint(r.dir.Path(""), d.File); err != nil {
			return err
		}
	}
	return nil
}

// Model writes the model and returns which weights it holds: the last or the best, or their moving average.
func (r *Record) Model(m *model.Model, t *loop.Trainer, meanCounts float64) (weights string, err error) {
	s := r.cfg.Settings()
	state, epochs := t.State, t.At.Epoch
	weights = "last"
	if s.FinalWeights == "best" && len(t.At.Best) > 0 {
		var at loop.Position
		best, err := bundle.ReadCheckpointFile(r.dir.Path(filepath.Join(bundle.CheckpointDir, t.At.Best[0].File)), &at)
		if err != nil {
			return "", host.Fail(host.ExitData, err)
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
	if err := r.dir.Own(bundle.WeightsFile, bundle.ManifestFile); err != nil {
		return "", err
	}
	return weights, diverged(m.Write(r.dir.Path(""), state, bundle.Manifest{
		MeanCounts: meanCounts, Epochs: epochs, Steps: steps, Seed: s.Seed, Backend: r.cfg.Execution().Backend, Data: r.data,
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
