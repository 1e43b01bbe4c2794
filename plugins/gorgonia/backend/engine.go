package backend

import (
	"context"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/core/backend"
)

// engine computes on one device, the CPU or a GPU, and holds the vectors of a session there. Its calls come one at a time.
type engine[T float] interface {
	// runner prepares to run a plan. After a run, the values of outputs can be read on the host.
	runner(p *planned[T], outputs []*G.Node) (runner[T], error)
	// adopt moves a new vector to the device, fetch updates its data on the host, and release frees it.
	adopt(v *vector[T]) error
	fetch(v *vector[T]) error
	release(v *vector[T]) error
	// exchange swaps the contents of each vector and the one at its place in the other list, and copy copies a content.
	exchange(a, b []*vector[T]) error
	copy(to, from *vector[T]) error
	// gradients collects the gradients of weights over the micro-batches of a step.
	gradients(weights []*vector[T], batches int) gradients[T]
	// beside reports whether the engine computes beside the host.
	beside() bool
	// memory returns the bytes that the device has, and held those of the results of all runners.
	memory() int64
	held() int64
	close() error
}

// runner runs a planned graph.
type runner[T float] interface {
	Bytes() int
	Inputs() map[string]int
	// Set binds an input to data on the host, and Bind to a vector. Both are read at every Run. Inputs that the graph does not need
	// are ignored.
	Set(name string, data []T) error
	// Send gives data of the run after the present one, from within meanwhile; Sent says that the next run is the one that it is for.
	Send(name string, data []T) error
	Sent()
	Bind(name string, v *vector[T]) error
	// Run computes. An engine that computes beside the host calls meanwhile while it does, if it is not nil.
	Run(ctx context.Context, meanwhile func() error) error
	// Value returns the vector of an output on the host, valid until a runner of the same engine runs.
	Value(n *G.Node) []T
	// Gradient reads any kept value.
	Gradient(n *G.Node) ([]T, error)
	close() error
}

// gradients are the gradients of the weights of a step.
type gradients[T float] interface {
	// add adds the values of nodes after a run of m; nil stands for zeros.
	add(m runner[T], nodes []*G.Node) error
	// norm returns the Euclidean norm of all together.
	norm() (float64, error)
	// clip limits all gradients and reports whether any changed.
	clip(c backend.Clip, norm float64) (bool, error)
	// update changes the weights. There is an update for each, in their order, all by the same rule.
	update(all []update[T]) error
	free() error
}

// update is the change of a weight vector in a step.
type update[T float] struct {
	optimiser backend.Optimiser
	step      int64
	rate      float64
	state     []*vector[T] // in the order of optim.Slots
	average   *vector[T]   // nil without a moving average
	decay     float64      // of the average
}
