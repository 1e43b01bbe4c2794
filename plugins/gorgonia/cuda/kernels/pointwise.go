package kernels

import "github.com/ptychogo/ptycho/core/program"

// Functions of the kernel unary that are not operations of a program.
const (
	identity = 0
	affine   = 11
	clear0   = 13
)

// Operations of the kernel binary, the first also those of fold.
const (
	plus = iota
	minus
	times
	over
	complexTimes
	complexTimesConj
	complexScale
)

// Operations of the kernel pairs.
const (
	pairOf = iota
	partOf
	partTo
	squareOf
	squareBack
	conjOf
	polarOf
	polarAmplitude
	polarPhase
)

func unary(f int) func(*builder, int) error {
	return func(b *builder, gradient int) error {
		n := b.c.Out.Size()
		var l *Launch
		if gradient == Forward {
			l = b.flat("unary", n, p(in(0), target), n, f)
		} else {
			l = b.flat("unary_back", n, p(in(0), result, incoming, target), n, f)
		}
		switch b.c.Kind {
		case program.LeakyReLU:
			l.F[0] = b.c.Attr("slope")
		case program.Affine:
			l.F[0], l.F[1] = b.c.Attr("scale"), b.c.Attr("shift")
		}
		return nil
	}
}

// copyOf adds a copy of n numbers.
func (b *builder) copyOf(from Ref, n int) { b.flat("unary", n, p(from, target), n, identity) }

// fold adds the sum of the n terms of an operand of m elements that repeats. Few elements with many terms get a block each.
func (b *builder) fold(g, x, y Ref, n, m, op, stride, offset int) {
	if m >= 1024 || n/m <= 32 {
		b.flat("fold", m, p(g, x, y, target), n, m, op, stride, offset)
		return
	}
	b.blocks("fold_long", m, p(g, x, y, target), n, m, op, stride, offset)
}

func add(sign int) func(*builder, int) error {
	return func(b *builder, gradient int) error {
		n := b.c.Out.Size()
		op := plus
		if sign < 0 {
			op = minus
		}
		switch gradient {
		case Forward:
			b.flat("binary", n, p(in(0), in(1), target), n, b.c.In[1].Size(), op)
		case 0:
			b.copyOf(incoming, n)
		default:
			b.fold(incoming, null, null, n, b.c.In[1].Size(), op, 1, 0)
		}
		return nil
	}
}

func div(b *builder, gradient int) error {
	n, m := b.c.Out.Size(), b.c.In[1].Size()
	switch gradient {
	case Forward:
		b.flat("binary", n, p(in(0), in(1), target), n, m, over)
	case 0:
		b.flat("binary", n, p(incoming, in(1), target), n, m, over)
	default:
		b.fold(incoming, result, in(1), n, m, over, 1, 0)
	}
	return nil
}

func mul(b *builder, gradient int) error {
	both := b.c.In[0].Kind == program.Complex && b.c.In[1].Kind == program.Complex
	mixed := b.c.In[0].Kind == program.Complex && !both
	n, m := b.c.In[0].Len(), b.c.In[1].Len()
	forward, back := times, times
	if both {
		forward, back = complexTimes, complexTimesConj
	} else if mixed {
		forward, back = complexScale, complexScale
	}
	switch {
	case gradient == Forward:
		b.flat("binary", n, p(in(0), in(1), target), n, m, forward)
	case gradient == 0:
		b.flat("binary", n, p(incoming, in(1), target), n, m, back)
	case both:
		b.fold(incoming, in(0), null, n, m, 4, 2, 0)
		b.fold(incoming, in(0), null, n, m, 5, 2, 1)
	case mixed:
		b.fold(incoming, in(0), null, n, m, 4, 1, 0)
	default:
		b.fold(incoming, in(0), null, n, m, times, 1, 0)
	}
	return nil
}

// total is the gradient of the cost with respect to the values of a loss: weight·seed. Its operands are those of kernel.Total.
func total(b *builder, gradient int) error {
	values := (len(b.c.In) - 1) / 2
	n := b.c.In[values].Len()
	if gradient != Forward {
		b.flat("binary", n, p(in(values), in(values+1+gradient), target), n, 1, times)
	}
	return nil
}

func makeComplex(b *builder, gradient int) error {
	n := b.c.Out.Len()
	if gradient == Forward {
		b.flat("pairs", n, p(in(0), in(1), target), n, pairOf)
	} else {
		b.flat("pairs", n, p(incoming, null, target), n, partOf, gradient)
	}
	return nil
}

func polar(b *builder, gradient int) error {
	n := b.c.Out.Len()
	switch gradient {
	case Forward:
		b.flat("pairs", n, p(in(0), in(1), target), n, polarOf)
	case 0:
		b.flat("pairs", n, p(in(1), incoming, target), n, polarAmplitude)
	default:
		b.flat("pairs", n, p(result, incoming, target), n, polarPhase)
	}
	return nil
}

func part(k int) func(*builder, int) error {
	return func(b *builder, gradient int) error {
		op, from := partOf, in(0)
		if gradient != Forward {
			op, from = partTo, incoming
		}
		b.flat("pairs", b.c.Out.Len(), p(from, null, target), b.c.Out.Len(), op, k)
		return nil
	}
}

func abs2(b *builder, gradient int) error {
	op := squareOf
	if gradient != Forward {
		op = squareBack
	}
	b.flat("pairs", b.c.Out.Len(), p(in(0), incoming, target), b.c.Out.Len(), op)
	return nil
}

func conj(b *builder, gradient int) error {
	from := in(0)
	if gradient != Forward {
		from = incoming
	}
	b.flat("pairs", b.c.Out.Len(), p(from, null, target), b.c.Out.Len(), conjOf)
	return nil
}
