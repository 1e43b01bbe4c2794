package solve

import (
	"context"
	"fmt"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
)

// BenchmarkFrames measures patterns per second at 128² with a fitted probe, on one thread and on one per core.
func BenchmarkFrames(b *testing.B) {
	sim, err := simulate.New(context.Background(), simulate.Options{N: 128, Height: 384, Patterns: 256, Probe: simulate.Aberrated})
	if err != nil {
		b.Fatal(err)
	}
	s := asScan(sim)
	for _, e := range Engines() {
		for _, threads := range []int{1, 0} {
			b.Run(fmt.Sprintf("%s/threads=%d", e, threads), func(b *testing.B) {
				o, err := Options{Engine: e, Threads: threads, Fit: Fit{Probe: true}}.withDefaults()
				if err != nil {
					b.Fatal(err)
				}
				v, err := newSolver(s, o)
				if err != nil {
					b.Fatal(err)
				}
				defer v.team.close()
				iterate, err := v.start()
				if err != nil {
					b.Fatal(err)
				}
				number := 0
				var began state
				for b.Loop() {
					number++
					v.begin(&began)
					if _, err := iterate(context.Background(), number); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(number*s.Len())/b.Elapsed().Seconds(), "patterns/s")
			})
		}
	}
}
