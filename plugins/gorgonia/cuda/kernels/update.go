package kernels

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
)

// Segment is a row of the table of an update. It has the layout of Segment in update.cu. An address of 0 is missing.
type Segment struct {
	Weights, Gradient uint64
	State             [2]uint64 // of the rule
	Average           uint64
	Part              uint64 // the gradient of a micro-batch
	Elements          int64
	first             int64 // block that begins with the first element
	Rate              int64 // number of the learning rate
	Factor            float64
}

// Segments is the table of the parameters that one launch changes. It must be in the GPU's memory when the launch runs.
type Segments struct {
	Rows   []Segment
	blocks int
}

// Elements that a block changes, and blocks that sum over a row: CHUNK and PARTS of update.cu.
const (
	chunk = 1024
	parts = 64
)

// NewSegments returns a table of vectors of the given lengths.
func NewSegments(elements ...int) Segments {
	t := Segments{Rows: make([]Segment, len(elements))}
	for i, n := range elements {
		t.Rows[i].Elements, t.Rows[i].first = int64(n), int64(t.blocks)
		t.blocks += (n + chunk - 1) / chunk
	}
	return t
}

// Sums returns how many numbers SquareSums and Clip write.
func (t Segments) Sums() int { return parts * len(t.Rows) }

// RowSums adds the numbers of each row, in order.
func (t Segments) RowSums(sums []float64) []float64 {
	out := make([]float64, len(t.Rows))
	for i, s := range sums {
		out[i/parts] += s
	}
	return out
}

// change returns a launch that changes the rows. Operand 0 is the table.
func (t Segments) change(name string, ns ...int) Launch {
	return one(func(b *builder) {
		b.grid(name, [3]int{max(t.blocks, 1), 1, 1}, 0, p(in(0)), append([]int{len(t.Rows)}, ns...)...)
	})
}

// sum returns a launch that sums over the rows. Operand 0 is the table, operand 1 the sums.
func (t Segments) sum(name string, ns ...int) Launch {
	return one(func(b *builder) { b.blocks(name, t.Sums(), p(in(0), in(1)), ns...) })
}

// one returns the only launch that f adds. Its operands are addresses by number.
func one(f func(b *builder)) Launch {
	b := &builder{}
	f(b)
	return b.plan.Launches[0]
}

// Gather copies the gradients of a micro-batch to those of the step, or adds them.
func (t Segments) Gather(add bool) Launch { return t.change("gather_gradients", number(add)) }

// Exchange swaps weights and moving averages.
func (t Segments) Exchange() Launch { return t.change("exchange") }

// Scale multiplies all gradients by a factor, or if it is 0 those of each row by the factor of the row.
func (t Segments) Scale(factor float64) Launch {
	l := t.change("scale_gradients")
	l.F[0] = factor
	return l
}

// SquareSums writes sums of squares of the gradients, or of the weights.
func (t Segments) SquareSums(ofGradients bool) Launch { return t.sum("norms", number(ofGradients)) }

// Clip limits the elements of the gradients, and writes how many changed.
func (t Segments) Clip(limit float64) Launch {
	l := t.sum("clip")
	l.F[0] = limit
	return l
}

// Update applies an update rule to the rows of one learning rate.
func (t Segments) Update(rate int, o backend.Optimiser, c optim.Coefficients, decay float64) Launch {
	if o.Kind == backend.SGD {
		l := t.change("sgd", rate, number(o.Nesterov))
		l.F = [8]float64{c.Step, c.Inside, c.Momentum, 7: decay}
		return l
	}
	l := t.change("adam", rate)
	l.F = [8]float64{c.Beta1, c.Beta2, c.Epsilon, c.Step, c.Root, c.Inside, c.Outside, decay}
	return l
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
