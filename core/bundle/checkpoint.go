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
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/tensor"
)

// CheckpointDir holds the checkpoints of a run, one archive each.
const CheckpointDir = "checkpoints"

// keptCheckpoints is how many of the newest stay: the last, and the one before should the last be damaged.
const keptCheckpoints = 2

// positionName is the array that holds where the run stood, as JSON.
const positionName = "position"

// StepName is the file of a checkpoint at a step.
func StepName(step int64) string { return fmt.Sprintf("step-%08d.npz", step) }

// BestName is the file of one of the best checkpoints.
func BestName(step int64) string { return fmt.Sprintf("best-%08d.npz", step) }

// WriteCheckpoint saves the backend's state and the run's position as dir/checkpoints/step-NNNNNNNN.npz and drops all
// but the newest checkpoints.
func WriteCheckpoint(dir string, s backend.State, position any) error {
	if err := WriteNamedCheckpoint(dir, StepName(s.Step), s, position); err != nil {
		return err
	}
	return Prune(dir)
}

// Prune removes all but the newest checkpoints of a run. A run that was killed between a checkpoint and the removal of an
// older one has one too many.
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

// WriteNamedCheckpoint saves a checkpoint under a name of its own in dir/checkpoints; it stays until it is removed. A state that is
// not finite is a *NotFinite error, and nothing is written.
func WriteNamedCheckpoint(dir, name string, s backend.State, position any) error {
	text, err := json.Marshal(position)
	if err != nil {
		return fmt.Errorf("bundle: position: %w", err)
	}
	arrays := []format.Named{format.Text(positionName, string(text)), {Name: "step", Tensor: tensor.Must([]int64{s.Step})}}
	for _, slot := range slices.Sorted(maps.Keys(s.Slots)) {
		for _, name := range slices.Sorted(maps.Keys(s.Slots[slot])) {
			arrays = append(arrays, format.Named{Name: string(slot) + "/" + name, Tensor: s.Slots[slot][name]})
		}
	}
	if err := checkFinite(arrays); err != nil {
		return err
	}
	folder := filepath.Join(dir, CheckpointDir)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return format.WriteNPZ(filepath.Join(folder, name), arrays...)
}

// RemoveCheckpoint removes a checkpoint of a run. One that is not there is no error.
func RemoveCheckpoint(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, CheckpointDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// ForgetAfter sets aside the checkpoints of a run that are newer than a step, by a name that ReadCheckpoint passes over:
// the run goes on from an older one. The caller is told the new names, relative to dir, before the files get them.
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
		return nil, fmt.Errorf("bundle: %w", err)
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

// ReadCheckpoint loads the newest checkpoint that is whole into position and gives its state. Damaged ones are passed
// over; skipped tells what was wrong with each.
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
		return s, skipped, fmt.Errorf("bundle: no checkpoint of %s can be read: %w", dir, errors.Join(skipped...))
	}
	return s, nil, &format.Error{Path: dir, What: "holds no checkpoint", Fix: "start a new run, or give the directory of a run that has written one", Err: fs.ErrNotExist}
}

// ReadCheckpointFile loads one checkpoint into position and gives its state.
func ReadCheckpointFile(path string, position any) (backend.State, error) {
	return readCheckpoint(path, position)
}

func readCheckpoint(path string, position any) (backend.State, error) {
	s := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{}}
	z, err := format.OpenNPZ(path)
	if err != nil {
		return s, err
	}
	defer z.Close()
	text, err := z.Text(positionName)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal([]byte(text), position); err != nil {
		return s, &format.Error{Path: path, What: "its position is no JSON: " + err.Error(), Err: err}
	}
	step, _, err := z.Int64("step")
	if err != nil {
		return s, err
	}
	if len(step) != 1 {
		return s, &format.Error{Path: path, What: fmt.Sprintf("holds %d step numbers", len(step))}
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
	return s, nil
}
