package backend

import (
	"github.com/gomlx/compute/shapes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/physics"

	"github.com/ptychogo/ptycho/core/program"
)

var groupRules = map[program.OpKind]rule{
	program.Translate:     translate,
	program.MergePairwise: mergePairwise,
	program.Assemble:      assemble,
	program.Extract:       extract,
	program.Gather:        gather,
}

// The members of a group are shifted by bilinear interpolation with matrices. The hat matrix
//
//	T[y, r] = max(0, 1 − |y − r − d|)
//
// shifts rows by d, and its transpose samples them at r + d. An image is shifted by one matrix for its rows and one for its
// columns. XLA computes matrix products fastest, and GoMLX's derivative of a product is correct. Offsets have no gradient.

// hat returns the matrices [.., to, from] for shifts [..].
func hat(shift *G.Node, to, from int) *G.Node {
	dims := append(append([]int{}, shift.Shape().Dimensions...), to, from)
	rank := len(dims)
	s := shapes.Make(shift.DType(), dims...)
	at := G.Sub(G.Iota(shift.Graph(), s, rank-2), G.Iota(shift.Graph(), s, rank-1)) // exact
	t := G.OneMinus(G.Abs(G.Sub(at, ones(shift, 2))))
	return G.StopGradient(G.Max(t, scalar(t, 0)))
}

// component returns the row (0) or column (1) of offsets [.., 2].
func component(offsets *G.Node, k int) *G.Node {
	d := offsets.Shape().Dimensions
	return G.Reshape(G.SliceAxis(offsets, len(d)-1, G.AxisElem(k)), d[:len(d)-1]...)
}

// leading lists the axes 0 … n−1.
func leading(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// sandwich returns a·x·bᵀ over the last two axes, for equal leading axes.
func sandwich(a, x, b *G.Node) *G.Node {
	r := x.Rank()
	lead := leading(r - 2)
	left := G.DotGeneral(a, []int{r - 1}, lead, x, []int{r - 2}, lead)
	return G.DotGeneral(left, []int{r - 1}, lead, b, []int{r - 1}, lead)
}

func translate(c call) value {
	x := c.in[0].logical()
	sign := c.op.Attr("sign")
	offsets := G.StopGradient(G.Mul(c.in[1].re, scalar(c.in[1].re, sign)))
	rows, cols := hat(component(offsets, 0), c.out[2], c.out[2]), hat(component(offsets, 1), c.out[3], c.out[3])
	return x.each(func(n *G.Node) *G.Node { return sandwich(rows, n, cols) })
}

// weights returns the weights of the members [B, C, H, W], or [1, 1, H, W] for all members.
func weights(v value) *G.Node { return G.ExpandLeftToRank(G.StopGradient(v.rows()), 4) }

// divide returns num/den where den is above floor, 0 elsewhere.
func divide(num value, den, floor *G.Node) value {
	some := G.GreaterThan(den, floor)
	inverse := G.StopGradient(G.Where(some, G.Reciprocal(G.Where(some, den, G.OnesLike(den))), G.ZerosLike(den)))
	return num.each(func(n *G.Node) *G.Node { return G.Mul(n, inverse) })
}

// mergePairwise returns M_i = Σ_j T(w_j·O_j, p_j − p_i) / Σ_j T(w_j, p_j − p_i).
func mergePairwise(c call) value {
	b, members, h, w := c.out[0], c.out[1], c.out[2], c.out[3]
	offsets := G.StopGradient(c.in[1].re)
	// Shifts [B, j, i] of member j as member i sees it.
	shift := func(k int) *G.Node {
		p := component(offsets, k)
		return G.Sub(G.Reshape(p, b, members, 1), G.Reshape(p, b, 1, members))
	}
	rows, cols := hat(shift(0), h, h), hat(shift(1), w, w) // [B, j, i, y, r], [B, j, i, x, c]
	rows = G.Reshape(rows, b, members, members*h, h)
	merged := func(n *G.Node) *G.Node {
		n = G.BroadcastToDims(n, b, members, h, w)
		t := G.DotGeneral(rows, []int{3}, []int{0, 1}, n, []int{2}, []int{0, 1}) // [B, j, i·y, c]
		t = G.Reshape(t, b, members, members, h, w)
		return G.DotGeneral(t, []int{1, 4}, []int{0, 2}, cols, []int{1, 4}, []int{0, 2}) // [B, i, y, x]
	}
	weight := weights(c.in[2])
	num := c.in[0].each(func(n *G.Node) *G.Node { return merged(G.Mul(n, weight)) })
	return divide(num, merged(weight), scalar(num.re, 0))
}

// corner returns the shift of a member's pixel (0, 0) on a canvas: pixel n/2 is at side/2 plus the offset.
func corner(offsets *G.Node, k, side, n int) *G.Node {
	p := component(offsets, k)
	return G.Add(p, scalar(p, float64(side/2-n/2)))
}

// assemble returns canvas = Σ_j T(w_j·O_j) / Σ_j T(w_j), 0 where the sum of weights is below a thousandth of the largest weight.
func assemble(c call) value {
	b, side := c.out[0], c.out[1]
	members, h, w := c.in[0].shape[1], c.in[0].shape[2], c.in[0].shape[3]
	offsets := G.StopGradient(c.in[1].re)
	rows, cols := hat(corner(offsets, 0, side, h), side, h), hat(corner(offsets, 1, side, h), side, w)
	assembled := func(n *G.Node) *G.Node {
		n = G.BroadcastToDims(n, b, members, h, w)
		t := G.DotGeneral(rows, []int{3}, []int{0, 1}, n, []int{2}, []int{0, 1})   // [B, C, Y, c]
		return G.DotGeneral(t, []int{1, 3}, []int{0}, cols, []int{1, 3}, []int{0}) // [B, Y, X]
	}
	weight := weights(c.in[2])
	floor := G.ReduceMax(weight, 1, 2, 3) // [B] or [1]
	floor = G.Reshape(G.Mul(floor, scalar(floor, physics.CoverageFloor)), -1, 1, 1)
	num := c.in[0].each(func(n *G.Node) *G.Node { return assembled(G.Mul(n, weight)) })
	den := assembled(weight)
	return divide(num, den, G.BroadcastToDims(floor, b, side, side))
}

// extract samples patches at their positions on a canvas.
func extract(c call) value {
	n := c.out[2]
	height, width := c.in[0].shape[1], c.in[0].shape[2]
	offsets := G.StopGradient(c.in[1].re)
	rows, cols := hat(corner(offsets, 0, height, n), height, n), hat(corner(offsets, 1, height, n), width, n) // [B, C, Y, r]
	return c.in[0].each(func(canvas *G.Node) *G.Node {
		t := G.DotGeneral(rows, []int{2}, []int{0}, canvas, []int{1}, []int{0})    // [B, C, r, X]
		return G.DotGeneral(t, []int{3}, []int{0, 1}, cols, []int{2}, []int{0, 1}) // [B, C, r, c]
	})
}
