package fft

import "fmt"

// Direction is one of the four transforms.
type Direction uint8

// The transforms, defined in the package comment.
const (
	Forward Direction = iota
	Inverse
	ForwardCentred
	InverseCentred
)

// Factor selects the factor of a Source's image.
type Factor uint8

// The factors.
const (
	Alone       Factor = iota // none
	TimesBy                   // Source.By, such as P in the exit wave P·O
	TimesConjBy               // conj(Source.By)
	TimesReal                 // Source.Real
)

// Source is the input of a transform: an image [rows, cols], or its product with another. Strides are the distance of
// two rows in elements, 0 for cols; a patch of an object is a view from its first pixel on, with the object's stride.
type Source struct {
	Image       []complex64
	ImageStride int
	Factor      Factor
	By          []complex64 // [rows, cols], for TimesBy and TimesConjBy
	ByStride    int
	Real        []float32 // [rows, cols], for TimesReal
	RealStride  int
}

// Target is the output of a transform. With z for the result times Scale:
//
//	Intensity += |z|²        if Intensity is given
//	v = z·conj(ConjBy)       if ConjBy is given, else z
//	Image = v, or += v       with Add; nothing if Image is nil
//
// Strides are as in Source. ConjBy must not share memory with Image unless both are the same view.
type Target struct {
	Image           []complex64
	ImageStride     int
	Add             bool
	ConjBy          []complex64 // [rows, cols] or nil
	ConjByStride    int
	Scale           float32   // 0 means 1
	Intensity       []float32 // [rows, cols] or nil
	IntensityStride int
}

// source is Source for the kernels: interleaved parts, strides set, lengths checked.
type source[T Float] struct {
	image    []T
	stride   int
	kind     int
	by       []T // pairs, or single numbers for timesReal
	byStride int
}

// The kinds of source; the assembly uses their numbers.
const (
	plain = iota
	timesComplex
	timesConj
	timesReal
)

// target is Target for the kernels. scale includes the factor of the orthonormal transform.
type target[T Float] struct {
	image     []T
	stride    int
	add       bool
	by        []T
	byStride  int
	sum       []T
	sumStride int
	scale     T
}

func (s Source) of(rows, cols int) source[float32] {
	out := source[float32]{kind: plain, stride: stride("Source.Image", len(s.Image), s.ImageStride, rows, cols), image: pairs[float32](s.Image)}
	switch s.Factor {
	case Alone:
	case TimesBy, TimesConjBy:
		out.kind = timesComplex
		if s.Factor == TimesConjBy {
			out.kind = timesConj
		}
		out.byStride, out.by = stride("Source.By", len(s.By), s.ByStride, rows, cols), pairs[float32](s.By)
	case TimesReal:
		out.kind = timesReal
		out.byStride, out.by = stride("Source.Real", len(s.Real), s.RealStride, rows, cols), s.Real
	default:
		panic(fmt.Sprintf("fft: unknown factor %d of a source", s.Factor))
	}
	return out
}

func (t Target) of(rows, cols int) target[float32] {
	out := target[float32]{add: t.Add, scale: t.Scale}
	if t.Scale == 0 {
		out.scale = 1
	}
	if t.Image != nil {
		out.stride, out.image = stride("Target.Image", len(t.Image), t.ImageStride, rows, cols), pairs[float32](t.Image)
	}
	if t.ConjBy != nil {
		out.byStride, out.by = stride("Target.ConjBy", len(t.ConjBy), t.ConjByStride, rows, cols), pairs[float32](t.ConjBy)
	}
	if t.Intensity != nil {
		out.sumStride, out.sum = stride("Target.Intensity", len(t.Intensity), t.IntensityStride, rows, cols), t.Intensity
	}
	return out
}

// stride returns the distance of rows. It rejects short slices, because assembly reads without bounds checks.
func stride(what string, have, given, rows, cols int) int {
	if given == 0 {
		given = cols
	}
	if given < cols || (rows-1)*given+cols > have {
		panic(fmt.Sprintf("fft: %s has %d elements and stride %d, too short for %d×%d", what, have, given, rows, cols))
	}
	return given
}
