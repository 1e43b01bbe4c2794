package conformance

import (
	"fmt"
	"math"

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
		b.Offsets = append(b.Offsets, whole.Offsets[2*g*c:2*(g+1)*c]...)
		b.Weights = append(b.Weights, whole.Weights[g*c:(g+1)*c]...)
	}
	return b
}

// scalars returns the results of an evaluation with the scalars of every pattern.
func scalars(s *subject, session backend.Session, id backend.DatasetID, batches ...backend.Batch) ([]backend.EvalResult, error) {
	var out []backend.EvalResult
	err := session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: batches, PerPattern: true}, collect(&out))
	if err == nil && len(out) != len(batches) {
		err = fmt.Errorf("%d results for %d batches", len(out), len(batches))
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
		r, err := scalars(s, session, ref.Dataset, w.part(0, 1), w.part(1, 0))
		if err != nil {
			return err
		}
		c := w.program.Group
		for name, v := range r[0].PerPattern {
			turned := r[1].PerPattern[name]
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
		for _, sc := range w.program.Scalars {
			v := want.values[sc.Value]
			got := r[0].PerPattern[sc.Name]
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
		n := patches.Shape[len(patches.Shape)-1]
		for _, crop := range []int{0, 10, 7} {
			var got []backend.Patches
			p := backend.ReconPlan{Dataset: ref.Dataset, Batches: []backend.Batch{w.part(0), w.part(1)}, Crop: crop}
			if err := session.Reconstruct(s.ctx, p, collect(&got)); err != nil {
				return err
			}
			if len(got) != 2 {
				return fmt.Errorf("%d results for 2 batches", len(got))
			}
			size := crop
			if crop == 0 {
				size = n
			}
			for i, r := range got {
				if r.Batch != i {
					return fmt.Errorf("result %d is for batch %d", i, r.Batch)
				}
				c := w.program.Group
				v := reference.NewValue(program.Complex, []int{c, size, size})
				for j := range v.Complex {
					at := position(j, v.Shape)
					// The centre of n pixels is n/2, before and after cropping.
					y, x := at[1]+n/2-size/2, at[2]+n/2-size/2
					v.Complex[j] = patches.Complex[((i*c+at[0])*n+y)*n+x]
				}
				if err := s.compare(NetworkValue, fmt.Sprintf("the patches of batch %d, crop %d", i, crop), r.Data, v, 0); err != nil {
					return err
				}
			}
		}
		return nil
	})(s)
}
