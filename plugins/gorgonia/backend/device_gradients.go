package backend

import (
	"math"
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// deviceGradients are the gradients of a step on a GPU. Only sums of their squares come to the host. Each launch is for all of them.
type deviceGradients[T float] struct {
	d       *device[T]
	table   kernels.Segments // of the weights, in their order
	single  bool             // the only micro-batch: its gradients are used where they are
	begun   bool
	squares []float64 // of each gradient, before clipping
}

func (d *device[T]) gradients(weights []*vector[T], batches int) gradients[T] {
	q := &deviceGradients[T]{d: d, table: d.updated, single: batches == 1}
	if !slices.EqualFunc(weights, q.table.Rows, func(w *vector[T], r kernels.Segment) bool {
		return uint64(w.at) == r.Weights && int64(len(w.data)) == r.Elements
	}) {
		var elements []int
		for _, w := range weights {
			elements = append(elements, len(w.data))
		}
		q.table = kernels.NewSegments(elements...)
		for i, w := range weights {
			q.table.Rows[i].Weights = uint64(w.at)
		}
		d.updated = q.table // so that the next step sends nothing
	}
	return q
}

func (q *deviceGradients[T]) add(m runner[T], nodes []*G.Node) error {
	r := m.(*deviceRunner[T])
	return q.d.ctx.Do(func() error {
		gather := !q.single
		for j, n := range nodes {
			row := &q.table.Rows[j]
			row.Part = 0
			if n != nil {
				row.Part = uint64(r.address(r.slots[n]))
			} else {
				gather = true // zeros
			}
		}
		if !q.begun {
			if err := q.place(nodes); err != nil {
				return err
			}
		}
		add := q.begun
		q.begun = true
		if !gather {
			return nil
		}
		return q.d.onAll(q.table, q.table.Gather(add))
	})
}

// place chooses where the gradients of the step are: those of a single micro-batch stay where they are.
func (q *deviceGradients[T]) place(nodes []*G.Node) error {
	total := 0
	for j := range q.table.Rows {
		if row := &q.table.Rows[j]; q.single && nodes[j] != nil {
			row.Gradient = row.Part
		} else {
			row.Gradient = uint64(total) // for now the distance from the begin
			total += (int(row.Elements)*sizeOf[T]() + 255) &^ 255
		}
	}
	if err := q.d.reserveGradients(total); err != nil {
		return err
	}
	for j := range q.table.Rows {
		if !q.single || nodes[j] == nil {
			q.table.Rows[j].Gradient += uint64(q.d.sum.at)
		}
	}
	return nil
}

// reserveGradients enlarges the memory of gradients. Its content is lost.
func (d *device[T]) reserveGradients(bytes int) (err error) {
	if bytes <= d.sum.bytes {
		return nil
	}
	if at := d.sum.at; at != 0 {
		d.sum.at, d.sum.bytes = 0, 0
		if err := d.ctx.Synchronise(); err != nil {
			return err
		}
		if err := d.ctx.Free(at); err != nil {
			return err
		}
	}
	if d.sum.at, err = d.ctx.Alloc(bytes); err != nil {
		return err
	}
	d.sum.bytes = bytes
	return nil
}

// free frees nothing: the next step uses the same memory.
func (q *deviceGradients[T]) free() error { return nil }

func (q *deviceGradients[T]) norm() (float64, error) {
	err := q.d.ctx.Do(func() (err error) {
		q.squares, err = q.d.sumAll(q.table, q.table.SquareSums(true))
		return err
	})
	total := 0.0
	for _, s := range q.squares {
		total += s
	}
	return math.Sqrt(total), err
}

func (q *deviceGradients[T]) clip(c backend.Clip, norm float64) (changed bool, err error) {
	err = q.d.ctx.Do(func() error {
		switch c.Kind {
		case backend.ClipNorm:
			if changed = norm > c.Limit; changed {
				return q.d.onAll(q.table, q.table.Scale(c.Limit/norm))
			}
		case backend.ClipValue:
			counts, err := q.d.sumAll(q.table, q.table.Clip(c.Limit))
			changed = slices.ContainsFunc(counts, func(n float64) bool { return n > 0 })
			return err
		case backend.ClipAdaptive:
			of, err := q.d.sumAll(q.table, q.table.SquareSums(false))
			if err != nil {
				return err
			}
			for j, g := range q.squares {
				factor := 0.0 // unchanged
				if most := c.Limit * max(math.Sqrt(of[j]), optim.AdaptiveFloor); math.Sqrt(g) > most {
					factor, changed = most/math.Sqrt(g), true
				}
				q.table.Rows[j].Factor = factor
			}
			if changed {
				return q.d.onAll(q.table, q.table.Scale(0))
			}
		}
		return nil
	})
	return changed, err
}

func (q *deviceGradients[T]) update(all []update[T]) error {
	var launches []kernels.Launch
	var rules []optim.Coefficients // of each learning rate
	for i, u := range all {
		row := &q.table.Rows[i]
		row.State = [2]uint64{}
		for j, s := range u.state {
			row.State[j] = uint64(s.at)
		}
		row.Average = 0
		if u.average != nil {
			row.Average = uint64(u.average.at)
		}
		c := optim.At(u.optimiser, u.step, u.rate).Coefficients()
		rate := slices.Index(rules, c)
		if rate < 0 {
			rate = len(rules)
			rules = append(rules, c)
			launches = append(launches, q.table.Update(rate, u.optimiser, c, u.decay))
		}
		row.Rate = int64(rate)
	}
	return q.d.ctx.Do(func() error { return q.d.onAll(q.table, launches...) })
}
