package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/internal/machine"
)

// naive computes the definition y = conv(x, w) + bias in float64.
func naive(s convShape, x, w, bias []float64) []float64 {
	y := make([]float64, s.Batch*s.Out*s.Height*s.Width)
	visit(s, func(xi, wi, yi int) { y[yi] += x[xi] * w[wi] })
	for i := range y {
		y[i] += bias[i/(s.Height*s.Width)%s.Out]
	}
	return y
}

// visit calls f for each product of the convolution with the indices of its input, weight and output.
func visit(s convShape, f func(xi, wi, yi int)) {
	pad := s.Kernel / 2
	for n := range s.Batch {
		for o := range s.Out {
			for c := range s.In {
				for ky := range s.Kernel {
					for kx := range s.Kernel {
						for r := range s.Height {
							for col := range s.Width {
								y, x := r+ky-pad, col+kx-pad
								if y < 0 || y >= s.Height || x < 0 || x >= s.Width {
									continue
								}
								f(((n*s.In+c)*s.Height+y)*s.Width+x, ((o*s.In+c)*s.Kernel+ky)*s.Kernel+kx, ((n*s.Out+o)*s.Height+r)*s.Width+col)
							}
						}
					}
				}
			}
		}
	}
}

var shapes = []convShape{
	{1, 1, 1, 1, 1, 1}, {2, 3, 2, 5, 7, 3}, {3, 2, 9, 8, 8, 3}, {1, 4, 8, 16, 12, 5}, {5, 3, 17, 6, 10, 3},
	{2, 7, 3, 9, 4, 1}, {1, 2, 8, 11, 50, 7}, {4, 5, 7, 32, 33, 3}, {8, 16, 16, 8, 8, 3}, {2, 3, 16, 64, 64, 3},
}

func values[T Float](rng *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(rng.NormFloat64())
	}
	return v
}

func widen[T Float](v []T) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

// distance returns the relative L2 error of got.
func distance[T Float](got []T, want []float64) float64 {
	d, n := 0.0, 1e-30
	for i, w := range want {
		d += (float64(got[i]) - w) * (float64(got[i]) - w)
		n += w * w
	}
	return math.Sqrt(d / n)
}

func check[T Float](t *testing.T, path machine.Instructions, s convShape, limit float64) {
	rng := rand.New(rand.NewPCG(1, uint64(s.Height*1000+s.Out)))
	k := newConvolver(newPool(2), path)
	area := s.Height * s.Width
	x, w, bias := values[T](rng, s.Batch*s.In*area), values[T](rng, s.Out*s.In*s.Kernel*s.Kernel), values[T](rng, s.Out)
	dy := values[T](rng, s.Batch*s.Out*area)
	y := make([]T, len(dy))
	want := naive(s, widen(x), widen(w), widen(bias))

	convolve(k, s, x, w, bias, false, y)
	if d := distance(y, want); !(d < limit) {
		t.Errorf("forward: relative error %.2g", d)
	}
	for i := range want {
		want[i] = max(want[i], 0)
	}
	convolve(k, s, x, w, bias, true, y)
	if d := distance(y, want); !(d < limit) {
		t.Errorf("forward with relu: relative error %.2g", d)
	}
	for _, mask := range [][]T{nil, y} {
		g := widen(dy)
		for i := range g {
			if mask != nil && mask[i] <= 0 {
				g[i] = 0
			}
		}
		wx, ww, wb := make([]float64, len(x)), make([]float64, len(w)), make([]float64, s.Out)
		visit(s, func(xi, wi, yi int) {
			wx[xi] += g[yi] * float64(w[wi])
			ww[wi] += g[yi] * float64(x[xi])
		})
		for i, v := range g {
			wb[i/area%s.Out] += v
		}
		dx, dw, db := make([]T, len(x)), make([]T, len(w)), make([]T, s.Out)
		gradInput(k, s, dy, mask, w, dx)
		gradWeight(k, s, x, dy, mask, dw)
		gradBias(k, s, dy, mask, db)
		for name, d := range map[string]float64{"input": distance(dx, wx), "weight": distance(dw, ww), "bias": distance(db, wb)} {
			if !(d < limit) {
				t.Errorf("gradient of the %s (mask %v): relative error %.2g", name, mask != nil, d)
			}
		}
	}
}

func TestConv_PathsAgreeWithDefinition(t *testing.T) {
	for _, path := range machine.Supported() {
		for _, s := range shapes {
			t.Run(fmt.Sprintf("%s %+v", path, s), func(t *testing.T) {
				check[float32](t, path, s, 2e-6)
				check[float64](t, path, s, 1e-13)
			})
		}
	}
}

func TestConv_SameBitsForAnyWorkers(t *testing.T) {
	s := convShape{Batch: 5, In: 6, Out: 9, Height: 24, Width: 20, Kernel: 3}
	rng := rand.New(rand.NewPCG(3, 4))
	area := s.Height * s.Width
	x, w, dy := values[float32](rng, s.Batch*s.In*area), values[float32](rng, s.Out*s.In*9), values[float32](rng, s.Batch*s.Out*area)
	for _, path := range machine.Supported() {
		var first []float32
		for _, threads := range []int{1, 2, 3} {
			k := newConvolver(newPool(threads), path)
			y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
			convolve(k, s, x, w, nil, true, y)
			gradInput(k, s, dy, y, w, dx)
			gradWeight(k, s, x, dy, y, dw)
			all := append(append(y, dx...), dw...)
			if first == nil {
				first = all
				continue
			}
			for i := range all {
				if math.Float32bits(all[i]) != math.Float32bits(first[i]) {
					t.Fatalf("%s: element %d is %v with %d workers, %v with one", path, i, all[i], threads, first[i])
				}
			}
		}
	}
}

func BenchmarkLayers(b *testing.B) {
	for _, s := range []convShape{{8, 16, 16, 64, 64, 3}, {8, 48, 16, 64, 64, 3}, {8, 16, 2, 64, 64, 3}, {8, 3, 16, 64, 64, 3}, {8, 96, 32, 32, 32, 3}, {8, 192, 64, 16, 16, 3}, {8, 128, 128, 8, 8, 3}, {8, 48, 16, 128, 128, 3}} {
		area := s.Height * s.Width
		rng := rand.New(rand.NewPCG(1, 2))
		x, w, dy := values[float32](rng, s.Batch*s.In*area), values[float32](rng, s.Out*s.In*9), values[float32](rng, s.Batch*s.Out*area)
		y := make([]float32, len(dy))
		flops := 18 * float64(s.Batch*s.In*s.Out*area)
		k := newConvolver(newPool(1), machine.Supported()[len(machine.Supported())-1])
		for name, f := range map[string]func(){
			"forward":    func() { convolve(k, s, x, w, nil, true, y) },
			"gradinput":  func() { gradInput(k, s, dy, y, w, x) },
			"gradweight": func() { gradWeight(k, s, x, dy, y, w) },
		} {
			b.Run(fmt.Sprintf("%s/%dto%d@%d", name, s.In, s.Out, s.Height), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
