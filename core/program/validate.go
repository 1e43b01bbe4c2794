package program

import (
	"fmt"
	"math"
	"slices"
)

// Error describes where a program is invalid.
type Error struct {
	Program string
	Op      int    // index into Ops, −1 when it is not about an operation
	Name    string // the value, parameter or input
	What    string
}

func (e *Error) Error() string {
	if e.Op < 0 {
		return fmt.Sprintf("program %s: %s: %s", e.Program, e.Name, e.What)
	}
	return fmt.Sprintf("program %s: operation %d (%s): %s", e.Program, e.Op, e.Name, e.What)
}

// maxOps limits the work that a hostile program can cause in a compiler; the largest architecture has under 200 operations.
const maxOps = 10_000

// Types validates the program and returns the type of every value by name: inputs, parameters, buffers and results of
// operations. Operations must come after those whose results they read. Its errors are *Error.
func (p *Program) Types() (map[string]Type, error) {
	if len(p.Ops) > maxOps {
		return nil, p.errorf(-1, "operations", "%d, at most %d", len(p.Ops), maxOps)
	}
	if p.N < 2 || p.Group < 1 {
		return nil, p.errorf(-1, "geometry", "pattern side %d and group of %d, want at least 2 and 1", p.N, p.Group)
	}
	types := scope{}
	if err := p.declare(types); err != nil {
		return nil, err
	}
	for i, op := range p.Ops {
		t, err := op.infer(types)
		if err == nil {
			err = types.define(op.Out, t)
		}
		if err != nil {
			return nil, p.errorf(i, op.Out, "%s: %v", op.Kind, err)
		}
	}
	for _, s := range p.Scalars {
		t, ok := types[s.Value]
		if want := (Type{Real, Shape{PerGroup(1), Dim(p.Group)}}); !ok || !equal(t, want) {
			return nil, p.errorf(-1, s.Name, "reads %s of type %v, want %v", s.Value, t, want)
		}
	}
	for _, o := range p.Outputs {
		if _, ok := types[o.Value]; !ok {
			return nil, p.errorf(-1, o.Name, "reads %s, which is not defined", o.Value)
		}
	}
	return types, nil
}

// errorf returns an error about a name that operation op defines; op is −1 for other names.
func (p *Program) errorf(op int, name, format string, args ...any) error {
	return &Error{p.Name, op, name, fmt.Sprintf(format, args...)}
}

// scope holds the types of the values that are defined so far.
type scope map[string]Type

func (types scope) define(name string, t Type) error {
	if name == "" {
		return fmt.Errorf("the name is empty")
	}
	if _, ok := types[name]; ok {
		return fmt.Errorf("is defined twice")
	}
	if err := checkShape(t.Shape); err != nil {
		return err
	}
	types[name] = t
	return nil
}

// declare defines the inputs, parameters and buffers.
func (p *Program) declare(types scope) error {
	for _, in := range p.Inputs {
		if !slices.Contains([]Kind{Real, Complex, Index}, in.Type.Kind) {
			return p.errorf(-1, in.Name, "unknown kind %q", in.Type.Kind)
		}
		if err := types.define(in.Name, in.Type); err != nil {
			return p.errorf(-1, in.Name, "%v", err)
		}
	}
	array := func(name string, k Kind, shape []int) error {
		t, err := fixed(k, shape)
		if err == nil {
			err = types.define(name, t)
		}
		if err != nil {
			return p.errorf(-1, name, "%v", err)
		}
		return nil
	}
	for _, q := range p.Params {
		if q.Kind != Real && q.Kind != Complex {
			return p.errorf(-1, q.Name, "unknown kind %q", q.Kind)
		}
		if !slices.Contains([]InitKind{Constant, HeNormal, GlorotUniform, KaimingUniform}, q.Init.Kind) {
			return p.errorf(-1, q.Name, "unknown initialisation %q", q.Init.Kind)
		}
		if err := array(q.Name, q.Kind, q.Shape); err != nil {
			return err
		}
	}
	for _, b := range p.Buffers {
		if err := array(b.Name, b.Kind, b.Shape); err != nil {
			return err
		}
	}
	return nil
}

func fixed(k Kind, shape []int) (Type, error) {
	s := make(Shape, len(shape))
	for i, d := range shape {
		if d < 1 {
			return Type{}, fmt.Errorf("shape %v has an extent below 1", shape)
		}
		s[i] = Dim(d)
	}
	return Type{k, s}, nil
}

func (o Op) infer(types map[string]Type) (Type, error) {
	sp, ok := table[o.Kind]
	if !ok {
		return Type{}, fmt.Errorf("unknown operation")
	}
	if sp.arity >= 0 && len(o.In) != sp.arity || len(o.In) == 0 {
		return Type{}, fmt.Errorf("reads %d values, want %d", len(o.In), max(sp.arity, 1))
	}
	in := make([]Type, len(o.In))
	for i, name := range o.In {
		if in[i], ok = types[name]; !ok {
			return Type{}, fmt.Errorf("reads %s, which is not defined before it", name)
		}
	}
	for name, v := range o.Attrs {
		i := slices.IndexFunc(attributes[o.Kind], func(a AttrSpec) bool { return a.Name == name })
		if i < 0 {
			return Type{}, fmt.Errorf("unknown attribute %s", name)
		}
		if a := attributes[o.Kind][i]; math.IsNaN(v) || v < a.Min || v > a.Max || a.Integer && v != math.Trunc(v) {
			return Type{}, fmt.Errorf("attribute %s is %v, want %v … %v", name, v, a.Min, a.Max)
		}
	}
	if o.Kind != Reshape && len(o.Shape) > 0 {
		return Type{}, fmt.Errorf("only reshape has a shape")
	}
	return sp.infer(o, in)
}
