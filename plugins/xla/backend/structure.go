package backend

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/program"
)

var structureRules = map[program.OpKind]rule{
	program.Reshape:       reshape,
	program.Concat:        concat,
	program.SliceChannels: sliceChannels,
	program.Pad:           pad,
	program.Crop:          crop,
	program.MaskCenter:    maskCenter,
	program.Detach:        detach,
}

func reshape(c call) value {
	return c.in[0].logical().each(func(n *G.Node) *G.Node { return G.Reshape(n, c.out...) })
}

func detach(c call) value { return c.in[0].each(G.StopGradient) }

func concat(c call) value {
	if !c.in[0].last {
		nodes := make([]*G.Node, len(c.in))
		for i, v := range c.in {
			nodes[i] = v.rows()
		}
		return value{re: join(1, nodes...)}
	}
	nodes := make([]*G.Node, len(c.in))
	for i, v := range c.in {
		nodes[i] = v.channelsLast()
	}
	return value{re: join(3, nodes...), last: true}
}

// join concatenates nodes, or returns a single node.
func join(axis int, nodes ...*G.Node) *G.Node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	return G.Concatenate(nodes, axis)
}

func sliceChannels(c call) value {
	v, axis := c.in[0], 1
	if v.last {
		axis = 3
	}
	return v.like(G.SliceAxis(v.re, axis, G.AxisRange(int(c.op.Attr("from")), int(c.op.Attr("to")))))
}

// pad adds zeros around images by concatenation, because GoMLX's padding has no derivative.
func pad(c call) value {
	amount := int(c.op.Attr("amount"))
	if amount == 0 {
		return c.in[0]
	}
	return c.in[0].each(func(n *G.Node) *G.Node {
		row, col := c.in[0].imageAxes()
		for _, axis := range []int{row, col} {
			border := slices.Clone(n.Shape().Dimensions)
			border[axis] = amount
			zeros := G.Zeros(c.graph, shapes.Make(n.DType(), border...))
			n = G.Concatenate([]*G.Node{zeros, n, zeros}, axis)
		}
		return n
	})
}

func crop(c call) value {
	amount := int(c.op.Attr("amount"))
	return c.in[0].each(func(n *G.Node) *G.Node {
		row, col := c.in[0].imageAxes()
		for _, axis := range []int{row, col} {
			n = G.SliceAxis(n, axis, G.AxisRange(amount, n.Shape().Dim(axis)-amount))
		}
		return n
	})
}

// maskCenter sets the central half of rows and columns to zero.
func maskCenter(c call) value {
	row, col := c.in[0].imageAxes()
	return c.in[0].each(func(n *G.Node) *G.Node {
		within := func(axis int) *G.Node {
			size := n.Shape().Dim(axis)
			at := G.Iota(c.graph, shapes.Make(dtypes.Int32, n.Shape().Dimensions...), axis)
			from, to := G.Scalar(c.graph, dtypes.Int32, size/4), G.Scalar(c.graph, dtypes.Int32, size/4+size/2)
			return G.LogicalAnd(G.GreaterOrEqual(at, from), G.LessThan(at, to))
		}
		return G.Where(G.LogicalAnd(within(row), within(col)), G.ZerosLike(n), n)
	})
}

// gather returns rows of a table [t, ...] by an index [B, C]. The index was checked before.
func gather(c call) value {
	index := ones(c.in[1].re, 1)
	return c.in[0].logical().each(func(n *G.Node) *G.Node { return G.Gather(n, index) })
}
