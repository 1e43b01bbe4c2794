package kernels

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/ptychogo/ptycho/core/physics"
)

// factors splits n into radices 4 and 2 and other primes.
func factors(n int) []int {
	var out []int
	for _, r := range []int{4, 2} {
		for n%r == 0 {
			out = append(out, r)
			n /= r
		}
	}
	for r := 3; n > 1; r += 2 {
		for n%r == 0 {
			out = append(out, r)
			n /= r
		}
	}
	return out
}

// twiddles returns exp(−2πi·k/n) for 0 ≤ k < n as pairs.
func twiddles(n int, wide bool) Ref {
	return Ref{Source: Constant, Table: Table{Key: fmt.Sprintf("twiddles %d %t", n, wide), Wide: wide, Data: func() []float64 {
		out := make([]float64, 2*n)
		for k := range n {
			s, c := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
			out[2*k], out[2*k+1] = c, s
		}
		return out
	}}}
}

// Limits of a block's shared memory: what every GPU has, and what the driver allows on request on an H100.
const (
	sharedMemory     = 48 << 10
	mostSharedMemory = 227 << 10
)

// transform adds the Fourier transform of images [rows, cols]: rows from from to between, then columns from between to to.
func (b *builder) transform(from, between, to Ref, images, rows, cols, size int, inverse bool) error {
	name, wide := "fourier", size != b.size
	if wide {
		name = "fourier_double"
	}
	line := func(from, to Ref, lines, n, stride, per, outer, inner int, scale float64) error {
		bytes := 4 * n * size // two buffers of pairs
		radices := factors(n)
		if bytes > mostSharedMemory || len(radices) > 11 {
			return fmt.Errorf("the Fourier transform of %d pixels needs %d KiB of shared memory, and a GPU has %d KiB", n, bytes>>10, mostSharedMemory>>10)
		}
		lanes := min(max(sharedMemory/bytes, 1), max(1024/n, 1), 8, lines)
		back := 0
		if inverse {
			back = 1
		}
		ns := append([]int{lines, n, stride, per, outer, inner, lanes, back, len(radices)}, radices...)
		b.grid(name, [3]int{(lines + lanes - 1) / lanes, 1, 1}, lanes*bytes, p(from, to, twiddles(n, wide)), ns...).F[0] = scale
		return nil
	}
	if err := line(from, between, images*rows, cols, 1, rows, rows*cols, cols, 1); err != nil {
		return err
	}
	return line(between, to, images*cols, rows, cols, cols, rows*cols, 1, 1/math.Sqrt(float64(rows*cols)))
}

func fft2(b *builder, gradient int) error {
	images, h, w, _ := image(b.c.Out)
	from, inverse := in(0), b.c.Attr("inverse") != 0
	if gradient != Forward {
		from, inverse = incoming, !inverse
	}
	return b.transform(from, b.scratch(2*images*h*w, b.size), target, images, h, w, b.size, inverse)
}

func illuminate(b *builder, gradient int) error {
	modes, area := b.c.Out.Shape[2], b.c.Out.Shape[3]*b.c.Out.Shape[4]
	patterns, length := b.c.Out.Shape[0]*b.c.Out.Shape[1], b.c.In[1].Len()
	switch gradient {
	case Forward:
		b.flat("illuminate", patterns*modes*area, p(in(0), in(1), target), patterns, modes, area, length, 0)
	case 0:
		b.flat("illuminate", patterns*area, p(incoming, in(1), target), patterns, modes, area, length, 1)
	default:
		b.flat("illuminate", length, p(incoming, in(0), target), patterns, modes, area, length, 2)
	}
	return nil
}

func intensity(b *builder, gradient int) error {
	modes, area := b.c.In[0].Shape[2], b.c.Out.Shape[2]*b.c.Out.Shape[3]
	patterns := b.c.Out.Len() / area
	if gradient == Forward {
		b.flat("intensity", patterns*area, p(in(0), null, target), patterns, modes, area, 0)
	} else {
		b.flat("intensity", patterns*modes*area, p(in(0), incoming, target), patterns, modes, area, 1)
	}
	return nil
}

// probesOf returns the number of probes and modes of an operand [.., modes, N, N], and its pixels.
func probesOf(shape []int) (probes, modes, area int) {
	n := len(shape)
	probes, modes, area = 1, shape[n-3], shape[n-2]*shape[n-1]
	for _, e := range shape[:n-3] {
		probes *= e
	}
	return probes, modes, area
}

func mergeWeight(b *builder, gradient int) error {
	if gradient == Forward {
		probes, modes, area := probesOf(b.c.In[0].Shape)
		b.blocks("merge_weight", probes, p(in(0), target), probes, modes, area).F[0] = b.c.Attr("floor")
	}
	return nil
}

// backProject computes the phase of the probe's spectrum in float64: the spectrum spans many decades.
func backProject(b *builder, gradient int) error {
	if gradient != Forward {
		return nil
	}
	probes, modes, area := probesOf(b.c.In[1].Shape)
	images, h, w, _ := image(b.c.Out)
	first, between, spectrum := b.scratch(2*probes*area, 8), b.scratch(2*probes*area, 8), b.scratch(2*probes*area, 8)
	filter := b.scratch(2*probes*area, b.size)
	field, half := b.scratch(2*images*area, b.size), b.scratch(2*images*area, b.size)
	b.blocks("beam", probes, p(in(1), first, filter), probes, modes, area).F[0] = b.c.Attr("epsilon")
	if err := b.transform(first, between, spectrum, probes, h, w, 8, false); err != nil {
		return err
	}
	b.flat("phased", images*area, p(in(0), spectrum, field), images, probes*area, area)
	if err := b.transform(field, half, target, images, h, w, b.size, true); err != nil {
		return err
	}
	b.flat("binary", images*area, p(target, filter, target), images*area, probes*area, complexTimes)
	return nil
}

func translate(b *builder, gradient int) error {
	images, h, w, k := image(b.c.Out)
	sign, from := int(b.c.Attr("sign")), in(0)
	if gradient != Forward {
		sign, from = -sign, incoming
	}
	b.flat("translate", b.c.Out.Size(), p(from, in(1), target), images, h, w, k, sign)
	return nil
}

// Operations of the kernel merge.
const (
	merged = iota
	divided
	spread
)

func mergePairwise(b *builder, gradient int) error {
	s := b.c.In[0].Shape
	all, area := s[0]*s[1], s[2]*s[3]
	merge := func(op int, from, to Ref) {
		b.flat("merge", all*area, p(from, in(1), in(2), to), all, s[1], s[2], s[3], b.c.In[2].Len()/area, op)
	}
	if gradient == Forward {
		merge(merged, in(0), target)
		return nil
	}
	shares := b.scratch(2*all*area, b.size)
	merge(divided, incoming, shares)
	merge(spread, shares, target)
	return nil
}

func assemble(b *builder, gradient int) error {
	s, side := b.c.In[0].Shape, b.c.Out.Shape[1]
	groups, members, rows, cols := s[0], s[1], s[2], s[3]
	weights, corner := b.c.In[2].Len()/(rows*cols), float64(side/2-rows/2)
	floors := b.scratch(groups, b.size)
	b.blocks("floors", groups, p(in(2), floors), groups, members, rows*cols, weights).F[0] = physics.CoverageFloor
	canvas := func(from, to Ref, op int) {
		b.flat("canvas", groups*side*side, p(from, in(1), in(2), floors, to), groups, members, rows, cols, side, weights, op).F[0] = corner
	}
	if gradient == Forward {
		canvas(in(0), target, 0)
		return nil
	}
	shares := b.scratch(2*groups*side*side, b.size)
	canvas(incoming, shares, 1)
	b.flat("cut", b.c.In[0].Size(), p(shares, in(1), in(2), target), groups, members, rows, cols, side, side, weights, 0).F[0] = corner
	return nil
}

func extract(b *builder, gradient int) error {
	h, w, groups, members, n := b.c.In[0].Shape[1], b.c.In[0].Shape[2], b.c.Out.Shape[0], b.c.Out.Shape[1], b.c.Out.Shape[2]
	corner := float64(h/2 - n/2)
	if gradient == Forward {
		b.flat("cut", b.c.Out.Size(), p(in(0), in(1), null, target), groups, members, n, n, h, w, 1, 0).F[0] = corner
	} else {
		b.flat("cut", b.c.In[0].Size(), p(incoming, in(1), null, target), groups, members, n, n, h, w, 1, 1).F[0] = corner
	}
	return nil
}

func loss(op int) func(*builder, int) error {
	return func(b *builder, gradient int) error {
		patterns, h, w, _ := image(b.c.In[0])
		g := null
		if gradient != Forward {
			g = incoming
		}
		b.blocks("losses", patterns, p(in(0), in(1), in(2), g, target), patterns, h*w, b.c.In[2].Len()/(h*w), op)
		return nil
	}
}

func expectedDeviance(b *builder, gradient int) error {
	if gradient != Forward {
		return nil
	}
	patterns, h, w, _ := image(b.c.In[0])
	t := physics.Deviance()
	table := Ref{Source: Constant, Table: Table{Key: "deviance", Wide: true, Data: func() []float64 {
		var out []float64
		for i, v := range t.Values {
			out = append(out, v, t.Slopes[i])
		}
		return out
	}}}
	series := Ref{Source: Constant, Table: Table{Key: "deviance series", Wide: true, Data: func() []float64 {
		return append([]float64{float64(len(t.Large))}, t.Large...)
	}}}
	l := b.blocks("expected_deviance", patterns, p(in(0), in(1), table, series, target), patterns, h*w, b.c.In[1].Len()/(h*w), len(t.Values))
	l.F = [8]float64{t.Low, t.High, t.LogLow, t.Step}
	return nil
}

// Args packs a launch as the parameter of its kernel.
func (l *Launch) Args(address func(Ref) uint64) [ArgBytes]byte {
	var out [ArgBytes]byte
	a := (*args)(unsafe.Pointer(&out))
	for i, r := range l.P {
		if r.Source != Null {
			a.p[i] = address(r)
		}
	}
	a.n, a.f = l.N, l.F
	return out
}

type args struct {
	p [10]uint64
	n [20]int64
	f [8]float64
}

// ArgBytes is the size of the parameter.
const ArgBytes = int(unsafe.Sizeof(args{}))
