package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// single builds a program with independent examples of one operation. Every operand that a gradient flows to is a parameter, or
// is gathered from one, and every result is reduced to one number per pattern by weights that differ from element to element. So
// the program uses, besides the operation, only gather, reshape, dense, real and imag.
type single struct {
	kind   program.OpKind
	p      *program.Program
	groups int
	given  map[string]*reference.Value
	types  map[string]program.Type
	rng    *rand.Rand
	label  string   // of the example that is being built
	shown  []string // results of the operation
	count  int
}

// draw returns number i of an operand.
type draw func(rng *rand.Rand, i int) float64

func within(low, high float64) draw {
	return func(rng *rand.Rand, _ int) float64 { return low + (high-low)*rng.Float64() }
}

// decades draws numbers of both signs, or only positive ones, whose logarithms are uniform.
func decades(low, high float64, signed bool) draw {
	return func(rng *rand.Rand, _ int) float64 {
		x := low * math.Pow(high/low, rng.Float64())
		if signed && rng.IntN(2) == 0 {
			return -x
		}
		return x
	}
}

// cycle repeats a list of numbers.
func cycle(list ...float64) draw {
	return func(_ *rand.Rand, i int) float64 { return list[i%len(list)] }
}

var order1Numbers = within(-1, 1)

func newSingle(kind program.OpKind, name string, group, groups int) *single {
	s := &single{kind: kind, groups: groups, given: map[string]*reference.Value{}, types: map[string]program.Type{},
		rng: rand.New(rand.NewPCG(uint64(group), uint64(len(kind))+uint64(kind[0])<<8))}
	s.p = &program.Program{Name: fmt.Sprintf("%s alone, %s", kind, name), N: 8, Group: group}
	s.input("rows", program.Index, func(_ *rand.Rand, i int) float64 { return float64((2*i + i/3) % program.TableRows) }, program.PerGroup(1), program.Dim(group))
	s.input("first", program.Index, cycle(0), program.PerGroup(1), program.Dim(group))
	s.input("one", program.Index, func(_ *rand.Rand, i int) float64 { return float64((3 - i + program.TableRows) % program.TableRows) }, program.PerGroup(1), 1)
	return s
}

// example names the next example.
func (s *single) example(format string, args ...any) { s.label = fmt.Sprintf(format, args...) }

func (s *single) name(what string) string {
	s.count++
	return fmt.Sprintf("%s: %s (%d)", s.label, what, s.count)
}

func (s *single) numbers(name string, kind program.Kind, shape []int, d draw) {
	v := reference.NewValue(kind, shape)
	one := func(i int) float64 { return float64(float32(d(s.rng, i))) }
	for i := range v.Real {
		v.Real[i] = one(i)
	}
	for i := range v.Complex {
		v.Complex[i] = complex(one(2*i), one(2*i+1))
	}
	for i := range v.Index {
		v.Index[i] = int32(one(i))
	}
	s.given[name] = v
}

func (s *single) input(name string, kind program.Kind, d draw, shape ...program.Dim) string {
	s.p.Inputs = append(s.p.Inputs, program.Input{Name: name, Type: program.Type{Kind: kind, Shape: shape}})
	s.types[name] = program.Type{Kind: kind, Shape: shape}
	s.numbers(name, kind, program.Shape(shape).At(s.groups), d)
	return name
}

// data is an operand without a gradient.
func (s *single) data(kind program.Kind, d draw, shape ...program.Dim) string {
	return s.input(s.name("input"), kind, d, shape...)
}

func (s *single) buffer(shape ...int) string {
	name := s.name("weight")
	s.p.Buffers = append(s.p.Buffers, program.Buffer{Name: name, Kind: program.Real, Shape: shape})
	s.declare(name, program.Real, shape)
	s.numbers(name, program.Real, shape, decades(0.5, 2, true))
	return name
}

func (s *single) declare(name string, kind program.Kind, shape []int) {
	t := program.Type{Kind: kind}
	for _, d := range shape {
		t.Shape = append(t.Shape, program.Dim(d))
	}
	s.types[name] = t
}

// param is an operand with a gradient, the same for all patterns.
func (s *single) param(kind program.Kind, d draw, shape ...int) string {
	return s.operand("operand", kind, d, shape)
}

func (s *single) operand(what string, kind program.Kind, d draw, shape []int) string {
	name := s.name(what)
	shape = append([]int{}, shape...) // [] instead of null in JSON
	s.p.Params = append(s.p.Params, program.Param{Name: name, Kind: kind, Shape: shape, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true})
	s.declare(name, kind, shape)
	s.numbers(name, kind, shape, d)
	return name
}

// each is an operand [−1, C, shape…] with a gradient, different for each pattern.
func (s *single) each(kind program.Kind, d draw, shape ...int) string {
	return s.op(program.Gather, nil, s.operand("operand by pattern", kind, d, append([]int{program.TableRows}, shape...)), "rows")
}

// planes is an operand [−C, shape…] with a gradient.
func (s *single) planes(kind program.Kind, d draw, shape ...int) string {
	out := program.Shape{program.PerGroup(s.p.Group)}
	for _, n := range shape {
		out = append(out, program.Dim(n))
	}
	return s.reshape(s.each(kind, d, shape...), out)
}

// canvas is an operand [−1, shape…] with a gradient, different for each group.
func (s *single) canvas(kind program.Kind, d draw, shape ...int) string {
	out := program.Shape{program.PerGroup(1)}
	for _, n := range shape {
		out = append(out, program.Dim(n))
	}
	table := s.operand("operand by group", kind, d, append([]int{program.TableRows}, shape...))
	return s.reshape(s.op(program.Gather, nil, table, "one"), out)
}

func (s *single) reshape(v string, shape program.Shape) string {
	return s.add(program.Op{Kind: program.Reshape, In: []string{v}, Shape: shape})
}

func (s *single) op(kind program.OpKind, attrs map[string]float64, in ...string) string {
	return s.add(program.Op{Kind: kind, In: in, Attrs: attrs})
}

func (s *single) add(op program.Op) string {
	op.Out = s.name(string(op.Kind))
	s.p.Ops = append(s.p.Ops, op)
	one := program.Program{N: s.p.N, Group: s.p.Group, Ops: []program.Op{op}} // all of s.p would take quadratic time
	for _, name := range slices.Compact(slices.Sorted(slices.Values(op.In))) {
		one.Inputs = append(one.Inputs, program.Input{Name: name, Type: s.types[name]})
	}
	t, err := one.Types()
	if err != nil {
		panic(fmt.Sprintf("conformance: example of %s: %v", s.kind, err)) // a mistake in the suite, whatever the backend
	}
	s.types[op.Out] = t[op.Out]
	return op.Out
}

// apply adds the operation itself, and the losses that depend on each element of its result.
func (s *single) apply(attrs map[string]float64, in ...string) {
	s.show(s.op(s.kind, attrs, in...))
}

func (s *single) show(v string) {
	s.shown = append(s.shown, v)
	s.lose(v)
}

// lose reduces a value to one number per pattern.
func (s *single) lose(v string) {
	t := s.types[v]
	if t.Kind == program.Complex {
		s.lose(s.op(program.RealPart, nil, v))
		s.lose(s.op(program.ImagPart, nil, v))
		return
	}
	if len(t.Shape) == 2 && t.Shape[0] == program.PerGroup(1) && int(t.Shape[1]) == s.p.Group {
		s.p.Scalars = append(s.p.Scalars, program.Scalar{Name: s.name("loss"), Value: v, Loss: true})
		return
	}
	if len(t.Shape) == 0 || t.Shape[0] > 0 { // the same for all patterns
		v = s.op(program.Gather, nil, s.reshape(v, append(program.Shape{1}, t.Shape...)), "first")
		t = s.types[v]
	}
	size := program.Count(t.Shape.At(1))
	v = s.reshape(v, program.Shape{program.PerGroup(1), program.Dim(size)})
	s.lose(s.op(program.Dense, nil, v, s.buffer(s.p.Group, size), s.buffer(s.p.Group)))
}

// work returns the program with its numbers.
func (s *single) work() *work {
	w := &work{program: s.p, groups: s.groups, given: s.given}
	for i, r := range s.rng.Perm(s.groups*s.p.Group + 1)[:s.groups*s.p.Group] {
		w.order = append(w.order, int32(r))
		w.weights = append(w.weights, 0.5+0.25*float32((i*3)%4))
	}
	return w
}
