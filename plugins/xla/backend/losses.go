package backend

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	G "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/ptychogo/ptycho/core/physics"

	"github.com/ptychogo/ptycho/core/program"
)

var lossRules = map[program.OpKind]rule{
	program.MeanPixels:       meanImage,
	program.PoissonDeviance:  loss(deviance),
	program.PoissonNLL:       loss(poissonNLL),
	program.AmplitudeLoss:    loss(amplitudeLoss),
	program.AmplitudeMAE:     loss(amplitudeMAE),
	program.ExpectedDeviance: expectedDeviance,
}

// A loss is a mean over the valid pixels of each pattern, Σm·f/Σm, computed and summed in float64 on every device: a
// pattern's sum runs over up to a million pixels that span eight decades.

// perPixel computes f(λ, k) and df/dλ, all of one shape in float64.
type perPixel func(lambda, k *G.Node) (f, df *G.Node)

func loss(f perPixel) rule {
	return func(c call) value {
		lambda, k := G.ConvertDType(c.in[0].rows(), c.wide), G.ConvertDType(G.StopGradient(c.in[1].rows()), c.wide)
		still := G.StopGradient(lambda)
		value, slope := f(still, k)
		valid := G.BroadcastToDims(G.StopGradient(G.ExpandLeftToRank(c.in[2].rows(), 4)), slope.Shape().Dimensions...)
		slope = G.Where(G.Equal(valid, scalar(valid, 0)), G.ZerosLike(slope), slope) // 0·NaN would reach the gradient
		return c.masked(withDerivative(lambda, value, slope), c.in[2])
	}
}

// masked returns the mean of a node [B, C, H, W] over the pixels of the mask. A pattern without a valid pixel has the mean 0.
// Invalid pixels may hold any value, even NaN.
func (c call) masked(n *G.Node, mask value) value {
	m := G.StopGradient(G.ExpandLeftToRank(G.ConvertDType(mask.rows(), c.wide), 4))
	total := G.ReduceSum(m, 2, 3)
	total = G.Where(G.Equal(total, scalar(total, 0)), G.OnesLike(total), total)
	m = G.BroadcastToDims(m, n.Shape().Dimensions...)
	n = G.Where(G.Equal(m, scalar(m, 0)), G.ZerosLike(n), G.Mul(m, n))
	return value{re: G.ConvertDType(G.Div(G.ReduceSum(n, 2, 3), total), c.dtype)}
}

// guarded returns n where n is above zero, 1 elsewhere: a valid argument of a logarithm or divisor.
func guarded(n *G.Node) *G.Node {
	return G.Where(G.GreaterThan(n, scalar(n, 0)), n, G.OnesLike(n))
}

// deviance computes physics.PoissonDeviance.
func deviance(lambda, k *G.Node) (f, df *G.Node) {
	x := G.Div(G.Sub(k, lambda), lambda)
	series := scalar(x, 1./30)
	for _, a := range []float64{1. / 20, 1. / 12, 1. / 6, 1. / 2} { // x²/2 − x³/6 + x⁴/12 − x⁵/20 + x⁶/30
		series = G.Sub(scalar(x, a), G.Mul(x, series))
	}
	near := G.Mul(G.Mul(lambda, scalar(x, 2)), G.Mul(G.Square(x), series))
	far := G.Mul(scalar(x, 2), G.Add(G.Sub(lambda, k), G.Mul(k, G.Log(G.Div(guarded(k), lambda)))))
	f = G.Where(G.LessThan(G.Abs(x), scalar(x, 1e-3)), near, far)
	f = G.Where(G.Equal(k, scalar(k, 0)), G.Mul(lambda, scalar(lambda, 2)), f)
	return f, G.Mul(scalar(x, 2), G.OneMinus(G.Div(k, lambda)))
}

// poissonNLL computes λ − k·ln λ + ln k!.
func poissonNLL(lambda, k *G.Node) (f, df *G.Node) {
	f = G.Add(G.Sub(lambda, G.Mul(k, G.Log(lambda))), logFactorial(k))
	return G.Where(G.Equal(k, scalar(k, 0)), lambda, f), G.OneMinus(G.Div(k, lambda))
}

// logFactorial returns ln Γ(k+1) for k ≥ 0 by Stirling's series at k+9, where its terms to z⁻⁷ have an error of 1e-13:
// ln Γ(z) = ln Γ(z+8) − ln(z(z+1)…(z+7)).
func logFactorial(k *G.Node) *G.Node {
	z, steps := G.OnePlus(k), G.OnesLike(k)
	for range 8 {
		steps, z = G.Mul(steps, z), G.OnePlus(z)
	}
	inverse := G.Reciprocal(z)
	square := G.Square(inverse)
	series := scalar(z, 0)
	for _, a := range []float64{1. / 1188, -1. / 1680, 1. / 1260, -1. / 360, 1. / 12} {
		series = G.Add(scalar(z, a), G.Mul(square, series))
	}
	stirling := G.Add(G.Sub(G.Mul(G.Sub(z, scalar(z, 0.5)), G.Log(z)), z), scalar(z, math.Log(2*math.Pi)/2))
	return G.Sub(G.Add(stirling, G.Mul(inverse, series)), G.Log(steps))
}

// amplitudeLoss computes (√λ − √k)².
func amplitudeLoss(lambda, k *G.Node) (f, df *G.Node) {
	return G.Square(G.Sub(G.Sqrt(lambda), G.Sqrt(k))), G.OneMinus(G.Sqrt(G.Div(k, lambda)))
}

// amplitudeMAE computes |√λ − √k|, with the derivative 0 where they are equal.
func amplitudeMAE(lambda, k *G.Node) (f, df *G.Node) {
	slope := G.Div(scalar(lambda, 0.5), G.Sqrt(lambda))
	slope = G.Where(G.LessThan(lambda, k), G.Neg(slope), slope)
	return G.Abs(G.Sub(G.Sqrt(lambda), G.Sqrt(k))), G.Where(G.Equal(lambda, k), G.ZerosLike(slope), slope)
}

// expectedDeviance computes physics.ExpectedDeviance: two series, and between them a table with cubic interpolation.
func expectedDeviance(c call) value {
	lambda := G.ConvertDType(c.in[0].rows(), c.wide)
	table := physics.Deviance()
	positive := guarded(lambda)

	logarithm := G.Log(positive)
	small := G.Mul(G.Mul(lambda, scalar(lambda, 2)), G.Sub(G.Mul(lambda, scalar(lambda, math.Ln2)), logarithm))
	q := G.Reciprocal(positive)
	large := scalar(q, 0)
	for i := len(table.Large) - 1; i >= 0; i-- {
		large = G.Add(scalar(q, table.Large[i]), G.Mul(q, large))
	}

	t := G.Mul(G.Sub(logarithm, scalar(logarithm, table.LogLow)), scalar(logarithm, 1/table.Step))
	index := G.Min(G.Max(G.Floor(t), scalar(t, 0)), scalar(t, float64(len(table.Values)-2)))
	t = G.Sub(t, index)
	at := func(numbers []float64, next int) *G.Node {
		i := G.ConvertDType(index, dtypes.Int32)
		i = G.Add(i, G.Scalar(c.graph, dtypes.Int32, next))
		n := G.ConstCachedTensor(c.graph, tensors.FromFlatDataAndDimensions(numbers, len(numbers)))
		return G.Gather(n, ones(i, 1))
	}
	a, b, slopeA, slopeB := at(table.Values, 0), at(table.Values, 1), at(table.Slopes, 0), at(table.Slopes, 1)
	d := G.Sub(b, a)
	third := G.Sub(G.Add(slopeA, slopeB), G.Mul(d, scalar(d, 2)))
	secondOrder := G.Sub(G.Sub(G.Mul(d, scalar(d, 3)), G.Mul(slopeA, scalar(d, 2))), slopeB)
	middle := G.Add(a, G.Mul(t, G.Add(slopeA, G.Mul(t, G.Add(secondOrder, G.Mul(t, third))))))

	f := G.Where(G.LessThan(lambda, scalar(lambda, table.Low)), small, middle)
	f = G.Where(G.GreaterOrEqual(lambda, scalar(lambda, table.High)), large, f)
	f = G.Where(G.Equal(lambda, scalar(lambda, 0)), G.ZerosLike(f), f)
	negative := G.LogicalNot(G.GreaterOrEqual(lambda, scalar(lambda, 0))) // or NaN
	f = G.Where(negative, G.Mul(lambda, scalar(lambda, math.NaN())), f)
	return c.masked(f, c.in[1])
}
