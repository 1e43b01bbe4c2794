package loop

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
)

// constant is a session whose network is dead: its output is the same number for every pixel of every pattern.
type constant struct {
	backend.Session
	start func(row int) []complex64
}

func (c constant) Reconstruct(_ context.Context, p backend.ReconPlan, visit func(backend.Patches) error) error {
	for i, b := range p.Batches {
		var patches []complex64
		for _, row := range b.Rows {
			for _, z := range c.start(int(row)) {
				patches = append(patches, z+1.3)
			}
		}
		if err := visit(backend.Patches{Batch: i, Data: tensor.Must(patches, len(b.Rows), 8, 8)}); err != nil {
			return err
		}
	}
	return nil
}

// A dead network is found although the back-projections to which its output is added vary.
func TestLook_DeadNetworkOnBackProjections(t *testing.T) {
	start := func(row int) []complex64 {
		rng := rand.New(rand.NewPCG(1, uint64(row)))
		out := make([]complex64, 64)
		for i := range out {
			out[i] = complex(float32(rng.NormFloat64()), float32(rng.NormFloat64()))
		}
		return out
	}
	tr := &Trainer{Work: Work{Looks: []backend.Batch{{Rows: []int32{7, 2}}, {Rows: []int32{5, 3}}}, Start: start, Weight: make([]float64, 64), Flat: 20}}
	for i := range tr.Weight {
		tr.Weight[i] = 1
	}
	look, err := tr.look(t.Context(), constant{start: start}, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if !look.Flat || look.Contrast > deadContrast || look.Response > deadContrast {
		t.Errorf("the guard says %+v", look)
	}
}

// A restart is of the same network on the same patterns: checkpoints after it know what those before it knew of both.
func TestRestart_KeepsWhatTheRunIsOf(t *testing.T) {
	tr := &Trainer{At: Position{Epoch: 1, Step: 4, Data: "patterns", FirstPass: "network", Start: "scaled-beam"}, host: host.Host{Notice: func(string, ...any) {}}}
	tr.Begin = func(int) (backend.State, error) { return backend.State{}, nil }
	if err := tr.restart(&collapse{step: 4, reason: "flat"}); err != nil {
		t.Fatal(err)
	}
	if at := tr.At; at.Data != "patterns" || at.FirstPass != "network" || at.Start != "scaled-beam" || at.Step != 0 || at.Epoch != 0 || len(at.Beginnings) != 1 {
		t.Errorf("the position after a restart is %+v", at)
	}
}
