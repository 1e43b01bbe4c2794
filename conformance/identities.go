package conformance

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// part returns some groups of the batch.
func (w *work) part(groups ...int) backend.Batch {
	var b backend.Batch
	whole, c := w.batch(), w.program.Group
	for _, g := range groups {
		b.Rows = append(b.Rows, whole.Rows[g*c:(g+1)*c]...)
		if whole.Offsets != nil {
			b.Offsets = append(b.Offsets, whole.Offsets[2*g*c:2*(g+1)*c]...)
		}
		b.Weights = append(b.Weights, whole.Weights[g*c:(g+1)*c]...)
	}
	for name := range whole.Extra {
		v := w.given[name]
		size := len(complexes(v)) / w.groups
		one := &reference.Value{Kind: v.Kind, Shape: append([]int{v.Shape[0] / w.groups * len(groups)}, v.Shape[1:]...)}
		for _, g := range groups {
			switch v.Kind {
			case program.Real:
				one.Real = append(one.Real, v.Real[g*size:(g+1)*size]...)
			case program.Complex:
				one.Complex = append(one.Complex, v.Complex[g*size:(g+1)*size]...)
			default:
				one.Index = append(one.Index, v.Index[g*size:(g+1)*size]...)
			}
		}
		if b.Extra == nil {
			b.Extra = map[string]tensor.Tensor{}
		}
		b.Extra[name] = one.Tensor()
	}
	return b
}

// brighter returns the work with other counts in the same places.
func (w *work) brighter() *work {
	out := *w
	out.given = maps.Clone(w.given)
	counts := out.given[program.Counts]
	more := reference.NewValue(counts.Kind, counts.Shape)
	for i, v := range counts.Real {
		more.Real[i] = 2*v + float64(i%3)
	}
	out.given[program.Counts] = more
	return &out
}

// carrying returns the batch of the work with an input that it carries itself.
func (w *work) carrying(input string) backend.Batch {
	b := w.batch()
	if b.Extra == nil {
		b.Extra = map[string]tensor.Tensor{}
	}
	b.Extra[input] = w.given[input].Tensor()
	return b
}

// scalars returns the results of an evaluation.
func scalars(s *subject, session backend.Session, id backend.DatasetID, batches ...backend.Batch) ([]backend.EvalResult, error) {
	var out []backend.EvalResult
	err := session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: batches}, collect(&out))
	if err == nil && len(out) != len(batches) {
		err = fmt.Errorf("%d results for %d batches", len(out), len(batches))
	}
	return out, err
}

// eachPattern returns the scalars of every pattern of a batch: the sums of batches in which only that pattern has a weight.
func eachPattern(s *subject, session backend.Session, id backend.DatasetID, b backend.Batch) (map[string][]float64, error) {
	batches := make([]backend.Batch, len(b.Rows))
	for i := range batches {
		batches[i] = b
		batches[i].Weights = make([]float32, len(b.Rows))
		batches[i].Weights[i] = 1
	}
	results, err := scalars(s, session, id, batches...)
	out := map[string][]float64{}
	for _, r := range results {
		for name, sum := range r.Scalars {
			out[name] = append(out[name], sum.Sum)
		}
	}
	return out, err
}

func lossIsAMean(s *subject) error {
	return with(func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
		r, err := scalars(s, session, ref.Dataset, w.batch(), w.part(0), w.part(1))
		if err != nil {
			return err
		}
		for name, whole := range r[0].Scalars {
			a, b := r[1].Scalars[name], r[2].Scalars[name]
			if err := s.near(Identity, "the mean of "+name, whole.Mean(), (a.Sum+b.Sum)/(a.Count+b.Count)); err != nil {
				return err
			}
		}
		return nil
	})(s)
}

func order(s *subject) error {
	return with(func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
		ordered, err := eachPattern(s, session, ref.Dataset, w.part(0, 1))
		if err != nil {
			return err
		}
		other, err := eachPattern(s, session, ref.Dataset, w.part(1, 0))
		if err != nil {
			return err
		}
		c := w.program.Group
		for name, v := range ordered {
			turned := other[name]
			for i := range v {
				if err := s.near(Identity, fmt.Sprintf("%s of pattern %d", name, i), turned[(i+c)%len(v)], v[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})(s)
}

func evaluate(s *subject) error {
	return with(func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
		want, err := w.truth(ref)
		if err != nil {
			return err
		}
		r, err := scalars(s, session, ref.Dataset, w.batch(), w.part(1))
		if err != nil {
			return err
		}
		each, err := eachPattern(s, session, ref.Dataset, w.batch())
		if err != nil {
			return err
		}
		for _, sc := range w.program.Scalars {
			v := want.values[sc.Value]
			got := each[sc.Name]
			if err := s.compare(NetworkValue, sc.Name+" of each pattern", tensor.Must(got, len(got)), &reference.Value{Kind: program.Real, Shape: []int{len(v.Real)}, Real: v.Real}, 0); err != nil {
				return err
			}
			var sum, count, one float64
			for i, x := range v.Real {
				sum, count = sum+float64(w.weights[i])*x, count+float64(w.weights[i])
				if i >= w.program.Group {
					one += float64(w.weights[i]) * x
				}
			}
			total := r[0].Scalars[sc.Name]
			if err := s.near(NetworkValue, "the sum of "+sc.Name, total.Sum, sum); err != nil {
				return err
			}
			if math.Abs(total.Count-count) > 1e-6*count {
				return fmt.Errorf("the weights of %s add up to %g, want %g", sc.Name, total.Count, count)
			}
			if err := s.near(NetworkValue, "the sum of "+sc.Name+" over the second group", r[1].Scalars[sc.Name].Sum, one); err != nil {
				return err
			}
		}
		return nil
	})(s)
}

func reconstruct(s *subject) error {
	return with(func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
		want, err := w.truth(ref)
		if err != nil {
			return err
		}
		patches := want.values[program.Patches]
		c, n := w.program.Group, patches.Shape[len(patches.Shape)-1]
		var got []backend.Patches
		p := backend.ReconPlan{Dataset: ref.Dataset, Batches: []backend.Batch{w.part(0), w.part(1)}}
		if err := session.Reconstruct(s.ctx, p, collect(&got)); err != nil {
			return err
		}
		if len(got) != 2 {
			return fmt.Errorf("%d results for 2 batches", len(got))
		}
		for i, r := range got {
			if r.Batch != i {
				return fmt.Errorf("result %d is for batch %d", i, r.Batch)
			}
			v := &reference.Value{Kind: program.Complex, Shape: []int{c, n, n}, Complex: patches.Complex[i*c*n*n:][:c*n*n]}
			if err := s.compare(NetworkValue, fmt.Sprintf("the patches of batch %d", i), r.Data, v, 0); err != nil {
				return err
			}
		}
		return nil
	})(s)
}

// extra evaluates a batch that carries its own counts between two that use those of the dataset.
func extra(s *subject) error {
	return with(func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
		return s.sums(session, ref, []*work{w, w.brighter(), w}, w.batch(), w.brighter().carrying(program.Counts), w.batch())
	})(s)
}

// indexed binds the counts as a table in another order than the patterns, with the row of each pattern.
func indexed(s *subject) error {
	return with(func(s *subject, session backend.Session, ref backend.BatchRef, w *work) error {
		d := w.dataset()
		a := &d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })]
		table := make([]byte, 0, len(a.Value.Bytes()))
		size := len(a.Value.Bytes()) / d.Patterns
		a.Gather, a.Index = backend.Indexed, make([]int32, d.Patterns)
		for row := range d.Patterns {
			pattern := d.Patterns - 1 - row
			table = append(table, a.Value.Bytes()[pattern*size:][:size]...)
			a.Index[pattern] = int32(row)
		}
		var err error
		if a.Value, err = tensor.FromBytes(a.Value.DType(), table, a.Value.Shape()...); err != nil {
			return err
		}
		if ref.Dataset, err = session.Bind(s.ctx, d); err != nil {
			return err
		}
		return s.sums(session, ref, []*work{w}, w.batch())
	})(s)
}

// sums evaluates batches and compares the sums of the scalars with those of each batch's work.
func (s *subject) sums(session backend.Session, ref backend.BatchRef, works []*work, batches ...backend.Batch) error {
	r, err := scalars(s, session, ref.Dataset, batches...)
	if err != nil {
		return err
	}
	for i, w := range works {
		want, err := w.truth(ref)
		if err != nil {
			return err
		}
		for _, sc := range w.program.Scalars {
			sum := 0.0
			for j, x := range want.values[sc.Value].Real {
				sum += float64(w.weights[j]) * x
			}
			if err := s.near(NetworkValue, fmt.Sprintf("the sum of %s of batch %d", sc.Name, i), r[i].Scalars[sc.Name].Sum, sum); err != nil {
				return err
			}
		}
	}
	return nil
}
