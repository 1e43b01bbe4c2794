package backend

import (
	"encoding/binary"
	"errors"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// deviceGradients are the gradients of a step on a GPU. Only sums of their squares come to the host.
type deviceGradients[T float] struct {
	d       *device[T]
	weights []*vector[T]
	single  bool // the only micro-batch: its gradients are used where they are
	begun   bool
	grads   []driver.Address
	own     []driver.Address // to free
}

func (d *device[T]) gradients(weights []*vector[T], batches int) gradients[T] {
	return &deviceGradients[T]{d: d, weights: weights, single: batches == 1, grads: make([]driver.Address, len(weights))}
}

func (q *deviceGradients[T]) add(m runner[T], nodes []*G.Node) error {
	r := m.(*deviceRunner[T])
	return q.d.ctx.Do(func() error {
		for j, n := range nodes {
			size := len(q.weights[j].data)
			if q.grads[j] == 0 && (!q.single || n == nil) {
				at, err := q.d.alloc(size)
				if err != nil {
					return err
				}
				q.own = append(q.own, at)
				q.grads[j] = at
				if err := q.d.launch(kernels.Zero(size), at); err != nil {
					return err
				}
			}
			if n == nil {
				continue
			}
			g := r.address(r.slots[n])
			switch {
			case q.single:
				q.grads[j] = g
			case !q.begun:
				if err := q.d.ctx.Copy(q.grads[j], g, size*sizeOf[T]()); err != nil {
					return err
				}
			default:
				if err := q.d.launch(kernels.Accumulate(size), q.grads[j], g); err != nil {
					return err
				}
			}
		}
		q.begun = true
		return nil
	})
}

func (q *deviceGradients[T]) free() error {
	if len(q.own) == 0 {
		return nil
	}
	return q.d.ctx.Do(func() error {
		failed := []error{q.d.ctx.Synchronise()}
		for _, at := range q.own {
			failed = append(failed, q.d.ctx.Free(at))
		}
		q.own = nil
		return errors.Join(failed...)
	})
}

// sums runs a kernel that sums over blocks, for each of the given vectors, and returns the sum of each.
func (q *deviceGradients[T]) sums(build func(elements int) kernels.Launch, vectors []driver.Address) ([]float64, error) {
	out := make([]float64, len(vectors))
	err := q.d.ctx.Do(func() error {
		if need := len(vectors) * kernels.Blocks; q.d.partials < need {
			if q.d.partial != 0 {
				old := q.d.partial
				q.d.partial, q.d.partials = 0, 0
				if err := q.d.ctx.Free(old); err != nil {
					return err
				}
			}
			at, err := q.d.ctx.Alloc(need * 8)
			if err != nil {
				return err
			}
			q.d.partial, q.d.partials = at, need
		}
		for j, at := range vectors {
			if err := q.d.launch(build(len(q.weights[j].data)), at, q.d.partial+driver.Address(j*kernels.Blocks*8)); err != nil {
				return err
			}
		}
		b := make([]byte, len(vectors)*kernels.Blocks*8)
		if err := q.d.read(b, q.d.partial); err != nil {
			return err
		}
		for i := range len(vectors) * kernels.Blocks {
			out[i/kernels.Blocks] += math.Float64frombits(binary.NativeEndian.Uint64(b[8*i:]))
		}
		return nil
	})
	return out, err
}

func (q *deviceGradients[T]) norm() (float64, error) {
	squares, err := q.sums(kernels.SquareSums, q.grads)
	total := 0.0
	for _, s := range squares {
		total += s
	}
	return math.Sqrt(total), err
}

func (q *deviceGradients[T]) clip(c backend.Clip, norm float64) (bool, error) {
	factors := make([]float64, len(q.grads)) // 0: unchanged
	switch c.Kind {
	case backend.ClipNorm:
		for j := range factors {
			if norm > c.Limit {
				factors[j] = c.Limit / norm
			}
		}
	case backend.ClipValue:
		counts, err := q.sums(func(n int) kernels.Launch { return kernels.Clip(n, c.Limit) }, q.grads)
		changed := 0.0
		for _, n := range counts {
			changed += n
		}
		return changed > 0, err
	case backend.ClipAdaptive:
		var weights []driver.Address
		for _, w := range q.weights {
			weights = append(weights, w.at)
		}
		of, err := q.sums(kernels.SquareSums, weights)
		if err != nil {
			return false, err
		}
		grads, err := q.sums(kernels.SquareSums, q.grads)
		if err != nil {
			return false, err
		}
		for j, g := range grads {
			if most := c.Limit * max(math.Sqrt(of[j]), optim.AdaptiveFloor); math.Sqrt(g) > most {
				factors[j] = most / math.Sqrt(g)
			}
		}
	}
	changed := false
	err := q.d.ctx.Do(func() error {
		for j, f := range factors {
			if f == 0 {
				continue
			}
			changed = true
			if err := q.d.launch(kernels.Scale(len(q.weights[j].data), f), q.grads[j]); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

func (q *deviceGradients[T]) update(i int, u update[T]) error {
	w := q.weights[i]
	addresses := []driver.Address{w.at, q.grads[i], 0, 0, 0}
	for j, s := range u.state {
		addresses[2+j] = s.at
	}
	if u.average != nil {
		addresses[4] = u.average.at
	}
	l := kernels.Update(len(w.data), u.optimiser, optim.At(u.optimiser, u.step, u.rate).Coefficients(), u.decay)
	return q.d.ctx.Do(func() error { return q.d.launch(l, addresses...) })
}
