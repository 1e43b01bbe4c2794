package backend

import (
	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// host is the engine on the CPU.
type host[T float] struct {
	env   *kernel.Env[T]
	arena *arena[T] // shared by all runners: calls come one at a time
	zeros map[int][]T
}

func newHost[T float](env *kernel.Env[T]) *host[T] {
	return &host[T]{env: env, arena: &arena[T]{}, zeros: map[int][]T{}}
}

func (h *host[T]) runner(p *planned[T], _ []*G.Node) (runner[T], error) {
	return &executor[T]{planned: p, pool: h.env.Pool, arena: h.arena, data: map[*slot[T]][]T{}}, nil
}

func (h *host[T]) adopt(*vector[T]) error   { return nil }
func (h *host[T]) fetch(*vector[T]) error   { return nil }
func (h *host[T]) release(*vector[T]) error { return nil }

func (h *host[T]) exchange(a, b []*vector[T]) error {
	for j := range a {
		x, y := a[j].data, b[j].data
		for i, v := range y {
			x[i], y[i] = v, x[i]
		}
	}
	return nil
}

func (h *host[T]) copy(to, from *vector[T]) error {
	copy(to.data, from.data)
	return nil
}

func (h *host[T]) beside() bool  { return false }
func (h *host[T]) memory() int64 { return feed.MachineMemory() }
func (h *host[T]) held() int64   { return int64(h.arena.Bytes()) }
func (h *host[T]) close() error  { return nil }

// nothing returns zeros for a parameter that a loss does not depend on.
func (h *host[T]) nothing(n int) []T {
	if h.zeros[n] == nil {
		h.zeros[n] = make([]T, n)
	}
	return h.zeros[n]
}

func (h *host[T]) gradients(weights []*vector[T], batches int) gradients[T] {
	return &hostGradients[T]{h: h, weights: weights, single: batches == 1, grads: make([][]T, len(weights))}
}

type hostGradients[T float] struct {
	h       *host[T]
	weights []*vector[T]
	single  bool // the only micro-batch: its gradients are used where they are
	begun   bool
	grads   [][]T
}

func (q *hostGradients[T]) add(m runner[T], nodes []*G.Node) error {
	for j, n := range nodes {
		var g []T
		if n == nil {
			g = q.h.nothing(len(q.weights[j].data))
		} else {
			g = m.Value(n)
		}
		switch {
		case q.single:
			q.grads[j] = g
		case !q.begun:
			q.grads[j] = q.h.env.Borrow(len(g))
			copy(q.grads[j], g)
		default:
			for k, v := range g {
				q.grads[j][k] += v
			}
		}
	}
	q.begun = true
	return nil
}

func (q *hostGradients[T]) free() error {
	for _, g := range q.grads {
		if !q.single && g != nil {
			q.h.env.Return(g)
		}
	}
	return nil
}

func (q *hostGradients[T]) norm() (float64, error) { return optim.Norm(q.grads...), nil }

func (q *hostGradients[T]) clip(c backend.Clip, norm float64) (bool, error) {
	weights := make([][]T, len(q.weights))
	for i, w := range q.weights {
		weights[i] = w.data
	}
	return optim.Bound(c, norm, weights, q.grads), nil
}

// updated is the number of elements that one worker updates at a time.
const updated = 1 << 15

func (q *hostGradients[T]) update(all []update[T]) error {
	for i, u := range all {
		q.one(u, q.weights[i].data, q.grads[i])
	}
	return nil
}

// one updates a vector of weights.
func (q *hostGradients[T]) one(u update[T], w, g []T) {
	rule := optim.At(u.optimiser, u.step, u.rate)
	q.h.env.Pool.Run((len(w)+updated-1)/updated, func(k int) {
		from, to := k*updated, min((k+1)*updated, len(w))
		var part [2][]T // Adam has two moments
		for j, s := range u.state {
			part[j] = s.data[from:to]
		}
		optim.Update(rule, w[from:to], g[from:to], part[:len(u.state)]...)
		if u.average != nil {
			optim.Average(u.average.data[from:to], w[from:to], u.decay)
		}
	})
}
