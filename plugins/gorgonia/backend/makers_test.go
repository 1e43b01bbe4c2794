package backend

import (
	"github.com/ptychogo/ptycho/core/program"
)

// lossKinds are the operations whose result may be a scalar with a gradient.
var lossKinds = []program.OpKind{program.PoissonDeviance, program.PoissonNLL, program.AmplitudeLoss, program.AmplitudeMAE}

// makers maps each kind to a function that appends such an operation to a generator's program.
var makers = map[program.OpKind]func(g *generator, k program.OpKind) string{
	program.ReLU: pointwise, program.LeakyReLU: pointwise, program.Sigmoid: pointwise, program.Tanh: pointwise,
	program.SiLU: pointwise, program.Softplus: pointwise, program.Exp: pointwise, program.Log1p: pointwise,
	program.Sqrt: pointwise, program.Square: pointwise, program.Affine: pointwise,

	program.Add: sum, program.Sub: sum, program.Mul: product, program.Div: ratio,

	program.Reshape: reshape, program.Concat: concat, program.SliceChannels: slice, program.Pad: border, program.Crop: border,
	program.MaskCenter: imagewise, program.Detach: imagewise,

	program.Conv2D: convolution, program.MaxPool2: halved, program.AvgPool2: halved, program.Upsample2: doubled,
	program.GlobalMean: func(g *generator, k program.OpKind) string { return meanPlanes(g) },
	program.Dense:      dense, program.ScalePlanes: scaled,

	program.MakeComplex: pairs, program.Polar: pairs, program.RealPart: parts, program.ImagPart: parts, program.Abs2: parts, program.Conj: parts,

	program.FFT2: fourier, program.Illuminate: illuminate, program.Intensity: intensity, program.Translate: translate,
	program.MergeWeight: merged, program.MergePairwise: merged, program.Assemble: merged, program.Extract: extract,
	program.BackProject: backProject, program.Gather: gather,

	program.MeanPixels:      func(g *generator, k program.OpKind) string { return g.add(k, 8, nil, g.pattern(program.Real)) },
	program.PoissonDeviance: losses, program.PoissonNLL: losses, program.AmplitudeLoss: losses, program.AmplitudeMAE: losses,
	program.ExpectedDeviance: losses,
}

func pointwise(g *generator, k program.OpKind) string {
	x := g.real()
	b := g.bounds[x]
	switch k {
	case program.LeakyReLU:
		return g.add(k, b, map[string]float64{"slope": 0.2}, x)
	case program.Exp:
		return g.add(k, 3, nil, g.add(program.Tanh, 1, nil, x))
	case program.Log1p:
		return g.add(k, b, nil, g.add(program.Softplus, b+1, nil, x))
	case program.Sqrt:
		return g.add(k, b+1, nil, g.add(program.Softplus, b+1, nil, x))
	case program.Square:
		return g.add(k, b*b, nil, x)
	case program.Affine:
		return g.add(k, 1.5*b+0.3, map[string]float64{"scale": -1.5, "shift": 0.3}, x)
	}
	return g.add(k, b+1, nil, x)
}

func (g *generator) any() string { return g.pick(func(program.Type) bool { return true }) }

func sum(g *generator, k program.OpKind) string {
	a := g.any()
	b := g.operand(a, g.types[a].Kind)
	return g.add(k, g.bounds[a]+g.bounds[b], nil, a, b)
}

func product(g *generator, k program.OpKind) string {
	a := g.any()
	kind := g.types[a].Kind
	if g.rng.IntN(2) == 0 {
		kind = program.Real
	}
	b := g.operand(a, kind)
	return g.add(k, 2*g.bounds[a]*g.bounds[b], nil, a, b)
}

func ratio(g *generator, k program.OpKind) string {
	a := g.real()
	b := g.operand(a, program.Real)
	b = g.add(program.Affine, 1.5, map[string]float64{"scale": 1, "shift": 0.5}, g.add(program.Sigmoid, 1, nil, b))
	return g.add(k, 2*g.bounds[a], nil, a, b)
}

// reshape moves the images of a group between the axes: [−k, c, …] to [−1, k·c, …] and back to [−C, …].
func reshape(g *generator, k program.OpKind) string {
	v := g.pick(func(t program.Type) bool { return len(t.Shape) == 4 })
	s := g.types[v].Shape
	c := program.Dim(g.p.Group)
	to := program.Shape{-1, -s[0] * s[1], s[2], s[3]}
	if per := -s[0] * s[1]; per%c == 0 && g.rng.IntN(2) == 0 {
		to = program.Shape{-c, per / c, s[2], s[3]}
	}
	return g.finish(program.Op{Kind: k, In: []string{v}, Shape: to}, g.bounds[v])
}

func concat(g *generator, k program.OpKind) string {
	a := g.planes()
	s := g.types[a].Shape
	b := g.pick(func(t program.Type) bool {
		return t.Kind == program.Real && len(t.Shape) == 4 && t.Shape[0] == s[0] && t.Shape[2] == s[2] && t.Shape[3] == s[3]
	})
	if g.rng.IntN(2) == 0 {
		return g.add(k, 8, nil, a, b, a)
	}
	return g.add(k, 8, nil, a, b)
}

func slice(g *generator, k program.OpKind) string {
	v := g.planes()
	c := int(g.types[v].Shape[1])
	from := g.rng.IntN(c)
	return g.add(k, g.bounds[v], map[string]float64{"from": float64(from), "to": float64(from + 1 + g.rng.IntN(c-from))}, v)
}

// images returns a value of any kind whose last axes have at least the given size.
func (g *generator) images(least program.Dim) string {
	return g.pick(func(t program.Type) bool {
		n := len(t.Shape)
		return n >= 3 && t.Shape[n-1] >= least && t.Shape[n-2] >= least
	})
}

func border(g *generator, k program.OpKind) string {
	v := g.images(4)
	return g.add(k, g.bounds[v], map[string]float64{"amount": 1}, v)
}

func imagewise(g *generator, k program.OpKind) string {
	v := g.images(1)
	return g.add(k, g.bounds[v], nil, v)
}

// convolution adds a ReLU after half of the convolutions, to test the fused form too.
func convolution(g *generator, k program.OpKind) string {
	v := g.planes()
	in, out, side := int(g.types[v].Shape[1]), 1+g.rng.IntN(9), 1+2*g.rng.IntN(3)
	bound := 0.5
	w, b := g.param(program.Real, bound, out, in, side, side), g.param(program.Real, 0.3, out)
	y := g.add(k, min(8, g.bounds[v]*bound*float64(in*side*side)/2), nil, v, w, b)
	if g.rng.IntN(2) == 0 {
		return y
	}
	return g.add(program.ReLU, g.bounds[y], nil, y)
}

func even(g *generator) string {
	return g.pick(func(t program.Type) bool {
		return t.Kind == program.Real && len(t.Shape) == 4 && t.Shape[2]%2 == 0 && t.Shape[3]%2 == 0
	})
}

// halved pools an enlarged image half of the time, so that all four values of a window tie.
func halved(g *generator, k program.OpKind) string {
	v := even(g)
	if g.rng.IntN(2) == 0 {
		v = g.add(program.Upsample2, g.bounds[v], nil, v)
	}
	return g.add(k, g.bounds[v], nil, v)
}

func doubled(g *generator, k program.OpKind) string {
	v := g.pick(func(t program.Type) bool { return t.Kind == program.Real && len(t.Shape) == 4 && t.Shape[2] <= 10 })
	return g.add(k, g.bounds[v], nil, v)
}

func meanPlanes(g *generator) string {
	v := g.planes()
	return g.add(program.GlobalMean, g.bounds[v], nil, v)
}

func dense(g *generator, k program.OpKind) string {
	v := meanPlanes(g)
	in, out := int(g.types[v].Shape[1]), 1+g.rng.IntN(4)
	return g.add(k, g.bounds[v]*float64(in)+1, nil, v, g.param(program.Real, 1, out, in), g.param(program.Real, 1, out))
}

func scaled(g *generator, k program.OpKind) string {
	v := g.planes()
	s := g.add(program.Sigmoid, 1, nil, g.add(program.GlobalMean, g.bounds[v], nil, v))
	return g.add(k, g.bounds[v], nil, v, s)
}

func pairs(g *generator, k program.OpKind) string {
	a := g.real()
	t := g.types[a]
	b := g.pick(func(u program.Type) bool { return u.String() == t.String() })
	return g.add(k, g.bounds[a]+g.bounds[b], nil, a, b)
}

func parts(g *generator, k program.OpKind) string {
	z := g.pick(func(t program.Type) bool { return t.Kind == program.Complex })
	b := g.bounds[z]
	if k == program.Abs2 {
		b = 2 * b * b
	}
	return g.add(k, b, nil, z)
}
