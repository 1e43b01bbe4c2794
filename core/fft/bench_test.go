package fft

import (
	"fmt"
	"testing"

	"github.com/ptychogo/ptycho/internal/machine"
)

// benchmarkSides are the sides in the table of docs/figures.md.
var benchmarkSides = []int{64, 128, 256, 512}

func BenchmarkForward(b *testing.B) {
	for _, path := range machine.Supported() {
		for _, n := range benchmarkSides {
			b.Run(fmt.Sprintf("%s/%d", path, n), func(b *testing.B) {
				p := mustPlan(b, n, n, path)
				x, _ := random(n*n, 1)
				y := make([]complex64, n*n)
				var w Work
				for b.Loop() {
					p.Forward(y, x, &w)
				}
			})
		}
	}
}

// BenchmarkFrame runs the two transforms of one frame of ePIE: P·O in, and back with a real factor and the product with
// conj(P) added.
func BenchmarkFrame(b *testing.B) {
	const n, side = 128, 300
	for _, path := range machine.Supported() {
		b.Run(string(path), func(b *testing.B) {
			p := mustPlan(b, n, n, path)
			probe, _ := random(n*n, 1)
			object, _ := random(side*side, 2)
			far, ratio := make([]complex64, n*n), make([]float32, n*n)
			var w Work
			for b.Loop() {
				p.Transform(Target{Image: far}, Source{Image: object[side+1:], ImageStride: side, Factor: TimesBy, By: probe}, ForwardCentred, &w)
				p.Transform(Target{Image: object[side+1:], ImageStride: side, Add: true, ConjBy: probe}, Source{Image: far, Factor: TimesReal, Real: ratio}, InverseCentred, &w)
			}
		})
	}
}
