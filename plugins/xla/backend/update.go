package backend

import (
	"github.com/gomlx/compute/dtypes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
)

// coefficients is how many numbers a rule has per parameter group.
const coefficients = 8

// optimiserRule is an update rule of core/optim as nodes of a graph, so that weights and moments stay on the device. The kind
// of rule determines the graph; its numbers are inputs.
type optimiserRule struct{ backend.Optimiser }

// Slots lists the state that the rule keeps per parameter.
func (o optimiserRule) Slots() []backend.Slot { return optim.Slots(o.Optimiser) }

// Numbers returns the rule's numbers for a step, counted from 1, and a learning rate, in the order in which Rule reads them.
func (o optimiserRule) Numbers(step int64, rate float64) [coefficients]float64 {
	c := optim.At(o.Optimiser, step, rate).Coefficients()
	return [coefficients]float64{c.Beta1, c.Beta2, c.Epsilon, c.Momentum, c.Step, c.Root, c.Inside, c.Outside}
}

// updateRule is an update rule in a graph.
type updateRule struct {
	kind                       backend.OptimiserKind
	nesterov                   bool
	beta1, beta2, rest1, rest2 *G.Node // rest is 1 − beta, taken in float64
	epsilon, momentum, step    *G.Node
	root, inside, outside      *G.Node
}

// Rule reads the Numbers of one parameter group from a float64 node [coefficients], for weights of a type.
func (o optimiserRule) Rule(numbers *G.Node, of dtypes.DType) updateRule {
	wide := func(i int) *G.Node { return G.Reshape(G.SliceAxis(numbers, 0, G.AxisElem(i))) }
	at := func(i int) *G.Node { return G.ConvertDType(wide(i), of) }
	rest := func(i int) *G.Node { return G.ConvertDType(G.OneMinus(wide(i)), of) }
	return updateRule{kind: o.Kind, nesterov: o.Nesterov, beta1: at(0), beta2: at(1), rest1: rest(0), rest2: rest(1),
		epsilon: at(2), momentum: at(3), step: at(4), root: at(5), inside: at(6), outside: at(7)}
}

// Update returns the new weights and the new state, in the order of Slots.
func (r updateRule) Update(w, g *G.Node, state ...*G.Node) (*G.Node, []*G.Node) {
	d := G.Add(g, G.Mul(r.inside, w))
	if r.kind == backend.SGD {
		if len(state) == 0 {
			return G.Sub(w, G.Mul(r.step, d)), nil
		}
		u := G.Add(G.Mul(r.momentum, state[0]), d)
		if r.nesterov {
			return G.Sub(w, G.Mul(r.step, G.Add(d, G.Mul(r.momentum, u)))), []*G.Node{u}
		}
		return G.Sub(w, G.Mul(r.step, u)), []*G.Node{u}
	}
	m := G.Add(G.Mul(r.beta1, state[0]), G.Mul(r.rest1, d))
	v := G.Add(G.Mul(r.beta2, state[1]), G.Mul(r.rest2, G.Square(d)))
	change := G.Div(G.Mul(r.step, m), G.Add(G.Mul(G.Sqrt(v), r.root), r.epsilon))
	return G.Sub(G.Sub(w, G.Mul(r.outside, w)), change), []*G.Node{m, v}
}

// gradientNorm returns the Euclidean norm of all nodes together, summed in float64.
func gradientNorm(nodes ...*G.Node) *G.Node {
	sum := G.ScalarZero(nodes[0].Graph(), dtypes.Float64)
	for _, n := range nodes {
		sum = G.Add(sum, G.ReduceAllSum(G.Square(G.ConvertDType(n, dtypes.Float64))))
	}
	return G.Sqrt(sum)
}

// clip clips gradients and returns a node that is true if any changed. norm is Norm(grads...), limit a float64 scalar.
func clip(kind backend.ClipKind, limit, norm *G.Node, weights, grads []*G.Node) (bounded []*G.Node, clipped *G.Node) {
	g := norm.Graph()
	scale := func(n, above, factor *G.Node) *G.Node {
		factor = G.Where(above, factor, G.OnesLike(factor))
		return G.Mul(n, G.ConvertDType(factor, n.DType()))
	}
	clipped = G.Const(g, false)
	bounded = append(bounded, grads...)
	switch kind {
	case backend.ClipNorm:
		clipped = G.GreaterThan(norm, limit)
		for i, n := range grads {
			bounded[i] = scale(n, clipped, G.Div(limit, norm))
		}
	case backend.ClipValue:
		for i, n := range grads {
			bound := G.ConvertDType(limit, n.DType())
			clipped = G.LogicalOr(clipped, G.GreaterThan(G.ReduceAllMax(G.Abs(n)), bound))
			bounded[i] = G.Max(G.Min(n, bound), G.Neg(bound))
		}
	case backend.ClipAdaptive:
		for i, n := range grads {
			floor := G.Scalar(g, dtypes.Float64, optim.AdaptiveFloor)
			most, size := G.Mul(limit, G.Max(gradientNorm(weights[i]), floor)), gradientNorm(n)
			above := G.GreaterThan(size, most)
			clipped = G.LogicalOr(clipped, above)
			bounded[i] = scale(n, above, G.Div(most, G.Where(above, size, G.OnesLike(size))))
		}
	}
	return bounded, clipped
}

// movingAverage updates the moving average of weights: decay·average + (1−decay)·w. decay is a float64 scalar.
func movingAverage(average, w, decay *G.Node) *G.Node {
	keep, take := G.ConvertDType(decay, w.DType()), G.ConvertDType(G.OneMinus(decay), w.DType())
	return G.Add(G.Mul(keep, average), G.Mul(take, w))
}
