package solve

import (
	"context"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/model"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// A few iterations from an image without detail, such as that of a network, give a better image than thirty iterations of ePIE
// from nothing.
func TestRefine_BeatsSolvingFromNothing(t *testing.T) {
	fixture.Long(t)
	sim, err := simulate.New(context.Background(), simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 48, Height: 128, Patterns: 150, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	data := sim.AsRead()
	blurred := raster.NewComplex(sim.Object.H, sim.Object.W)
	for i := range blurred.Data {
		for d := range 25 {
			blurred.Data[i] += sim.Object.At(i/blurred.W+d/5-2, i%blurred.W+d%5-2) / 25
		}
	}
	image := raster.Stitched{Object: blurred, Coverage: raster.NewReal(blurred.H, blurred.W)}
	for i := range image.Coverage.Data {
		image.Coverage.Data[i] = 1
	}
	pr, err := model.NewProbe(data.Probe, data.N, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	gauged := *data
	gauged.Probe = pr.Modes
	refined, err := Refine(context.Background(), host.Host{}, image, &gauged, 0.01, 10, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	solved, err := iterative.Solve(context.Background(), data, iterative.Options{Iterations: 30, Fit: iterative.Fit{Probe: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("R %.5f refined, %.5f at its start, %.5f solved", refined.R, refined.History[0].R, solved.R)
	if refined.R > solved.R {
		t.Errorf("R is %v after 10 iterations from the image and %v after 30 from nothing", refined.R, solved.R)
	}
}

// A refinement that is asked to stop ends as an interrupted run, and not after its last iteration.
func TestRefine_StopsWhenAsked(t *testing.T) {
	sim, err := simulate.New(t.Context(), simulate.Options{Object: simulate.Lines, N: 16, Height: 48, Patterns: 40, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	data := sim.AsRead()
	image := raster.Stitched{Object: sim.Object}
	stop, last := make(chan struct{}), 0
	h := host.Host{Stop: stop, Progress: func(p host.Progress) {
		if last = p.Step; last == 2 {
			close(stop)
		}
	}}
	const iterations = 2000
	_, err = Refine(t.Context(), h, image, data, 0, iterations, 1, true)
	if host.ExitCode(err) != host.ExitInterrupted || last == iterations {
		t.Errorf("%v after iteration %d, want exit code %d", err, last, host.ExitInterrupted)
	}
}
