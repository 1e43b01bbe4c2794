//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/tensor"
)

// bits trains twice and compares the weights.
func (t *trial) bits(ctx context.Context, r *recorder) error {
	var models []*bundle.Model
	for _, name := range []string{"bits-a", "bits-b"} {
		folder, e := t.train(ctx, name, t.steps)
		if e.err != nil {
			return e.err
		}
		m, err := bundle.Read(folder)
		if err != nil {
			return err
		}
		models = append(models, m)
	}
	differ, largest, err := distance(models[0].Weights, models[1].Weights)
	if err != nil {
		return err
	}
	r.add(row{What: fmt.Sprintf("two runs of %d steps", t.steps), Failed: differ > 0,
		Values: map[string]any{"equal": differ == 0, "arrays": len(models[0].Weights), "arrays that differ": differ, "largest difference": largest}})
	return nil
}

// distance counts the arrays that are not equal to the bit, and returns the largest difference of two numbers.
func distance(a, b map[string]tensor.Tensor) (differ int, largest float64, err error) {
	if len(a) != len(b) {
		return 0, 0, fmt.Errorf("one model has %d arrays, the other %d", len(a), len(b))
	}
	for name, one := range a {
		other, ok := b[name]
		if !ok {
			return 0, 0, fmt.Errorf("array %s is missing in the second model", name)
		}
		if bytes.Equal(one.Bytes(), other.Bytes()) {
			continue
		}
		differ++
		x, err := tensor.Data[float32](one)
		if err != nil {
			return 0, 0, err
		}
		y, err := tensor.Data[float32](other)
		if err != nil {
			return 0, 0, err
		}
		for i := range min(len(x), len(y)) {
			largest = max(largest, math.Abs(float64(x[i])-float64(y[i])))
		}
	}
	return differ, largest, nil
}

// inferenceBatch is the number of patterns of a batch.
const inferenceBatch = 256

// inference reconstructs a scan with a barely trained model, because the quality of the image does not affect the time.
func (t *trial) inference(ctx context.Context, r *recorder) error {
	model := filepath.Join(t.work, firstFolder)
	if _, err := bundle.ReadManifest(model); err != nil { // that stage did not run, or failed
		var e ended
		if model, e = t.train(ctx, firstFolder, 1); e.err != nil {
			return e.err
		}
	}
	scan, err := t.scan(ctx, t.patterns)
	if err != nil {
		return err
	}
	e := t.ptycho(ctx, t.engine("infer", "--trust-data", "--model-path", model, "--test-data", scan, "--output-dir", filepath.Join(t.work, "image"), "--overwrite",
		"--inference-batch-size", strconv.Itoa(inferenceBatch), "--json")...)
	if e.err != nil {
		return e.err
	}
	var report struct {
		Patterns  int     `json:"patterns"`
		PerSecond float64 `json:"patterns_per_second"`
		R         float64 `json:"R"`
		Flat      float64 `json:"R_flat"`
	}
	if err := json.Unmarshal(e.stdout, &report); err != nil {
		return fmt.Errorf("the report of ptycho infer cannot be read: %w", err)
	}
	r.add(row{What: fmt.Sprintf("%d patterns, N = %d", report.Patterns, t.side()), Note: "seconds of the whole command: start, reading, compiling, stitching, writing",
		Values: map[string]any{"patterns/s": float64(report.Patterns) / e.took.Seconds(), "seconds": e.took.Seconds(), "patterns/s of the network": report.PerSecond, "R": report.R, "R of a flat object": report.Flat}})
	return nil
}
