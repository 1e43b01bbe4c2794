package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
)

// CheckpointDir holds the checkpoints of a run, one archive each.
const CheckpointDir = "checkpoints"

// keptCheckpoints is the number of newest checkpoints to keep: the last, and the one before in case the last is damaged.
const keptCheckpoints = 2

// positionName is the array that stores the position of the run, as JSON.
const positionName = "position"

// StepName returns the file name of the checkpoint of a step.
func StepName(step int64) string { return fmt.Sprintf("step-%08d.npz", step) }

// BestName returns the file name of one of the best checkpoints.
func BestName(step int64) string { return fmt.Sprintf("best-%08d.npz", step) }

// WriteCheckpoint saves the backend's state and the run's position as dir/checkpoints/step-NNNNNNNN.npz and removes all but
// the newest checkpoints.
func WriteCheckpoint(dir string, s backend.State, position any) error {
	if err := WriteNamedCheckpoint(dir, StepName(s.Step), s, position); err != nil {
		return err
	}
	return Prune(dir)
}

// Prune removes all but the newest checkpoints of a run. If a run is killed after writing a checkpoint and before removing
// an older one, there is one checkpoint too many.
func Prune(dir string) error {
	all, err := checkpoints(dir)
	if err != nil {
		return err
	}
	for _, old := range all[:max(len(all)-keptCheckpoints, 0)] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	return nil
}

// WriteNamedCheckpoint saves a checkpoint under a given name in dir/checkpoints. It is not removed automatically. A state
// that is not finite is a *NotFinite error, and nothing is written.
func WriteNamedCheckpoint(dir, name string, s backend.State, position any) error {
	text, err := json.Marshal(position)
	if err != nil {
		return fmt.Errorf("bundle: position: %w", err)
	}
	arrays := []npz.Named{npz.Text(positionName, string(text)), {Name: "step", Tensor: tensor.Must([]int64{s.Step})}}
	for _, slot := range slices.Sorted(maps.Keys(s.Slots)) {
		for _, name := range slices.Sorted(maps.Keys(s.Slots[slot])) {
			arrays = append(arrays, npz.Named{Name: string(slot) + "/" + name, Tensor: s.Slots[slot][name]})
		}
	}
	if err := checkFinite(arrays); err != nil {
		return err
	}
	folder := filepath.Join(dir, CheckpointDir)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return npz.Write(filepath.Join(folder, name), arrays...)
}

// RemoveCheckpoint removes a checkpoint of a run. A missing one is not an error.
func RemoveCheckpoint(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, CheckpointDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// ForgetAfter renames the checkpoints of a run that are newer than a step, so that ReadCheckpoint ignores them when the run
// continues from an older one. It calls note with the new names, relative to dir, before it renames the files.
func ForgetAfter(dir string, step int64, note func(names ...string) error) error {
	all, err := checkpoints(dir)
	if err != nil {
		return err
	}
	limit := StepName(step)
	for _, path := range all {
		if name := filepath.Base(path); name > limit {
			later := "later-" + name
			if err := note(CheckpointDir + "/" + later); err != nil {
				return err
			}
			if err := os.Rename(path, filepath.Join(filepath.Dir(path), later)); err != nil {
				return fmt.Errorf("bundle: %w", err)
			}
		}
	}
	return nil
}

// checkpoints lists the checkpoints of a run, oldest first.
func checkpoints(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, CheckpointDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &npz.Error{Path: dir, What: "its checkpoints cannot be read: " + err.Error(), Err: err}
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "step-") && strings.HasSuffix(e.Name(), ".npz") {
			out = append(out, filepath.Join(dir, CheckpointDir, e.Name()))
		}
	}
	slices.Sort(out)
	return out, nil
}

// ReadCheckpoint loads the newest undamaged checkpoint into position and returns its state. skipped has an error for each
// damaged one.
func ReadCheckpoint(dir string, position any) (s backend.State, skipped []error, err error) {
	all, err := checkpoints(dir)
	if err != nil {
		return s, nil, err
	}
	for _, path := range slices.Backward(all) {
		if s, err = readCheckpoint(path, position); err == nil {
			return s, skipped, nil
		}
		skipped = append(skipped, err)
	}
	if len(skipped) > 0 {
		return s, skipped, fmt.Errorf("bundle: all checkpoints of %s are damaged: %w", dir, errors.Join(skipped...))
	}
	return s, nil, &npz.Error{Path: dir, What: "does not contain a checkpoint", Fix: "start a new run, or give the directory of a run that has written one", Err: fs.ErrNotExist}
}

// ReadCheckpointFile loads one checkpoint into position and returns its state.
func ReadCheckpointFile(path string, position any) (backend.State, error) {
	return readCheckpoint(path, position)
}

func readCheckpoint(path string, position any) (backend.State, error) {
	s := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{}}
	z, err := npz.Open(path)
	if err != nil {
		return s, err
	}
	defer z.Close()
	text, err := z.Text(positionName)
	if err != nil {
		return s, err
	}
	step, _, err := z.Int64("step")
	if err != nil {
		return s, err
	}
	if len(step) != 1 {
		return s, &npz.Error{Path: path, What: fmt.Sprintf("has %d step numbers, want 1", len(step))}
	}
	s.Step = step[0]
	for _, a := range z.Arrays() {
		slot, name, ok := strings.Cut(a.Name, "/")
		if !ok {
			continue
		}
		t, err := z.Tensor(a.Name)
		if err != nil {
			return s, err
		}
		if s.Slots[backend.Slot(slot)] == nil {
			s.Slots[backend.Slot(slot)] = map[string]tensor.Tensor{}
		}
		s.Slots[backend.Slot(slot)][name] = t
	}
	// Last, so that a damaged checkpoint leaves nothing in the position of the one that is read instead.
	if err := json.Unmarshal([]byte(text), position); err != nil {
		return s, &npz.Error{Path: path, What: "its position is not valid JSON: " + err.Error(), Err: err}
	}
	return s, nil
}
