package solve

import (
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
)

// Factors of frames are fitted with the engine that the probe calls for, and positions with LSQML unless the probe is fitted too.
func TestEngineOf_FollowsSpreadOfProbe(t *testing.T) {
	for kind, c := range map[simulate.ProbeKind]struct {
		low, high float64
		factors   iterative.Engine
	}{simulate.Gaussian: {0.9, 1.1, iterative.EPIE}, simulate.Disk: {1.2, 2.2, iterative.EPIE}, simulate.Aberrated: {4, 100, iterative.LSQML}} {
		for _, n := range []int{32, 64, 128} {
			sim, err := simulate.New(t.Context(), simulate.Options{Object: simulate.Lines, Probe: kind, N: n, Height: 2 * n, Patterns: 2, Photons: 1e5})
			if err != nil {
				t.Fatal(err)
			}
			data := sim.AsRead()
			wide, err := spread(data.Probe, n)
			if err != nil || wide < c.low || wide > c.high {
				t.Errorf("%s of %d pixels: spread %v, %v, want %v to %v", kind, n, wide, err, c.low, c.high)
			}
			for fit, want := range map[iterative.Fit]iterative.Engine{
				{Intensity: true}: c.factors, {Intensity: true, Probe: true}: c.factors, {Intensity: true, Positions: true}: c.factors,
				{Positions: true}: iterative.LSQML, {Positions: true, Probe: true}: iterative.EPIE, {Probe: true}: iterative.EPIE,
			} {
				if got, err := engineOf(fit, data); err != nil || got != want {
					t.Errorf("%s, %+v: %v, %v, want %v", kind, fit, got, err, want)
				}
			}
		}
	}
}
