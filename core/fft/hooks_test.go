package fft

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ptychogo/ptycho/internal/machine"
)

// view copies an image from memory with a stride.
func view[C any](x []C, stride, rows, cols int) []C {
	var y []C
	for r := range rows {
		y = append(y, x[r*stride:][:cols]...)
	}
	return y
}

// Long: one table of hooks, and the plain loops that each is compared with.
func TestTransform_Products(t *testing.T) {
	onEveryPath(t, func(t *testing.T, path machine.Instructions) {
		for i, s := range [][2]int{{64, 64}, {48, 100}, {100, 36}, {7, 11}, {13, 40}, {1, 32}} {
			rows, cols := s[0], s[1]
			stride := cols + 13
			p := mustPlan(t, rows, cols, path)
			x, _ := random(rows*stride, uint64(10*i))
			b, _ := random(rows*cols, uint64(10*i+1))
			out, _ := random(rows*(cols+5), uint64(10*i+2))
			q, _ := random(rows*(cols+2), uint64(10*i+3))
			patch := view(x, stride, rows, cols)
			weights := make([]float32, rows*(cols+1))
			for j := range weights {
				weights[j] = real(b[j%len(b)])
			}
			for _, f := range []Factor{Alone, TimesBy, TimesConjBy, TimesReal} {
				product := wide(patch)
				for j := range product {
					switch f {
					case TimesBy:
						product[j] *= complex128(b[j])
					case TimesConjBy:
						product[j] *= complex(real(complex128(b[j])), -imag(complex128(b[j])))
					case TimesReal:
						product[j] *= complex(float64(weights[j/cols*(cols+1)+j%cols]), 0)
					}
				}
				for d, sign := range map[Direction]float64{Forward: -1, Inverse: 1, ForwardCentred: -1, InverseCentred: 1} {
					if d == InverseCentred {
						product = moved(product, rows, cols, -(rows / 2), -(cols / 2))
					}
					want := naive(product, rows, cols, sign)
					if d == ForwardCentred {
						want = moved(want, rows, cols, rows/2, cols/2)
					}
					if d == InverseCentred {
						product = moved(product, rows, cols, rows/2, cols/2)
					}
					from := Source{Image: x, ImageStride: stride, Factor: f, By: b, Real: weights, RealStride: cols + 1}
					sum := make([]float32, rows*(cols+3))
					for j := range sum {
						sum[j] = 1
					}
					plainOut, added := append([]complex64(nil), out...), append([]complex64(nil), out...)
					p.Transform(Target{Image: plainOut, ImageStride: cols + 5, Intensity: sum, IntensityStride: cols + 3}, from, d, nil)
					p.Transform(Target{Image: added, ImageStride: cols + 5, Add: true, ConjBy: q, ConjByStride: cols + 2, Scale: -0.5}, from, d, nil)
					only := make([]float32, len(sum))
					p.Transform(Target{Intensity: only, IntensityStride: cols + 3}, from, d, nil)

					name := fmt.Sprintf("%d×%d, factor %d, direction %d", rows, cols, f, d)
					if e := distance(wide(view(plainOut, cols+5, rows, cols)), want); !(e < 2*limit32) {
						t.Errorf("%s: off by %.2g", name, e)
					}
					intensity, intensities, sums := make([]complex128, len(want)), make([]complex128, len(want)), make([]complex128, len(want))
					for j, w := range want {
						at := j/cols*(cols+3) + j%cols
						intensity[j] = complex(real(w)*real(w)+imag(w)*imag(w), 0)
						intensities[j], sums[j] = complex(float64(only[at]), 0), complex(float64(sum[at])-1, 0)
						c := complex128(q[j/cols*(cols+2)+j%cols])
						want[j] = complex128(out[j/cols*(cols+5)+j%cols]) - 0.5*w*complex(real(c), -imag(c))
					}
					if e := max(distance(intensities, intensity), distance(sums, intensity)); !(e < 4*limit32) {
						t.Errorf("%s: intensity is off by %.2g", name, e)
					}
					if e := distance(wide(view(added, cols+5, rows, cols)), want); !(e < 2*limit32) {
						t.Errorf("%s: the sum is off by %.2g", name, e)
					}
					for j := range out {
						if j%(cols+5) >= cols && (plainOut[j] != out[j] || added[j] != out[j]) {
							t.Fatalf("%s: wrote outside the image, at %d", name, j)
						}
					}
					for j := range sum {
						if j%(cols+3) >= cols && (sum[j] != 1 || only[j] != 0) {
							t.Fatalf("%s: wrote outside the intensity, at %d", name, j)
						}
					}
				}
			}
		}
	})
}

// Source is read before Target is written, and Work carries no data from one transform to the next.
func TestTransform_SharedMemory(t *testing.T) {
	onEveryPath(t, func(t *testing.T, path machine.Instructions) {
		var w Work
		for _, s := range [][2]int{{32, 32}, {20, 50}, {7, 19}, {8, 8}} {
			n := s[0] * s[1]
			p := mustPlan(t, s[0], s[1], path)
			x, _ := random(n, 4)
			want := make([]complex64, n)
			p.Forward(want, x, nil)
			same := append([]complex64(nil), x...)
			p.Forward(same, same, &w)
			equal(t, "in place", same, want)

			over := append(append([]complex64(nil), x...), make([]complex64, 3)...)
			p.Forward(over[3:], over[:n], &w)
			equal(t, "three pixels on", over[3:], want)

			p.Transform(Target{Image: want}, Source{Image: x, Factor: TimesBy, By: x}, ForwardCentred, nil)
			same = append(same[:0], x...)
			p.Transform(Target{Image: same}, Source{Image: same, Factor: TimesBy, By: same}, ForwardCentred, &w)
			equal(t, "factor and target", same, want)

			p.Transform(Target{Image: want, ConjBy: x}, Source{Image: x}, Inverse, nil)
			same = append(same[:0], x...)
			p.Transform(Target{Image: same, ConjBy: same}, Source{Image: same}, Inverse, &w)
			equal(t, "target and its factor", same, want)
		}
	})
}

func equal(t *testing.T, what string, got, want []complex64) {
	t.Helper()
	for i, v := range want {
		if got[i] != v {
			t.Errorf("%s: %v at %d, want %v", what, got[i], i, v)
			return
		}
	}
}

// The bits of an image do not depend on its place in a batch, or on concurrent use of the plan.
func TestPlan_SameBitsInBatchAndGoroutines(t *testing.T) {
	onEveryPath(t, func(t *testing.T, path machine.Instructions) {
		for _, s := range [][2]int{{32, 48}, {11, 30}} {
			n, images := s[0]*s[1], 6
			p := mustPlan(t, s[0], s[1], path)
			x, _ := random(n*images, 5)
			batch, alone := make([]complex64, len(x)), make([]complex64, len(x))
			p.ForwardCentred(batch, x, nil)
			var wg sync.WaitGroup
			for i := range images {
				wg.Go(func() {
					for range 3 {
						p.ForwardCentred(alone[i*n:][:n], x[i*n:][:n], nil)
					}
				})
			}
			wg.Wait()
			equal(t, fmt.Sprint(s), alone, batch)
		}
	})
}

func TestTransform_RejectsShortSlices(t *testing.T) {
	p := mustPlan(t, 4, 6, machine.Portable)
	image, other := make([]complex64, 24), make([]complex64, 23)
	for want, f := range map[string]func(){
		"Source.Image":     func() { p.Transform(Target{Image: image}, Source{Image: other}, Forward, nil) },
		"Source.By":        func() { p.Transform(Target{Image: image}, Source{Image: image, Factor: TimesBy}, Forward, nil) },
		"Source.Real":      func() { p.Transform(Target{Image: image}, Source{Image: image, Factor: TimesReal}, Forward, nil) },
		"Target.Image":     func() { p.Transform(Target{Image: other}, Source{Image: image}, Forward, nil) },
		"Target.ConjBy":    func() { p.Transform(Target{Image: image, ConjBy: other}, Source{Image: image}, Forward, nil) },
		"Target.Intensity": func() { p.Transform(Target{Intensity: make([]float32, 1)}, Source{Image: image}, Forward, nil) },
		"stride 5":         func() { p.Transform(Target{Image: image}, Source{Image: image, ImageStride: 5}, Forward, nil) },
		"factor 9":         func() { p.Transform(Target{Image: image}, Source{Image: image, Factor: 9}, Forward, nil) },
		"24 and 23 pixels": func() { p.Forward(image, other, nil) },
		"whole images":     func() { p.Forward(other, other, nil) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, want) {
					t.Errorf("got %q, want a panic that names %q", text, want)
				}
			}()
			f()
		}()
	}
}
