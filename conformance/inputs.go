package conformance

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// inputs has the cases about what reaches a program. Their program computes hardly anything, so that they find a mistake in the feed
// before the operations are compared.
var inputs = []Case{
	{Computes, "inputs/values", "each input reaches the program as it was bound or carried: by pattern, by index, whole, complex, from a batch, from a file", arrives},
	{Computes, "inputs/sums", "a scalar's sum has each pattern's value times its weight, and its count the weights, also without weights and with 0", sumsArrive},
}

// early matches the cases that need no operation, or hardly any. They run first, then the operations alone, then all others by level, so
// that the first case that fails is the simplest one.
var early = regexp.MustCompile(`^(info|devices|params|refuses/(device|program|state|state-kept|operation|binding|array)|state/(round-trip|every-slot|own-copy)|inputs/.*)$`)

// simplestFirst orders the cases for a run of all levels.
func simplestFirst(cases []Case) {
	rank := func(c Case) int {
		switch {
		case early.MatchString(c.Name):
			return 0
		case len(c.Name) > len(alone) && c.Name[:len(alone)] == alone:
			return 1
		default:
			return 2
		}
	}
	slices.SortStableFunc(cases, func(a, b Case) int { return rank(a) - rank(b) })
}

// passing returns a work whose program only reshapes its inputs, and has a mean for a scalar.
func passing() *work {
	const groups, group, n = 3, 2, 8
	p := &program.Program{Name: "inputs", N: n, Group: group}
	w := &work{program: p, groups: groups, given: map[string]*reference.Value{}, order: []int32{4, 1, 6, 0, 3, 5}, weights: []float32{0.5, 1.25, 2, 0.75, 1, 1.5}}
	put := func(name string, kind program.Kind, shape ...program.Dim) {
		v := reference.NewValue(kind, program.Shape(shape).At(groups))
		for i := range v.Real {
			v.Real[i] = float64((i*37+len(p.Inputs)*11)%251) / 4
		}
		for i := range v.Complex {
			v.Complex[i] = complex(float64((i*29+5)%127)/8, float64((i*31)%113)/8-4)
		}
		p.Inputs = append(p.Inputs, program.Input{Name: name, Type: program.Type{Kind: kind, Shape: shape}})
		w.given[name] = v
	}
	put(program.Counts, program.Real, -1, group, n, n)
	put(program.Offsets, program.Real, -1, group, 2)
	put(program.Probe, program.Complex, 1, n, n)
	put(program.Mask, program.Real, n, n)
	put("phases", program.Complex, -1, group, 3)
	put("levels", program.Real, -1, 5)
	for _, in := range p.Inputs {
		shape := program.Shape{program.Dim(program.Count(in.Type.Shape.At(1)))}
		if in.Type.Shape[0] < 0 {
			shape = append(program.Shape{-1}, shape...)
		}
		p.Ops = append(p.Ops, program.Op{Kind: program.Reshape, Out: in.Name + " as read", In: []string{in.Name}, Shape: shape})
	}
	p.Params = []program.Param{{Name: "gain", Kind: program.Real, Shape: []int{}, Init: program.Init{Kind: program.Constant, Value: 1}, Trainable: true}}
	w.given["gain"] = &reference.Value{Kind: program.Real, Shape: []int{}, Real: []float64{1}}
	p.Ops = append(p.Ops, program.Op{Kind: program.Mul, Out: "gained", In: []string{program.Counts, "gain"}}, program.Op{Kind: program.MeanPixels, Out: "mean", In: []string{"gained"}})
	p.Scalars = []program.Scalar{{Name: "mean", Value: "mean", Loss: true}}
	p.Outputs = []program.Output{{Name: "gained", Value: "gained"}}
	return w
}

// arrived compares what the program read in a batch with the numbers of its work.
func (s *subject) arrived(what string, look backend.Inspector, ref backend.BatchRef, w *work) error {
	var taps []string
	for _, in := range w.program.Inputs {
		taps = append(taps, in.Name+" as read")
	}
	got, err := look.Forward(s.ctx, ref, taps...)
	if err != nil {
		return fmt.Errorf("%s: forward: %w", what, err)
	}
	types, err := w.program.Types()
	if err != nil {
		return err
	}
	for _, in := range w.program.Inputs {
		name := in.Name + " as read"
		want := *w.given[in.Name]
		want.Shape = types[name].Shape.At(len(ref.Batch.Rows) / w.program.Group)
		if err := same(fmt.Sprintf("%s: the input %s", what, in.Name), got[name], &want); err != nil {
			return err
		}
	}
	return nil
}

func arrives(s *subject) error {
	if err := s.need(backend.CanInspect); err != nil {
		return err
	}
	w := passing()
	session, ref, err := s.open(w, 1)
	if err != nil {
		return err
	}
	look, err := inspector(session)
	if err != nil {
		return err
	}
	if err := s.arrived("a dataset by value", look, ref, w); err != nil {
		return err
	}
	ref.Batch.Weights = nil
	if err := s.arrived("a batch without weights", look, ref, w); err != nil {
		return err
	}
	other := w.moved()
	carried := ref
	carried.Batch = other.batch()
	for _, in := range w.program.Inputs {
		if in.Name != program.Offsets {
			carried.Batch.Extra[in.Name] = other.given[in.Name].Tensor()
		}
	}
	if err := s.arrived("a batch with all inputs", look, carried, other); err != nil {
		return err
	}
	if err := s.arrived("the batch after one with all inputs", look, ref, w); err != nil {
		return err
	}
	return s.arriveElsewhere(session, look, ref, w)
}

// moved returns the work with the numbers of each input in another order.
func (w *work) moved() *work {
	out := *w
	out.given = map[string]*reference.Value{}
	for name, v := range w.given {
		other := *v
		other.Real, other.Complex = slices.Clone(v.Real), slices.Clone(v.Complex)
		slices.Reverse(other.Real)
		slices.Reverse(other.Complex)
		out.given[name] = &other
	}
	return &out
}

// arriveElsewhere binds the counts as an indexed table and in a file.
func (s *subject) arriveElsewhere(session backend.Session, look backend.Inspector, ref backend.BatchRef, w *work) error {
	d := w.dataset()
	a := &d.Arrays[0]
	if a.Input != program.Counts {
		return fmt.Errorf("the first array of the suite's own dataset is %s", a.Input)
	}
	size := len(a.Value.Bytes()) / d.Patterns
	var table []byte
	a.Gather, a.Index = backend.Indexed, make([]int32, d.Patterns)
	for i := range d.Patterns {
		pattern := (i*3 + 2) % d.Patterns
		a.Index[pattern] = int32(i)
		table = append(table, a.Value.Bytes()[pattern*size:][:size]...)
	}
	var err error
	if a.Value, err = tensor.FromBytes(a.Value.DType(), table, a.Value.Shape()...); err != nil {
		return err
	}
	if ref.Dataset, err = session.Bind(s.ctx, d); err != nil {
		return fmt.Errorf("an indexed table: bind: %w", err)
	}
	if err := s.arrived("an indexed table", look, ref, w); err != nil {
		return err
	}
	in, file, err := w.datasetInFile()
	if err != nil {
		return err
	}
	defer file.Close()
	if ref.Dataset, err = session.Bind(s.ctx, in); err != nil {
		return fmt.Errorf("a dataset in a file: bind: %w", err)
	}
	return s.arrived("a dataset in a file", look, ref, w)
}

func sumsArrive(s *subject) error {
	w := passing()
	session, ref, err := s.open(w, 1)
	if err != nil {
		return err
	}
	batches := []backend.Batch{w.batch(), w.part(1), w.batch(), w.batch(), w.part(2, 0)}
	batches[2].Weights, batches[3].Weights = nil, []float32{0, 2, 0, 0, 0.5, 3}
	var got []backend.EvalResult
	if err := session.Evaluate(s.ctx, backend.EvalPlan{Dataset: ref.Dataset, Batches: batches}, collect(&got)); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	if len(got) != len(batches) {
		return fmt.Errorf("%d results for %d batches", len(got), len(batches))
	}
	counts, area := w.given[program.Counts].Real, w.program.N*w.program.N
	for i, b := range batches {
		want := backend.Sum{}
		for j, row := range b.Rows {
			weight, mean := 1.0, 0.0
			if b.Weights != nil {
				weight = float64(b.Weights[j])
			}
			for _, x := range counts[slices.Index(w.order, row)*area:][:area] {
				mean += x / float64(area)
			}
			want.Sum, want.Count = want.Sum+weight*mean, want.Count+weight
		}
		if err := s.sameSums(fmt.Sprintf("batch %d of %d patterns", i, len(b.Rows)), got[i].Scalars, map[string]backend.Sum{"mean": want}, OperationValue); err != nil {
			return err
		}
	}
	return nil
}
