// Package kernels holds the CUDA kernels of the Gorgonia backend and the launches that compute each operation of a program.
// The kernels are compiled to PTX ahead of time, for both precisions; a GPU's driver assembles them.
//
// It is a package of its own because it needs neither a driver nor a session.
package kernels

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
)

// Source says what an address of a launch refers to.
type Source int

// The sources.
const (
	Null     Source = iota
	Operand         // of the operation, by number
	Result          // of the operation: a gradient may read it
	Incoming        // the gradient of the result
	Target          // what the launch computes
	Scratch         // memory that only the launches of one operation use
	Constant        // a table
)

// Ref is an address of a launch.
type Ref struct {
	Source Source
	Index  int   // of an operand
	Offset int64 // bytes, of scratch memory
	Table  Table
}

// Table is constant data of a launch. Equal keys mean equal data.
type Table struct {
	Key  string
	Data func() []float64
	Wide bool // float64 in every precision
}

// Launch is a call of a kernel. Its fields have the layout of Args in prelude.h.
type Launch struct {
	Kernel string
	Grid   [3]int
	Shared int // bytes
	P      [10]Ref
	N      [20]int64
	F      [8]float64
}

// Threads is the number of threads of every block.
const Threads = 256

// Plan lists the launches of an operation, in order.
type Plan struct {
	Launches []Launch
	Scratch  int64 // bytes
}

// Forward is the gradient argument of Build for the operation itself.
const Forward = -1

// Build returns the launches of an operation for elements of size bytes, or of the gradient of one operand. With tf32 convolutions in
// float32 may use the kernels of TF32.
func Build(c kernel.Call, gradient, size int, tf32 bool) (Plan, error) {
	b := &builder{c: c, size: size, tf32: tf32 && size == 4}
	build, ok := rules[c.Kind]
	if !ok {
		return Plan{}, fmt.Errorf("the operation %s does not have a CUDA kernel", c.Kind)
	}
	if err := build(b, gradient); err != nil {
		return Plan{}, err
	}
	if len(b.plan.Launches) == 0 {
		return Plan{}, fmt.Errorf("the operation %s does not have a gradient of operand %d", c.Kind, gradient)
	}
	return b.plan, nil
}

// Sum returns the launch that adds two vectors of n elements, the operands 0 and 1.
func Sum(n int) Plan {
	b := &builder{}
	b.flat("binary", n, p(in(0), in(1), target), n, n, 0)
	return b.plan
}

type builder struct {
	c    kernel.Call
	size int
	tf32 bool
	plan Plan
}

var (
	target   = Ref{Source: Target}
	incoming = Ref{Source: Incoming}
	result   = Ref{Source: Result}
	null     = Ref{}
)

func in(i int) Ref { return Ref{Source: Operand, Index: i} }

func p(refs ...Ref) []Ref { return refs }

// scratch reserves memory for n numbers of the given size.
func (b *builder) scratch(n, size int) Ref {
	r := Ref{Source: Scratch, Offset: b.plan.Scratch}
	b.plan.Scratch += (int64(n)*int64(size) + 255) &^ 255
	return r
}

// flat adds a launch with a thread for each of n elements.
func (b *builder) flat(name string, n int, refs []Ref, ns ...int) *Launch {
	return b.grid(name, [3]int{max((n+Threads-1)/Threads, 1), 1, 1}, 0, refs, ns...)
}

// blocks adds a launch of n blocks that sum in shared memory.
func (b *builder) blocks(name string, n int, refs []Ref, ns ...int) *Launch {
	return b.grid(name, [3]int{max(n, 1), 1, 1}, Threads*8, refs, ns...)
}

func (b *builder) grid(name string, grid [3]int, shared int, refs []Ref, ns ...int) *Launch {
	l := Launch{Kernel: name, Grid: grid, Shared: shared}
	copy(l.P[:], refs)
	for i, n := range ns {
		l.N[i] = int64(n)
	}
	b.plan.Launches = append(b.plan.Launches, l)
	return &b.plan.Launches[len(b.plan.Launches)-1]
}

// image returns the extents of a value's last two axes, the number of such images, and the numbers per pixel.
func image(o kernel.Operand) (images, h, w, k int) {
	h, w = o.Shape[len(o.Shape)-2], o.Shape[len(o.Shape)-1]
	k = 1
	if o.Kind == program.Complex {
		k = 2
	}
	return o.Len() / (h * w), h, w, k
}

// rules builds the launches of each operation, or with gradient >= 0 of the gradient of an operand.
var rules map[program.OpKind]func(b *builder, gradient int) error

func init() {
	rules = map[program.OpKind]func(b *builder, gradient int) error{
		program.MakeComplex: makeComplex, program.Polar: polar, program.Abs2: abs2, program.Conj: conj,
		program.RealPart: part(0), program.ImagPart: part(1),
		program.Add: add(1), program.Sub: add(-1), program.Mul: mul, program.Div: div, kernel.TotalKind: total,
		program.Pad: border, program.Crop: border, program.MaskCenter: maskCenter, program.Detach: detach,
		program.Concat: concat, program.SliceChannels: sliceChannels, program.Gather: gather,
		program.Conv2D: conv, program.Dense: dense, program.MaxPool2: maxPool, program.AvgPool2: avgPool,
		program.Upsample2: upsample, program.GlobalMean: mean, program.MeanPixels: mean, program.ScalePlanes: scalePlanes,
		program.FFT2: fft2, program.Illuminate: illuminate, program.Intensity: intensity, program.MergeWeight: mergeWeight,
		program.BackProject: backProject, program.Translate: translate, program.MergePairwise: mergePairwise,
		program.Assemble: assemble, program.Extract: extract, program.ExpectedDeviance: expectedDeviance,
	}
	for i, k := range []program.OpKind{program.ReLU, program.LeakyReLU, program.Sigmoid, program.Tanh, program.SiLU, program.Softplus,
		program.Exp, program.Log1p, program.Sqrt, program.Square, program.Affine} {
		rules[k] = unary(i + 1)
	}
	for i, k := range []program.OpKind{program.PoissonDeviance, program.PoissonNLL, program.AmplitudeLoss, program.AmplitudeMAE} {
		rules[k] = loss(i)
	}
}
