package backend

import (
	"context"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestTraining_OverfitsOneGroup trains on a single group of four patterns until its deviance is near that of a perfect
// fit. A wrong gradient or update anywhere does not reach it.
func TestTraining_OverfitsOneGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
	n, filters, steps, multiple := 16, 1, 300, 0.6 // so few pixels are fitted closer than the truth would be
	if fixture.All() {
		n, filters, steps, multiple = 32, 2, 400, 1.3
	}
	scan, err := simulate.New(context.Background(), simulate.Options{Object: simulate.Lines, Probe: simulate.Aberrated, N: n, Height: 2 * n, Patterns: 4, Photons: 1e5, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrial(t, arch.Config{N: n, Gridsize: 2, FiltersScale: filters}, 1)
	probe := make([]complex64, n*n)
	for i, v := range scan.Probe {
		probe[i] = complex64(v)
	}
	tr.data.Patterns = 4
	for i, a := range tr.data.Arrays {
		switch a.Input {
		case program.Counts:
			tr.data.Arrays[i].Value = tensor.Must(scan.Counts, 4, n, n)
		case program.Probe:
			tr.data.Arrays[i].Value = tensor.Must(probe, 1, n, n)
		}
	}
	my, mx := 0.0, 0.0
	for i := range 4 {
		my, mx = my+scan.Rows[i]/4, mx+scan.Cols[i]/4
	}
	for i := range 4 {
		tr.batch.Rows[i] = int32(i)
		tr.batch.Offsets[2*i], tr.batch.Offsets[2*i+1] = float32(scan.Rows[i]-my), float32(scan.Cols[i]-mx)
	}
	s, ref := tr.open(t, tensor.Float32, 2)
	plan := tr.plan(ref.Dataset, steps)
	for i := range plan.Steps {
		plan.Steps[i].LearningRates[""] = 2e-3 * (1 - float64(i)/float64(steps))
	}
	var first, last, perfect float64
	err = s.Step(context.Background(), plan, func(r backend.StepResult) error {
		if r.Number == 1 {
			first = r.Scalars[arch.Deviance].Mean()
		}
		last, perfect = r.Scalars[arch.Deviance].Mean(), r.Scalars[arch.ExpectedDeviance].Mean()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !(last < multiple*perfect && last < first/20) {
		t.Errorf("the deviance of one group went from %.3g to %.3g per pixel; a perfect fit scores %.3g", first, last, perfect)
	}
}
