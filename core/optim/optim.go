// Package optim contains the update rules, the clipping of gradients and the learning-rate schedules as exact formulas.
// They work in the precision of the weights, so that an engine on the host can use them directly.
package optim

import (
	"math"

	"github.com/ptychogo/ptycho/core/backend"
)

// Float is the set of supported precisions.
type Float interface{ float32 | float64 }

// Rule is an update rule at one step and one learning rate.
type Rule struct {
	o    backend.Optimiser
	rate float64
	t    int64
}

// At returns the rule for step t (from 1) and a learning rate.
func At(o backend.Optimiser, t int64, rate float64) Rule { return Rule{o, rate, t} }

// Slots lists the state that a rule keeps for each parameter.
func Slots(o backend.Optimiser) []backend.Slot {
	if o.Kind == backend.SGD {
		if o.Momentum == 0 {
			return nil
		}
		return []backend.Slot{backend.Velocity}
	}
	return []backend.Slot{backend.Moment1, backend.Moment2}
}

// Update changes w by the gradient g. state must match the order of Slots.
//
// Adam (Kingma and Ba, 2015): m ← β1·m + (1−β1)·g, v ← β2·v + (1−β2)·g²,
// w ← w − rate·(m/(1−β1^t)) / (sqrt(v/(1−β2^t)) + ε); decay is added to g as decay·w.
//
// AdamW (Loshchilov and Hutter, 2019): as Adam with the plain g, and w ← w − rate·decay·w before.
//
// SGD: g ← g + decay·w; u ← momentum·u + g; w ← w − rate·u, with Nesterov w ← w − rate·(g + momentum·u).
func Update[T Float](r Rule, w, g []T, state ...[]T) {
	if r.o.Kind == backend.SGD {
		sgd(r, w, g, state)
		return
	}
	m, v := state[0][:len(w)], state[1][:len(w)]
	g = g[:len(w)]
	c := r.Coefficients()
	b1, b2, eps, step, root := T(c.Beta1), T(c.Beta2), T(c.Epsilon), T(c.Step), T(c.Root)
	c1, c2 := T(1-c.Beta1), T(1-c.Beta2) // 1 − T(0.999) would be wrong in the fifth digit
	inside, outside := T(c.Inside), T(c.Outside)
	for i, x := range w {
		d := g[i] + inside*x
		m[i] = b1*m[i] + c1*d
		v[i] = b2*v[i] + c2*d*d
		w[i] = x - outside*x - step*m[i]/(T(math.Sqrt(float64(v[i])))*root+eps)
	}
}

func sgd[T Float](r Rule, w, g []T, state [][]T) {
	rate, decay, momentum := T(r.rate), T(r.o.WeightDecay), T(r.o.Momentum)
	for i, x := range w {
		d := g[i] + decay*x
		if momentum != 0 {
			u := momentum*state[0][i] + d
			state[0][i] = u
			if r.o.Nesterov {
				d += momentum * u
			} else {
				d = u
			}
		}
		w[i] = x - rate*d
	}
}

// Average updates the moving average of the weights: ema ← decay·ema + (1−decay)·w.
func Average[T Float](ema, w []T, decay float64) {
	for i, v := range w {
		ema[i] = T(decay)*ema[i] + T(1-decay)*v
	}
}

// Norm returns the Euclidean norm of all gradients together, summed in float64 in order.
func Norm[T Float](grads ...[]T) float64 {
	sum := 0.0
	for _, g := range grads {
		for _, v := range g {
			sum += float64(v) * float64(v)
		}
	}
	return math.Sqrt(sum)
}

// AdaptiveFloor is the lower limit that adaptive clipping applies to the norm of a weight (Brock et al., 2021).
const AdaptiveFloor = 1e-3

// Bound clips the gradients of all parameters in place and reports whether any changed. norm is Norm(grads...).
func Bound[T Float](c backend.Clip, norm float64, weights, grads [][]T) bool {
	clipped := false
	switch c.Kind {
	case backend.ClipNorm:
		if norm <= c.Limit {
			return false
		}
		for _, g := range grads {
			scale(g, T(c.Limit/norm))
		}
		return true
	case backend.ClipValue:
		limit := T(c.Limit)
		for _, g := range grads {
			for i, v := range g {
				if v > limit || v < -limit {
					g[i], clipped = max(-limit, min(limit, v)), true
				}
			}
		}
	case backend.ClipAdaptive:
		for i, g := range grads {
			most := c.Limit * max(Norm(weights[i]), AdaptiveFloor)
			if n := Norm(g); n > most {
				scale(g, T(most/n))
				clipped = true
			}
		}
	}
	return clipped
}

func scale[T Float](g []T, f T) {
	for i := range g {
		g[i] *= f
	}
}
