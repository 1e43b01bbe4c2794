package conformance

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// caches has the cases that change one thing between calls, which detects results of an earlier call.
var caches = []Case{
	{Computes, "again/batch-size", "batches of different sizes may follow each other in any order", withOracle(func(s *subject, theirs, mine runner, w *work) error {
		for _, groups := range [][]int{{0}, {0, 1, 2}, {1}, {2, 1}, {0, 1, 2}, {2}} {
			if err := s.evaluated(fmt.Sprintf("groups %v", groups), theirs, mine, false, w.part(groups...)); err != nil {
				return err
			}
		}
		return s.evaluated("all in one call", theirs, mine, false, w.part(0), w.part(0, 1, 2), w.part(1), w.part(2, 1), w.batch())
	})},
	{Computes, "again/dataset", "plans use the dataset that they name: other counts, another number of patterns, another probe, both in turn", withOracle(otherDataset)},
	{Computes, "again/extra", "an input that a batch carries is gone in the next batch: the probe, the mask, the counts", withOracle(otherInputs)},
	{Learns, "again/losses", "the losses and their weights may change from plan to plan", withOracle(func(s *subject, theirs, mine runner, _ *work) error {
		for i, weights := range []map[string]float64{{"poisson": 1}, {"amplitude": 1}, {"poisson": 2}, {"poisson": 1, "amplitude": 3}, {"amplitude": 1, "mean": 0.5}, {"poisson": 1}} {
			p := plan(theirs.ref, adam, 1e-3, 1)
			p.LossWeights, p.Steps[0].Number = weights, int64(i+1)
			if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
				return fmt.Errorf("losses %v: %w", weights, err)
			}
		}
		return nil
	}, backend.CanTrain)},
	{Learns, "again/optimiser", "the update rule, its constants and the clipping may change from plan to plan", withOracle(func(s *subject, theirs, mine runner, _ *work) error {
		for i, o := range append(slices.Clone(optimisers), optimisers...) {
			p := plan(theirs.ref, o.rule, o.rate, 1)
			p.Steps[0].Number = int64(i + 1)
			if i%3 == 1 {
				p.Clip = backend.Clip{Kind: backend.ClipNorm, Limit: 0.1}
			}
			if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
				return fmt.Errorf("%s in plan %d: %w", o.name, i+1, err)
			}
		}
		return nil
	}, backend.CanTrain)},
	{Learns, "again/weights-in-use", "Evaluate, Reconstruct and Inspector use the weights after the last step", withOracle(func(s *subject, theirs, mine runner, w *work) error {
		for i := range 3 {
			p := plan(theirs.ref, adam, 1e-2, 1)
			p.Steps[0].Number = int64(i + 1)
			if err := s.follow(theirs, mine, p, AdaptiveWeights); err != nil {
				return err
			}
			if err := s.evaluated(fmt.Sprintf("after step %d", i+1), theirs, mine, false, w.batch()); err != nil {
				return err
			}
			if err := s.reconstructed(fmt.Sprintf("after step %d", i+1), theirs, mine, false, w.part(1), w.batch()); err != nil {
				return err
			}
		}
		return nil
	}, backend.CanTrain)},
	{Learns, "again/sessions", "two sessions at once, of two programs or of the same, do not affect each other", twoSessions},
	{Reproduces, "bits/operations", "values and gradients of large operations do not depend on the number of threads: 1, 2, 3, 7", manyThreads},
	{Reproduces, "bits/threads-odd", "three patterns of 64×64 and steps of Adam give the same bits with 1, 3 and 7 threads", oddThreads},
}

// other returns the work with other counts and another probe, in another order, with more patterns.
func (w *work) other() *work {
	out := w.brighter()
	p := w.given[program.Probe]
	probe := reference.NewValue(p.Kind, p.Shape)
	for i, z := range p.Complex {
		probe.Complex[i] = z*complex(0.5, 0.25) + complex(0.125*float64(i%5), 0)
	}
	out.given[program.Probe] = probe
	out.order = slices.Clone(w.order)
	slices.Reverse(out.order)
	return out
}

func otherDataset(s *subject, theirs, mine runner, w *work) error {
	second := w.other()
	a, b := theirs, mine
	for r, one := range map[*runner]runner{&a: theirs, &b: mine} {
		id, err := one.session.Bind(s.ctx, second.dataset())
		if err != nil {
			return fmt.Errorf("bind a second dataset: %w", err)
		}
		if id == one.ref.Dataset {
			return fmt.Errorf("two datasets have the same name %q", id)
		}
		r.ref = one.ref
		r.ref.Dataset = id
	}
	for i := range 2 {
		if err := s.sums(theirs.session, theirs.ref, []*work{w}, w.batch()); err != nil {
			return fmt.Errorf("the first dataset, time %d: %w", i+1, err)
		}
		if err := s.sums(a.session, a.ref, []*work{second}, second.batch()); err != nil {
			return fmt.Errorf("the second dataset, time %d: %w", i+1, err)
		}
		if err := s.evaluated(fmt.Sprintf("the first dataset, time %d", i+1), theirs, mine, false, w.batch(), w.part(1)); err != nil {
			return err
		}
		if err := s.evaluated(fmt.Sprintf("the second dataset, time %d", i+1), a, b, false, second.batch(), second.part(2, 0)); err != nil {
			return err
		}
		if err := s.reconstructed(fmt.Sprintf("the first dataset, time %d", i+1), theirs, mine, false, w.batch()); err != nil {
			return err
		}
		if err := s.reconstructed(fmt.Sprintf("the second dataset, time %d", i+1), a, b, false, second.batch()); err != nil {
			return err
		}
	}
	return nil
}

// using returns the work with some inputs of another one.
func (w *work) using(other *work, names ...string) *work {
	out := *w
	out.given = maps.Clone(w.given)
	for _, name := range names {
		out.given[name] = other.given[name]
	}
	return &out
}

// carryingAll returns the batch of the work with the inputs that it carries itself.
func (w *work) carryingAll(names ...string) backend.Batch {
	b := w.batch()
	for _, name := range names {
		b.Extra[name] = w.given[name].Tensor()
	}
	return b
}

// otherInputs compares with core/reference directly: the oracle gathers as many backends do.
func otherInputs(s *subject, theirs, mine runner, w *work) error {
	second := w.other()
	mask := reference.NewValue(program.Real, []int{8, 8})
	for i := range 32 {
		mask.Real[i] = float64(i%4) / 2
	}
	second.given[program.Mask] = mask
	moved := *w
	moved.given = maps.Clone(w.given)
	offsets := reference.NewValue(program.Real, w.given[program.Offsets].Shape)
	for i, x := range w.given[program.Offsets].Real {
		offsets.Real[i] = x + 0.25*float64(i%3)
	}
	moved.given[program.Offsets] = offsets
	works := []*work{w}
	batches := []backend.Batch{w.batch()}
	for _, names := range [][]string{{program.Probe}, {}, {program.Mask}, {program.Counts}, {}, {program.Counts, program.Probe}} {
		one := w.using(second, names...)
		works, batches = append(works, one), append(batches, one.carryingAll(names...))
	}
	works, batches = append(works, &moved, w), append(batches, moved.batch(), w.batch())
	if err := s.sums(theirs.session, theirs.ref, works, batches...); err != nil {
		return fmt.Errorf("in one call: %w", err)
	}
	for i, one := range works {
		if err := s.sums(theirs.session, theirs.ref, []*work{one}, batches[i]); err != nil {
			return fmt.Errorf("call %d: %w", i+1, err)
		}
	}
	return s.evaluated("after batches with their own inputs", theirs, mine, false, w.part(1), w.batch())
}

// twoSessions opens the ledger twice and the small network, and makes their steps in turn.
func twoSessions(s *subject) error {
	if err := s.need(backend.CanTrain); err != nil {
		return err
	}
	var works []*work
	for i := range 2 {
		w, err := ledger(2 + i)
		if err != nil {
			return err
		}
		works = append(works, w)
	}
	works[1].given = maps.Clone(works[1].given)
	works[1].given["gain"] = works[1].given["frozen"] // other weights of the same program
	net, err := small()
	if err != nil {
		return err
	}
	works = append(works, net)
	var all [][2]runner
	for _, w := range works {
		theirs, mine, err := s.openBoth(w)
		if err != nil {
			return err
		}
		all = append(all, [2]runner{theirs, mine})
	}
	for round := range 2 {
		for i, r := range all {
			p := plan(r[0].ref, adam, 1e-3, 1)
			p.Steps[0].Number = int64(round + 1)
			if err := s.follow(r[0], r[1], p, AdaptiveWeights); err != nil {
				return fmt.Errorf("session %d, step %d: %w", i+1, round+1, err)
			}
			if err := s.evaluated(fmt.Sprintf("session %d", i+1), r[0], r[1], false, works[i].part(1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// manyThreads compares the bits of all large examples of operations.
func manyThreads(s *subject) error {
	if err := s.need(backend.CanInspect); err != nil {
		return err
	}
	for _, k := range s.info.Operations {
		all := examples(k)
		e := all[len(all)-1]
		w := e.work()
		var first map[string]tensor.Tensor
		for _, threads := range []int{1, 2, 3, 7} {
			got, err := s.everything(e, w, threads)
			if err != nil {
				return fmt.Errorf("%s with %d threads: %w", k, threads, err)
			}
			if first == nil {
				first = got
				continue
			}
			for name, t := range first {
				if !slices.Equal(t.Bytes(), got[name].Bytes()) {
					return fmt.Errorf("%s: the bits of %q differ between 1 and %d threads", k, name, threads)
				}
			}
		}
	}
	return nil
}

// everything returns the results of the operation and all gradients.
func (s *subject) everything(e *single, w *work, threads int) (map[string]tensor.Tensor, error) {
	session, ref, err := s.open(w, threads)
	if err != nil {
		return nil, err
	}
	defer func() {
		s.sessions = slices.DeleteFunc(s.sessions, func(o backend.Session) bool { return o == session })
		session.Close() //nolint:errcheck // its results are received
	}()
	look, err := inspector(session)
	if err != nil {
		return nil, err
	}
	out, err := look.Forward(s.ctx, ref, e.shown...)
	if err != nil {
		return nil, err
	}
	_, grads, err := look.Gradient(s.ctx, ref)
	if err != nil && s.withoutGradients(err) {
		return out, nil
	}
	maps.Copy(out, grads)
	return out, err
}

func oddThreads(s *subject) error {
	p, err := arch.Build(arch.Config{N: 64, BaseWidth: 4, FiltersScale: 1, Gridsize: 1})
	if err != nil {
		return err
	}
	w, err := newWork(p, 3, 7, 1)
	if err != nil {
		return err
	}
	var ask []func(*backend.OpenOptions)
	for _, n := range []int{1, 3, 7} {
		ask = append(ask, func(o *backend.OpenOptions) { o.Threads = n })
	}
	return s.sameBitsOf(w, func(r runner, _ *work) error {
		return r.session.Step(s.ctx, plan(r.ref, adam, 1e-3, 2), collect[backend.StepResult](nil))
	}, ask...)
}
