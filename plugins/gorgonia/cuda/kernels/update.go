package kernels

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
)

// Blocks is the number of blocks of the kernels that write a sum for each block.
const Blocks = 64

// one returns the only launch that f adds. Its operands are addresses by number.
func one(f func(b *builder)) Launch {
	b := &builder{}
	f(b)
	return b.plan.Launches[0]
}

// Zero clears operand 0.
func Zero(n int) Launch {
	return one(func(b *builder) { b.flat("unary", n, p(in(0), in(0)), n, clear0) })
}

// Accumulate adds operand 1 to operand 0.
func Accumulate(n int) Launch {
	return one(func(b *builder) { b.flat("binary", n, p(in(0), in(1), in(0)), n, n, plus) })
}

// Exchange swaps the operands 0 and 1.
func Exchange(n int) Launch {
	return one(func(b *builder) { b.flat("exchange", n, p(in(0), in(1)), n) })
}

// Scale multiplies operand 0 by a factor.
func Scale(n int, factor float64) Launch {
	return one(func(b *builder) { b.flat("unary", n, p(in(0), in(0)), n, affine).F[0] = factor })
}

// SquareSums writes sums of squares of operand 0 to operand 1, one for each block.
func SquareSums(n int) Launch {
	return one(func(b *builder) { b.blocks("norms", Blocks, p(in(0), in(1)), n) })
}

// Clip limits the elements of operand 0, and writes to operand 1 how many each block changed.
func Clip(n int, limit float64) Launch {
	return one(func(b *builder) { b.blocks("clip", Blocks, p(in(0), in(1)), n).F[0] = limit })
}

// Update applies an update rule. Operands: weights, gradients, the rule's state (two vectors; 0 for one that the rule does not
// have), the moving average or 0.
func Update(n int, o backend.Optimiser, c optim.Coefficients, decay float64) Launch {
	refs := p(in(0), in(1), in(2), in(3), in(4))
	return one(func(b *builder) {
		if o.Kind == backend.SGD {
			nesterov := 0
			if o.Nesterov {
				nesterov = 1
			}
			b.flat("sgd", n, refs, n, nesterov).F = [8]float64{c.Step, c.Inside, c.Momentum, 7: decay}
			return
		}
		b.flat("adam", n, refs, n).F = [8]float64{c.Beta1, c.Beta2, c.Epsilon, c.Step, c.Root, c.Inside, c.Outside, decay}
	})
}
