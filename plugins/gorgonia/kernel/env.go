package kernel

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/internal/machine"
)

// Operand is the kind and concrete shape of a value.
type Operand struct {
	Kind  program.Kind
	Shape []int
}

// Len returns the number of elements; a complex one counts once.
func (o Operand) Len() int { return program.Count(o.Shape) }

// Size returns the length of the vector: two per complex element.
func (o Operand) Size() int {
	if o.Kind == program.Complex {
		return 2 * o.Len()
	}
	return o.Len()
}

// area returns rows·cols of the last two axes.
func (o Operand) area() int { return o.Shape[len(o.Shape)-1] * o.Shape[len(o.Shape)-2] }

// Call is an operation of a program with its operands at concrete shapes.
type Call struct {
	program.Op
	In   []Operand
	Out  Operand
	ReLU bool // conv2d: followed by a ReLU that is its only reader
}

// Env holds the workers and kernels that rules use.
type Env[T Float] struct {
	Pool *Pool
	conv *convolver
}

// NewEnv creates workers, one per core with 0 threads, and kernels for the fastest instructions of this machine or those
// that PTYCHO_CPU names. It fails if the machine does not support them.
func NewEnv[T Float](threads int) (*Env[T], error) {
	path, err := machine.SelectInstructions()
	if err != nil {
		return nil, err
	}
	workers := newPool(threads)
	return &Env[T]{Pool: workers, conv: newConvolver(workers, path)}, nil
}

// Instructions names the instructions that the kernels use.
func (e *Env[T]) Instructions() string { return string(e.conv.path) }

// Borrow lends n elements of unknown content; Return releases them.
func (e *Env[T]) Borrow(n int) []T { return borrow[T](e.Pool, n) }

// Return releases elements from Borrow.
func (e *Env[T]) Return(b []T) { giveBack(e.Pool, b) }

// Build returns the rule of an operation.
func (e *Env[T]) Build(c Call) (Rule[T], error) {
	if s := c.Out.Shape; c.Kind == program.BackProject && s[2] != s[3] {
		return Rule[T]{}, fmt.Errorf("op: %s: patterns of %d×%d pixels, want square ones", c.Kind, s[2], s[3])
	}
	if c.Kind == program.FFT2 || c.Kind == program.BackProject {
		return e.transform(c)
	}
	for _, family := range []func(Call) (Rule[T], bool){e.elementwise, e.binary, e.structure, e.network, e.complex, e.physics, e.losses} {
		if r, ok := family(c); ok {
			return r, nil
		}
	}
	return Rule[T]{}, fmt.Errorf("op: backend gorgonia does not support the operation %s", c.Kind)
}

// grain is the number of elements that one worker processes at a time: large compared with the cost of distributing work,
// and the same for any number of workers.
const grain = 1 << 14

// each runs f over 0 … n in pieces.
func (e *Env[T]) each(n int, f func(from, to int)) {
	e.Pool.Run((n+grain-1)/grain, func(i int) { f(i*grain, min((i+1)*grain, n)) })
}

// only returns the list of gradients for an operation with one operand.
func only[T Float](g *Gradient[T]) []*Gradient[T] { return []*Gradient[T]{g} }
