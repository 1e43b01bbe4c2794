package kernel

import (
	"unsafe"

	"github.com/ptychogo/ptycho/internal/machine"
)

// block is the approximate number of flat positions that are summed in float32 before the sum is added in float64. It keeps
// the rounding error of long sums near that of short ones, and a block fits into the second-level cache.
const block = 6144

// gradWeight computes dw [Out, In, Kernel, Kernel] from x and dy. With y, dy is used only where y > 0. Sums run over the
// samples in the same order for any number of workers.
//
// Long: one kernel with its blocking; the loops share their bounds.
func gradWeight[T Float](k *convolver, s convShape, x, dy, y, dw []T) {
	taps := s.Kernel * s.Kernel
	area := s.Height * s.Width
	per, runs := s.runs()
	full := newFlat(per, s.Height, s.Width, s.Kernel)
	in := borrow[T](k.pool, s.In*full.plane)
	defer giveBack(k.pool, in)
	grad := borrow[T](k.pool, s.Out*full.plane)
	defer giveBack(k.pool, grad)
	sums := borrow[float64](k.pool, s.Out*s.In*taps)
	defer giveBack(k.pool, sums)
	clear(sums)

	wide := unsafe.Sizeof(dw[0]) == 4 && k.path != machine.Portable
	outputs := 1
	if wide && k.path == machine.AVX512 {
		outputs = 3
	}
	blocks := (s.Out + outputs - 1) / outputs
	for r := range runs {
		first := r * per
		f := newFlat(min(per, s.Batch-first), s.Height, s.Width, s.Kernel)
		f.plane = full.plane
		offsets := padTo9(f.offsets(1, s.Kernel, int(unsafe.Sizeof(dw[0]))))
		k.pool.Run(s.In+s.Out, func(c int) {
			if c < s.In {
				fill(k.path, in[c*f.plane:][:f.plane], f, x[(first*s.In+c)*area:], nil, s.In*area)
				return
			}
			c -= s.In
			var m []T
			if y != nil {
				m = y[(first*s.Out+c)*area:]
			}
			fill(k.path, grad[c*f.plane:][:f.plane], f, dy[(first*s.Out+c)*area:], m, s.Out*area)
		})
		pieces := (f.span + block - 1) / block
		piece := (f.span/pieces + 16) &^ 15 // equal pieces of whole vectors; past the span the gradient is zero
		for p := 0; p < f.span; p += piece {
			n := (min(piece, f.span-p) + 15) / 16
			k.pool.Run(blocks, func(b int) {
				rows := min(outputs, s.Out-b*outputs)
				var lanes [27]T
				for c := range s.In {
					for t0 := 0; t0 < taps; t0 += 9 {
						dst := sums[(b*outputs*s.In+c)*taps+t0:]
						dot(k.path, n, offsets[t0:t0+9], grad, (b*outputs)*f.plane+f.first+p, rows, f.plane, in, c*f.plane+f.first+p, lanes[:], wide)
						for j := range rows {
							for t := range min(9, taps-t0) {
								dst[j*s.In*taps+t] += float64(lanes[j*9+t])
							}
						}
					}
				}
			})
		}
	}
	for i := range dw {
		dw[i] = T(sums[i])
	}
}

// padTo9 repeats the last offset until the length is a multiple of nine, the taps of one kernel call.
func padTo9(offsets []int64) []int64 {
	for len(offsets)%9 != 0 {
		offsets = append(offsets, offsets[len(offsets)-1])
	}
	return offsets
}

// dot computes, for each of rows outputs j and nine offsets t, the sum of grad·in over n vectors of 16 positions, and
// writes it to sums[9·j+t]. Outputs after rows repeat the first.
func dot[T Float](path machine.Instructions, n int, offsets []int64, grad []T, g, rows, plane int, in []T, x int, sums []T, wide bool) {
	if wide {
		gf, xf, out := any(grad).([]float32), any(in).([]float32), any(sums).([]float32)
		if path == machine.AVX512 {
			y := [3]*float32{&gf[g], &gf[g], &gf[g]}
			for j := 1; j < rows; j++ {
				y[j] = &gf[g+j*plane]
			}
			dot3x9(n, &offsets[0], y[0], y[1], y[2], &xf[x], &out[0])
			return
		}
		dot1x9(2*n, &offsets[0], &gf[g], &xf[x], &out[0])
		return
	}
	size := int64(unsafe.Sizeof(sums[0]))
	for t, off := range offsets {
		var acc [16]T
		a, b := grad[g:][:n*16], in[x+int(off/size):][:n*16]
		for i, v := range a {
			acc[i&15] += v * b[i]
		}
		sums[t] = 0
		for _, v := range acc {
			sums[t] += v
		}
	}
}

// gradBias computes db [Out], the sum of dy over samples and pixels. With y, dy is used only where y > 0.
func gradBias[T Float](k *convolver, s convShape, dy, y, db []T) {
	area := s.Height * s.Width
	k.pool.Run(s.Out, func(o int) {
		total := 0.0
		for n := range s.Batch {
			at := (n*s.Out + o) * area
			var lanes [8]T
			g := dy[at:][:area]
			if y == nil {
				for i, v := range g {
					lanes[i&7] += v
				}
			} else {
				m := y[at:][:area]
				for i, v := range g {
					if m[i] > 0 {
						lanes[i&7] += v
					}
				}
			}
			for _, v := range lanes {
				total += float64(v)
			}
		}
		db[o] = T(total)
	})
}
