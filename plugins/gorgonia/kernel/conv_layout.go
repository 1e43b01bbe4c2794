package kernel

import "github.com/ptychogo/ptycho/internal/machine"

// convShape is a convolution of a batch: x [Batch, In, Height, Width] with w [Out, In, Kernel, Kernel].
type convShape struct {
	Batch, In, Out, Height, Width, Kernel int
}

// maxTile is the widest tile of any kernel. Flat planes have room for one tile after their end.
const maxTile = 96

// flat is the layout of a run of samples in one plane.
type flat struct {
	samples       int
	height, width int
	pad           int // k/2
	row           int // S, distance of rows
	sample        int // distance of samples
	first         int // position of pixel (0, 0) of sample 0
	span          int // from first to after the last pixel of the last sample, with its pad
	plane         int // length of a plane
}

func newFlat(samples, height, width, kernel int) flat {
	pad := kernel / 2
	f := flat{samples: samples, height: height, width: width, pad: pad, row: width + pad}
	f.sample = (height + pad) * f.row
	f.first = pad*f.row + pad
	f.span = (samples-1)*f.sample + height*f.row
	f.plane = (f.first + f.span + pad*f.row + pad + maxTile + 15) / 16 * 16
	return f
}

// offsets lists, for channels planes and all taps, the distance in bytes from an output position to the input that it
// reads.
func (f flat) offsets(channels, kernel, size int) []int64 {
	out := make([]int64, 0, channels*kernel*kernel)
	for c := range channels {
		for y := range kernel {
			for x := range kernel {
				out = append(out, int64(c*f.plane+(y-f.pad)*f.row+x-f.pad)*int64(size))
			}
		}
	}
	return out
}

// fill copies one channel of the run into a plane. The source of sample s starts at src[s·stride]. With mask (the output of
// a ReLU, in the layout of src), elements become 0 where mask is not above 0.
func fill[T Float](path machine.Instructions, plane []T, f flat, src, mask []T, stride int) {
	clear(plane[:f.first])
	end := f.first
	for s := range f.samples {
		from := f.first + s*f.sample
		clear(plane[end:from])
		for y := range f.height {
			dst := plane[from+y*f.row:][:f.row]
			row := src[s*stride+y*f.width:][:f.width]
			if mask == nil {
				copy(dst, row)
			} else {
				masked(path, dst, row, mask[s*stride+y*f.width:][:f.width])
			}
			clear(dst[f.width:])
		}
		end = from + f.height*f.row
	}
	clear(plane[end:])
}

// runs splits a batch into runs of samples. The split depends only on the shape, never on the number of workers, so that
// sums over runs have a fixed order. Small images share a run, so that tiles are full.
func (s convShape) runs() (samples, count int) {
	samples = 1
	if s.Height*s.Width <= 1024 {
		samples = (s.Batch + 3) / 4
	}
	return samples, (s.Batch + samples - 1) / samples
}

// masked copies src to dst, with 0 where mask is not above 0.
func masked[T Float](path machine.Instructions, dst, src, mask []T) {
	done := 0
	if s, ok := any(src).([]float32); ok && path != machine.Portable && len(s) >= 8 {
		done = len(s) &^ 7
		masked8(len(s)/8, &any(dst).([]float32)[0], &s[0], &any(mask).([]float32)[0])
	}
	for i, v := range src[done:] {
		if !(mask[done+i] > 0) {
			v = 0
		}
		dst[done+i] = v
	}
}
