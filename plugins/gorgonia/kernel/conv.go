package kernel

import (
	"unsafe"

	"github.com/ptychogo/ptycho/internal/machine"
)

// convolver runs convolutions on a pool with the instructions of one path: k×k, stride 1, zero padding that keeps height and
// width, in float32 with AVX-512, AVX2 or plain Go, and in float64 with plain Go. Images are NCHW.
//
// An im2col matrix is not built. A run of samples is copied once into flat planes with zeros around each image. Then
//
//	out[p] = Σ_i w[i]·in[p + offset[i]]
//
// for flat positions p, where i runs over input channels and taps. Rows have length S = W + k/2: the zeros at the right of
// one row are also those at the left of the next, so that vectors run across rows and samples without edge cases. Results
// at the positions of zeros are dropped: 1/(W+1) of the work for k = 3.
type convolver struct {
	pool *Pool
	path machine.Instructions
}

// newConvolver returns kernels for a pool and a path, which must be one of cpu.Paths.
func newConvolver(p *Pool, path machine.Instructions) *convolver { return &convolver{p, path} }

// tileShape returns outputs × positions of the widest kernel for the given number of outputs.
func (k *convolver) tileShape(wide bool, outputs int) (rows, cols int) {
	switch {
	case !wide || k.path == machine.Portable:
		return 1, maxTile
	case k.path == machine.AVX2:
		return 4, 24
	case outputs <= 2:
		return 2, 96
	}
	return 8, 48
}

// convolve computes y = conv(x, w) + bias, and max(y, 0) with relu.
// x is [Batch, In, Height, Width], w [Out, In, Kernel, Kernel], bias [Out] or nil, y [Batch, Out, Height, Width].
func convolve[T Float](k *convolver, s convShape, x, w, bias []T, relu bool, y []T) {
	apply(k, s, x, nil, w, func(o, i, t int) T { return w[(o*s.In+i)*s.Kernel*s.Kernel+t] }, bias, relu, y)
}

// gradInput computes dx from dy [Batch, Out, Height, Width]: the convolution with the kernel rotated by 180° and inputs and
// outputs exchanged. With y, the output of a fused ReLU, dy is used only where y > 0.
func gradInput[T Float](k *convolver, s convShape, dy, y, w, dx []T) {
	back := s
	back.In, back.Out = s.Out, s.In
	last := s.Kernel*s.Kernel - 1
	apply(k, back, dy, y, w, func(o, i, t int) T { return w[(i*s.In+o)*(last+1)+last-t] }, nil, false, dx)
}

// apply convolves x, masked where mask is given, with the weights that weight(out, in, tap) reads.
func apply[T Float](k *convolver, s convShape, x, mask, w []T, weight func(o, i, t int) T, bias []T, relu bool, y []T) {
	wide := unsafe.Sizeof(w[0]) == 4
	rows, cols := k.tileShape(wide, s.Out)
	taps := s.In * s.Kernel * s.Kernel
	blocks := (s.Out + rows - 1) / rows

	packed := borrow[T](k.pool, blocks*taps*rows) // [blocks][taps][rows]
	defer giveBack(k.pool, packed)
	k.pool.Run(blocks, func(b int) {
		dst := packed[b*taps*rows:][:taps*rows]
		for i := range s.In {
			for t := range s.Kernel * s.Kernel {
				for j := range rows {
					v := T(0)
					if o := b*rows + j; o < s.Out {
						v = weight(o, i, t)
					}
					dst[(i*s.Kernel*s.Kernel+t)*rows+j] = v
				}
			}
		}
	})

	biases := borrow[T](k.pool, blocks*rows)
	defer giveBack(k.pool, biases)
	clear(biases)
	copy(biases, bias)

	per, runs := s.runs()
	area := s.Height * s.Width
	full := newFlat(per, s.Height, s.Width, s.Kernel)
	offsets := full.offsets(s.In, s.Kernel, int(unsafe.Sizeof(w[0])))
	k.pool.Run(runs, func(r int) {
		first := r * per
		f := newFlat(min(per, s.Batch-first), s.Height, s.Width, s.Kernel)
		f.plane = full.plane
		in := borrow[T](k.pool, s.In*full.plane)
		defer giveBack(k.pool, in)
		for c := range s.In {
			var m []T
			if mask != nil {
				m = mask[(first*s.In+c)*area:]
			}
			fill(k.path, in[c*f.plane:][:f.plane], f, x[(first*s.In+c)*area:], m, s.In*area)
		}
		tile := borrow[T](k.pool, rows*cols)
		defer giveBack(k.pool, tile)
		for p := 0; p < f.span; p += cols {
			for b := range blocks {
				compute(k.path, packed[b*taps*rows:][:taps*rows], offsets, in, f.first+p, tile, rows, cols, biases[b*rows:][:rows], relu)
				for j := range min(rows, s.Out-b*rows) {
					store(f, p, tile[j*cols:][:cols], y[(first*s.Out+b*rows+j)*area:], s.Out*area)
				}
			}
		}
	})
}

// compute fills a tile of rows outputs × cols positions from position at on; w is [taps][rows].
func compute[T Float](path machine.Instructions, w []T, offsets []int64, in []T, at int, tile []T, rows, cols int, bias []T, relu bool) {
	if x, ok := any(in).([]float32); ok && path != machine.Portable {
		kernel, bound := tile8x48, 0
		switch rows {
		case 4:
			kernel = tile4x24
		case 2:
			kernel = tile2x96
		}
		if relu {
			bound = 1
		}
		kernel(len(offsets), &offsets[0], &any(w).([]float32)[0], &x[at], &any(tile).([]float32)[0], cols, &any(bias).([]float32)[0], bound)
		return
	}
	size := int(unsafe.Sizeof(w[0]))
	for j := range rows {
		dst := tile[j*cols:][:cols]
		for c := range dst {
			dst[c] = bias[j]
		}
		for i, off := range offsets {
			v, src := w[i*rows+j], in[at+int(off)/size:][:cols]
			for c, u := range src {
				dst[c] += v * u
			}
		}
		if relu {
			for c, u := range dst {
				dst[c] = max(u, 0)
			}
		}
	}
}

// store copies a tile of one output channel to its image rows and drops the positions of the zero padding.
func store[T Float](f flat, p int, tile []T, y []T, stride int) {
	end := min(p+len(tile), f.span)
	for at := p; at < end; {
		sample, rest := at/f.sample, at%f.sample
		row, col := rest/f.row, rest%f.row
		if row >= f.height {
			at = (sample + 1) * f.sample
			continue
		}
		if n := min(f.width-col, end-at); n > 0 {
			copy(y[sample*stride+row*f.width+col:][:n], tile[at-p:])
		}
		at += f.row - col
	}
}
