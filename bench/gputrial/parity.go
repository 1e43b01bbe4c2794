//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

var parityColumns = []string{"difference", "limit", "within"}

// pair is two backends with their devices, separated by commas, and the name of the first for people.
type pair struct{ backends, devices, title string }

// pairs lists what the backend under trial is compared with: Gorgonia on the CPU, and XLA on the same device. It also returns why a
// pair is missing.
func (t *trial) pairs() (pairs []pair, left string) {
	if !t.cpu || t.backend == xla {
		pairs = append(pairs, pair{gorgonia + "," + t.backend, "cpu," + t.device(), "Gorgonia on the CPU"})
	}
	if t.backend == xla {
		return pairs, ""
	}
	if !t.cpu && len(t.found.about.Plugins) == 0 && os.Getenv("PTYCHO_XLA_CUDA_LIBRARY") == "" {
		return pairs, "XLA's CUDA library was not found"
	}
	return append(pairs, pair{xla + "," + gorgonia, t.device() + "," + t.device(), "XLA on " + t.device()}), ""
}

// parity compares the backend and the device under trial with others.
func (t *trial) parity(ctx context.Context, r *recorder) error {
	pairs, left := t.pairs()
	if left != "" {
		r.add(row{What: "compared with XLA", Note: "left out: " + left})
	}
	var failed []error
	for _, p := range pairs {
		cells, err := t.compared(ctx, p)
		failed = append(failed, err)
		for _, c := range cells {
			r.add(row{What: c.Quantity, Values: map[string]any{"difference": c.Difference, "limit": c.Limit, "within": c.Within}, Failed: !c.Within, Note: "compared with " + p.title})
		}
	}
	return errors.Join(failed...)
}

// difference compares one quantity of two backends.
type difference struct {
	Quantity   string
	Difference float64
	Limit      float64
	Within     bool
}

// compared runs the parity of two backends, with further arguments.
func (t *trial) compared(ctx context.Context, p pair, more ...string) ([]difference, error) {
	args := slices.Concat([]string{"conformance", "--parity", p.backends, "--device", p.devices, "--json", "-", "--quiet"}, t.short(), more)
	e := t.execute(ctx, command{path: filepath.Join(t.bin, program), env: t.fast(), tolerates: []int{20}, args: args}) // 20: above the limit
	if e.err != nil {
		return nil, e.err
	}
	var report struct{ Cells []difference }
	if err := json.Unmarshal(e.stdout, &report); err != nil {
		return nil, fmt.Errorf("the report of --parity cannot be read: %w", err)
	}
	return report.Cells, nil
}
