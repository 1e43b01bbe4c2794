package optim

import (
	"math"

	"github.com/ptychogo/ptycho/core/backend"
)

// Coefficients holds the numbers of a rule at one step, computed in float64, for the formulas of Update:
//
//	Adam, AdamW: d = g + Inside·w, m ← Beta1·m + (1−Beta1)·d, v ← Beta2·v + (1−Beta2)·d²,
//	             w ← w − Outside·w − Step·m / (√v·Root + Epsilon)
//	SGD:         d = g + Inside·w, u ← Momentum·u + d, w ← w − Step·u, or with Nesterov w ← w − Step·(d + Momentum·u)
type Coefficients struct {
	Beta1, Beta2, Epsilon, Momentum float64
	Step                            float64 // the learning rate; for Adam over 1 − Beta1^t
	Root                            float64 // 1/√(1 − Beta2^t)
	Inside, Outside                 float64 // weight decay
}

// Coefficients returns the numbers of the rule at its step t, including the bias corrections and the learning rate. An
// engine on a device uses them for its update.
func (r Rule) Coefficients() Coefficients {
	c := Coefficients{Beta1: r.o.Beta1, Beta2: r.o.Beta2, Epsilon: r.o.Epsilon, Momentum: r.o.Momentum, Step: r.rate, Inside: r.o.WeightDecay}
	if r.o.Kind == backend.SGD {
		return c
	}
	c.Step = r.rate / (1 - math.Pow(r.o.Beta1, float64(r.t)))
	c.Root = 1 / math.Sqrt(1-math.Pow(r.o.Beta2, float64(r.t)))
	if r.o.Kind == backend.AdamW {
		c.Inside, c.Outside = 0, r.rate*r.o.WeightDecay
	}
	return c
}
