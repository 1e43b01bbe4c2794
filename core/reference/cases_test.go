package reference

import (
	"fmt"
	"math/rand/v2"

	"github.com/ptychogo/ptycho/core/program"
)

// opCase is one operation on its own, with inputs drawn so that no element is near a kink or the end of the domain.
type opCase struct {
	name   string
	op     program.Op
	in     []*Value
	linear int // the input in which the operation is linear, −1 if there is none
}

// groups is the number of groups in every case: more than one, to test the batch axis.
const groups = 2

// drawing draws inputs from one random stream.
type drawing struct{ rng *rand.Rand }

// real returns numbers uniform in ±1, at least 0.05 from 0.
func (d drawing) real(shape ...int) *Value {
	v := NewValue(program.Real, shape)
	for i := range v.Real {
		v.Real[i] = 0.05 + 0.95*d.rng.Float64()
		if d.rng.IntN(2) == 0 {
			v.Real[i] = -v.Real[i]
		}
	}
	return v
}

// above returns numbers uniform in low … low+1.
func (d drawing) above(low float64, shape ...int) *Value {
	v := NewValue(program.Real, shape)
	for i := range v.Real {
		v.Real[i] = low + d.rng.Float64()
	}
	return v
}

func (d drawing) complex(shape ...int) *Value {
	v := NewValue(program.Complex, shape)
	for i := range v.Complex {
		v.Complex[i] = complex(d.rng.NormFloat64(), d.rng.NormFloat64())
	}
	return v
}

// apart returns real numbers that differ by at least 0.02, so that pools have no near-ties.
func (d drawing) apart(shape ...int) *Value {
	v := NewValue(program.Real, shape)
	for i, j := range d.rng.Perm(len(v.Real)) {
		v.Real[i] = 0.02 * float64(j-len(v.Real)/2)
	}
	return v
}

// counts returns photons, some of them 0.
func (d drawing) counts(shape ...int) *Value {
	v := NewValue(program.Real, shape)
	for i := range v.Real {
		v.Real[i] = float64(d.rng.IntN(9))
	}
	return v
}

// mask returns ones, with some bad pixels and some fractions.
func (d drawing) mask(shape ...int) *Value {
	v := NewValue(program.Real, shape)
	for i := range v.Real {
		v.Real[i] = []float64{1, 1, 1, 0, 0.5}[d.rng.IntN(5)]
	}
	return v
}

func (d drawing) index(rows int, shape ...int) *Value {
	v := NewValue(program.Index, shape)
	for i := range v.Index {
		v.Index[i] = int32(d.rng.IntN(rows))
	}
	return v
}

// cases lists every operation, most in more than one shape. Shapes are asymmetric, so that swapped rows and columns are
// detected.
//
// Long: one table with a case or more for each operation.
func cases() []opCase {
	d := drawing{rand.New(rand.NewPCG(20, 1))}
	var out []opCase
	add := func(linear int, name string, op program.Op, in ...*Value) {
		out = append(out, opCase{string(op.Kind) + name, op, in, linear})
	}
	for _, k := range []program.OpKind{program.ReLU, program.Sigmoid, program.Tanh, program.SiLU, program.Softplus, program.Exp, program.Square} {
		add(-1, "", program.Op{Kind: k}, d.real(groups, 3, 5))
	}
	add(-1, "", with(program.LeakyReLU, "slope", 0.3), d.real(groups, 3, 5))
	add(-1, "", program.Op{Kind: program.Log1p}, d.above(-0.9, groups, 7))
	add(-1, "", program.Op{Kind: program.Sqrt}, d.above(0.1, groups, 7))
	add(0, "", with(program.Affine, "scale", -1.7), d.real(groups, 3, 5))

	for _, k := range []program.OpKind{program.Add, program.Sub, program.Mul} {
		add(0, " by the last axes", program.Op{Kind: k}, d.real(groups, 3, 4), d.real(3, 4))
		add(0, " by a scalar", program.Op{Kind: k}, d.real(groups, 3, 4), d.real())
		add(0, " of complex", program.Op{Kind: k}, d.complex(groups, 3, 4), d.complex(4))
		add(1, " by the same shape", program.Op{Kind: k}, d.complex(groups, 3), d.complex(groups, 3))
	}
	add(0, " complex by real", program.Op{Kind: program.Mul}, d.complex(groups, 3, 4), d.real(3, 4))
	add(1, " complex by real scalar", program.Op{Kind: program.Mul}, d.complex(groups, 3, 4), d.real())
	add(0, " by the last axes", program.Op{Kind: program.Div}, d.real(groups, 3, 4), d.above(0.5, 4))
	add(-1, " by a scalar", program.Op{Kind: program.Div}, d.real(groups, 3, 4), d.above(0.5))

	add(0, "", program.Op{Kind: program.Reshape, Shape: program.Shape{-3, 4, 1}}, d.real(groups, 3, 4))
	add(0, " of complex", program.Op{Kind: program.Reshape, Shape: program.Shape{-3, 4, 1}}, d.complex(groups, 3, 4))
	add(0, "", program.Op{Kind: program.Concat}, d.real(groups, 3, 4, 5), d.real(groups, 1, 4, 5), d.real(groups, 2, 4, 5))
	add(0, "", program.Op{Kind: program.SliceChannels, Attrs: map[string]float64{"from": 1, "to": 3}}, d.real(groups, 4, 3, 5))
	add(0, "", with(program.Pad, "amount", 2), d.real(groups, 3, 4, 5))
	add(0, " of complex", with(program.Pad, "amount", 1), d.complex(groups, 4, 5))
	add(0, "", with(program.Crop, "amount", 1), d.real(groups, 3, 4, 5))
	add(0, " of complex", with(program.Crop, "amount", 2), d.complex(groups, 5, 6))
	add(0, "", program.Op{Kind: program.MaskCenter}, d.real(groups, 2, 8, 4))
	add(0, " of odd sides", program.Op{Kind: program.MaskCenter}, d.complex(groups, 7, 9))
	add(-1, "", program.Op{Kind: program.Detach}, d.complex(groups, 3))

	for _, k := range []int{1, 3, 5} {
		add(0, fmt.Sprintf(" %d×%d", k, k), program.Op{Kind: program.Conv2D}, d.real(groups, 2, 4, 6), d.real(3, 2, k, k), d.real(3))
	}
	add(1, " wider than the image", program.Op{Kind: program.Conv2D}, d.real(groups, 2, 3, 2), d.real(2, 2, 7, 7), d.real(2))
	add(-1, "", program.Op{Kind: program.MaxPool2}, d.apart(groups, 2, 4, 6))
	add(0, "", program.Op{Kind: program.AvgPool2}, d.real(groups, 2, 4, 6))
	add(0, "", program.Op{Kind: program.Upsample2}, d.real(groups, 2, 2, 3))
	add(0, "", program.Op{Kind: program.GlobalMean}, d.real(groups, 3, 4, 5))
	add(0, "", program.Op{Kind: program.Dense}, d.real(groups, 4), d.real(3, 4), d.real(3))
	add(0, "", program.Op{Kind: program.ScalePlanes}, d.real(groups, 3, 4, 5), d.real(groups, 3))

	add(0, "", program.Op{Kind: program.MakeComplex}, d.real(groups, 3, 4), d.real(groups, 3, 4))
	add(0, "", program.Op{Kind: program.Polar}, d.real(groups, 3, 4), d.real(groups, 3, 4))
	for _, k := range []program.OpKind{program.RealPart, program.ImagPart, program.Conj} {
		add(0, "", program.Op{Kind: k}, d.complex(groups, 3, 4))
	}
	add(-1, "", program.Op{Kind: program.Abs2}, d.complex(groups, 3, 4))

	add(0, "", program.Op{Kind: program.FFT2}, d.complex(groups, 2, 6, 5))
	add(0, " inverse", with(program.FFT2, "inverse", 1), d.complex(groups, 4, 7))
	add(0, "", program.Op{Kind: program.Illuminate}, d.complex(groups, 2, 4, 5), d.complex(3, 4, 5))
	add(1, " with a probe each", program.Op{Kind: program.Illuminate}, d.complex(groups, 2, 4, 5), d.complex(groups, 2, 3, 4, 5))
	add(-1, "", program.Op{Kind: program.Intensity}, d.complex(groups, 2, 3, 4, 5))
	add(0, "", program.Op{Kind: program.Translate}, d.real(groups, 3, 4, 6), d.real(groups, 3, 2))
	add(0, " backwards", with(program.Translate, "sign", -1), d.complex(groups, 3, 4, 6), d.real(groups, 3, 2))
	add(0, " nowhere", with(program.Translate, "sign", 0), d.complex(groups, 1, 3, 4), d.real(groups, 1, 2))
	add(-1, "", with(program.MergeWeight, "floor", 0.1), d.complex(3, 4, 5))
	add(-1, " of a probe each", program.Op{Kind: program.MergeWeight}, d.complex(groups, 2, 3, 4, 5))
	add(0, "", program.Op{Kind: program.MergePairwise}, d.complex(groups, 3, 5, 6), d.real(groups, 3, 2), d.above(0.1, 5, 6))
	add(0, " with a weight each", program.Op{Kind: program.MergePairwise}, d.complex(groups, 2, 5, 6), d.real(groups, 2, 2), d.above(0.1, groups, 2, 5, 6))
	add(0, "", with(program.Assemble, "canvas", 8), d.complex(groups, 3, 5, 5), d.real(groups, 3, 2), d.above(0.1, 5, 5))
	add(0, " with a weight each", with(program.Assemble, "canvas", 10), d.complex(groups, 2, 6, 6), d.real(groups, 2, 2), d.above(0.1, groups, 2, 6, 6))
	add(0, "", with(program.Extract, "n", 5), d.complex(groups, 8, 8), d.real(groups, 3, 2))
	add(-1, "", program.Op{Kind: program.BackProject}, d.counts(groups, 2, 4, 4), d.complex(3, 4, 4))
	add(-1, " by a probe each", program.Op{Kind: program.BackProject}, d.counts(groups, 2, 4, 6), d.complex(groups, 2, 2, 4, 6))
	add(0, "", program.Op{Kind: program.Gather}, d.real(5, 3, 2), d.index(5, groups, 4))
	add(0, " of complex scalars", program.Op{Kind: program.Gather}, d.complex(5), d.index(5, groups, 4))

	add(0, "", program.Op{Kind: program.MeanPixels}, d.real(groups, 3, 4, 5))
	for _, k := range []program.OpKind{program.PoissonDeviance, program.PoissonNLL, program.AmplitudeLoss, program.AmplitudeMAE} {
		add(-1, "", program.Op{Kind: k}, d.above(0.3, groups, 2, 4, 5), d.counts(groups, 2, 4, 5), d.mask(4, 5))
		add(-1, " with a mask each", program.Op{Kind: k}, d.above(3.2, groups, 2, 3, 5), d.counts(groups, 2, 3, 5), d.mask(groups, 2, 3, 5))
	}
	add(-1, "", program.Op{Kind: program.ExpectedDeviance}, d.above(0.3, groups, 2, 4, 5), d.mask(4, 5))
	return out
}

func with(k program.OpKind, attr string, v float64) program.Op {
	return program.Op{Kind: k, Attrs: map[string]float64{attr: v}}
}

// program returns a program of the case with inputs x0, x1, … and the result y.
func (c opCase) program() *program.Program {
	p := &program.Program{Name: c.name, N: 4, Group: 1}
	op := c.op
	op.Out = "y"
	for i, v := range c.in {
		s := make(program.Shape, len(v.Shape))
		for j, d := range v.Shape {
			s[j] = program.Dim(d)
		}
		// An input whose first extent is that of the batch comes with the batch.
		if c.perGroup(i) {
			s[0] = program.PerGroup(v.Shape[0] / groups)
		}
		name := fmt.Sprintf("x%d", i)
		op.In = append(op.In, name)
		p.Inputs = append(p.Inputs, program.Input{Name: name, Type: program.Type{Kind: v.Kind, Shape: s}})
	}
	p.Ops = []program.Op{op}
	return p
}

// perGroup distinguishes inputs that come with each batch from weights, probes and tables.
func (c opCase) perGroup(i int) bool {
	v := c.in[i]
	if len(v.Shape) == 0 || v.Shape[0] != groups {
		return false
	}
	switch c.op.Kind {
	case program.Conv2D, program.Dense:
		return i == 0
	}
	return true
}

func (c opCase) given() map[string]*Value {
	out := map[string]*Value{}
	for i, v := range c.in {
		out[fmt.Sprintf("x%d", i)] = v
	}
	return out
}
