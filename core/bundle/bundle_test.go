package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// model returns a small U-Net with its first bias at 1, 2, 3.
func model() *Model {
	c := arch.Config{Arch: "unet", N: 16, Gridsize: 1, FiltersScale: 1, BaseWidth: 3}
	p, err := arch.Build(c)
	if err != nil {
		panic(err)
	}
	weights, err := arch.Initial(p, 1)
	if err != nil {
		panic(err)
	}
	weights[bias] = tensor.Must([]float32{1, 2, 3}, 3)
	buffers := map[string]tensor.Tensor{}
	for _, b := range p.Buffers {
		buffers[b.Name] = tensor.Must([]float32{5})
	}
	settings, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return &Model{
		Manifest: Manifest{Arch: "unet", N: 16, Gridsize: 1, Modes: 1, ProbeFactor: 2, Background: 0.01, Settings: settings},
		Weights:  weights, Buffers: buffers, Probe: make([]complex64, 256),
	}
}

const bias = "encoder.0.0.bias"

func TestModel_RoundTrip(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, model()); err != nil {
		t.Fatal(err)
	}
	m, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Weights[bias]; !bytes.Equal(got.Bytes(), model().Weights[bias].Bytes()) {
		t.Errorf("the weights were read as %v", got)
	}
	if m.Buffers[arch.LogMean].Len() != 1 || len(m.Probe) != 256 || m.ProbeFactor != 2 {
		t.Errorf("the rest was read as %+v", m)
	}
}

func TestRead_RejectsDamagedModels(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no manifest":        func(dir string) error { return os.Remove(filepath.Join(dir, ManifestFile)) },
		"no weights":         func(dir string) error { return os.Remove(filepath.Join(dir, WeightsFile)) },
		"truncated weights":  func(dir string) error { return os.Truncate(filepath.Join(dir, WeightsFile), 100) },
		"truncated manifest": func(dir string) error { return os.Truncate(filepath.Join(dir, ManifestFile), 100) },
		"foreign format": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, ManifestFile), []byte(`{"format":"other"}`), 0o600)
		},
		"weights that are not finite": func(dir string) error {
			m := model()
			m.Weights[bias] = tensor.Must([]float32{1, float32(math.NaN()), 3}, 3)
			return write(dir, m)
		},
		"a weight fewer": func(dir string) error {
			m := model()
			delete(m.Weights, bias)
			return Write(dir, m)
		},
		"a weight of another shape": func(dir string) error {
			m := model()
			m.Weights[bias] = tensor.Must([]float32{1, 2}, 2)
			return Write(dir, m)
		},
		"weights of another run": func(dir string) error {
			other, m := filepath.Join(dir, "other"), model()
			m.Seed = 7
			m.Weights[bias] = tensor.Must([]float32{1, 2, 4}, 3)
			if err := os.Mkdir(other, 0o700); err != nil {
				return err
			}
			if err := Write(other, m); err != nil {
				return err
			}
			return os.Rename(filepath.Join(other, WeightsFile), filepath.Join(dir, WeightsFile))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := Write(dir, model()); err != nil {
				t.Fatal(err)
			}
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Read(dir); err == nil {
				t.Error("was read without an error")
			}
		})
	}
}

func TestNotFinite_NeverReplacesWhatIsGood(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, odd := range map[string]tensor.Tensor{
		"float32":   tensor.Must([]float32{1, float32(nan)}, 2),
		"float64":   tensor.Must([]float64{1, inf}, 2),
		"complex64": tensor.Must([]complex64{1, complex(0, float32(-inf))}, 2), "complex128": tensor.Must([]complex128{1, complex(nan, 0)}, 2),
	} {
		dir := t.TempDir()
		if err := Write(dir, model()); err != nil {
			t.Fatal(err)
		}
		if err := WriteCheckpoint(dir, state(1), nil); err != nil {
			t.Fatal(err)
		}
		m, s := model(), state(2)
		m.Weights[bias], s.Slots[backend.Moment1]["w"] = odd, odd
		var e *NotFinite
		if err := Write(dir, m); !errors.As(err, &e) || e.Name != "weights/"+bias || e.Index != 1 {
			t.Errorf("%s: writing the model: %v", name, err)
		}
		if err := WriteCheckpoint(dir, s, nil); !errors.As(err, &e) || e.Name != "m/w" {
			t.Errorf("%s: writing the checkpoint: %v", name, err)
		}
		if _, err := Read(dir); err != nil {
			t.Errorf("%s: the model: %v", name, err)
		}
		var at any
		if s, skipped, err := ReadCheckpoint(dir, &at); err != nil || s.Step != 1 || len(skipped) > 0 {
			t.Errorf("%s: the checkpoint is of step %d: %v", name, s.Step, err)
		}
	}
}

func TestRead_InterruptedReplacement(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, model()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		t.Fatal(err)
	}
	later := model()
	later.Steps = 8
	later.Weights[bias] = tensor.Must([]float32{1, 2, 4}, 3)
	if err := Write(dir, later); err != nil {
		t.Fatal(err)
	}
	// The process was killed after the first of the two files.
	if err := os.WriteFile(filepath.Join(dir, ManifestFile), before, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := tensor.Data[float32](m.Weights[bias]); m.Steps != 8 || b[2] != 4 {
		t.Errorf("read step %d with bias %v, want the later model", m.Steps, b)
	}
}

func state(step int64) backend.State {
	return backend.State{Step: step, Slots: map[backend.Slot]map[string]tensor.Tensor{
		backend.Weights: {"w": tensor.Must([]float32{float32(step)}, 1)}, backend.Moment1: {"w": tensor.Must([]float32{2}, 1)},
	}}
}

// The position of a checkpoint whose state is damaged is not mixed into that of the checkpoint before it.
func TestReadCheckpoint_PositionOfOneCheckpoint(t *testing.T) {
	dir := t.TempDir()
	for step, position := range []map[string]int64{{"epoch": 1}, {"epoch": 2, "due": 1}} {
		if err := WriteCheckpoint(dir, state(int64(step+1)), position); err != nil {
			t.Fatal(err)
		}
	}
	all, err := checkpoints(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(all[1])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, []byte("\n\x00\x00\x00@")) + 4 // float32(2) after the header of the last array
	b[at]++
	if err := os.WriteFile(all[1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	var position map[string]int64
	if s, skipped, err := ReadCheckpoint(dir, &position); err != nil || s.Step != 1 || len(skipped) != 1 || !maps.Equal(position, map[string]int64{"epoch": 1}) {
		t.Errorf("step %d, position %v, skipped %v, error %v", s.Step, position, skipped, err)
	}
}

func TestReadCheckpoint_NewestUndamaged(t *testing.T) {
	dir := t.TempDir()
	for step := int64(1); step <= 3; step++ {
		if err := WriteCheckpoint(dir, state(step), map[string]int64{"epoch": step}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := checkpoints(dir)
	if err != nil || len(all) != keptCheckpoints {
		t.Fatalf("%d checkpoints are kept, error %v", len(all), err)
	}
	var at map[string]int64
	s, skipped, err := ReadCheckpoint(dir, &at)
	if err != nil || s.Step != 3 || at["epoch"] != 3 || len(skipped) != 0 {
		t.Fatalf("read step %d, position %v, skipped %v, error %v", s.Step, at, skipped, err)
	}
	if err := os.Truncate(all[1], 300); err != nil {
		t.Fatal(err)
	}
	s, skipped, err = ReadCheckpoint(dir, &at)
	if err != nil || s.Step != 2 || at["epoch"] != 2 || len(skipped) != 1 {
		t.Fatalf("after damage: step %d, position %v, skipped %v, error %v", s.Step, at, skipped, err)
	}
	if len(s.Slots[backend.Moment1]) != 1 {
		t.Error("the moments are lost")
	}
}
