package conformance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// sessionsAtOnce makes the same calls in sessions of two programs, first one after the other, then at the same time.
func sessionsAtOnce(s *subject) error {
	first, err := ledger(2)
	if err != nil {
		return err
	}
	second, err := ledger(3)
	if err != nil {
		return err
	}
	net, err := small()
	if err != nil {
		return err
	}
	works := []*work{first, second, net}
	alone := make([][]byte, len(works))
	for i, w := range works {
		session, ref, err := s.open(w, 1)
		if err != nil {
			return err
		}
		if alone[i], err = s.patchesAfterSteps(runner{session, ref}, w); err != nil {
			return err
		}
	}
	type answer struct {
		i    int
		bits []byte
		err  error
	}
	answers := make(chan answer, len(works))
	for i, w := range works {
		session, ref, err := s.open(w, 1)
		if err != nil {
			return err
		}
		go func() {
			bits, err := s.patchesAfterSteps(runner{session, ref}, w)
			answers <- answer{i, bits, err}
		}()
	}
	for range works {
		a := <-answers
		if a.err != nil && err == nil {
			err = fmt.Errorf("%s, while two other sessions compute: %w", works[a.i].program.Name, a.err)
		}
		if a.err == nil && err == nil && !slices.Equal(a.bits, alone[a.i]) {
			err = fmt.Errorf("%s, after steps: the patches differ between a session that computes alone and one of three at the same time", works[a.i].program.Name)
		}
	}
	return err
}

// patchesAfterSteps makes some steps and returns the bits of patches.
func (s *subject) patchesAfterSteps(r runner, w *work) ([]byte, error) {
	if s.info.Has(backend.CanTrain) {
		if err := r.session.Step(s.ctx, plan(r.ref, adam, 1e-3, 4), collect[backend.StepResult](nil)); err != nil {
			return nil, err
		}
	}
	var bits []byte
	err := r.session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: r.ref.Dataset, Batches: w.many(12)}, func(p backend.Patches) error {
		bits = append(bits, p.Data.Bytes()...)
		return nil
	})
	return bits, err
}

// sessionClosed closes one of two sessions of the same program, whose last call was cancelled.
func sessionClosed(s *subject) error {
	w, err := ledger(3)
	if err != nil {
		return err
	}
	theirs, mine, err := s.openBoth(w)
	if err != nil {
		return err
	}
	other, ref, err := s.open(w, 1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	err = other.Reconstruct(ctx, backend.ReconPlan{Dataset: ref.Dataset, Batches: w.many(100)}, func(backend.Patches) error { cancel(); return nil })
	if err != nil && backend.KindOf(err) != backend.Cancelled {
		return err
	}
	s.sessions = slices.DeleteFunc(s.sessions, func(o backend.Session) bool { return o == other })
	if err := other.Close(); err != nil {
		return fmt.Errorf("close after a cancelled call: %w", err)
	}
	return s.goesOn("after another session was closed", theirs, mine, w)
}

// large has the cases with values above the size of a chunk (1 MiB) and of a message (16 MiB).
var large = []Case{
	{Operates, "large/values", "a dataset by value, the inputs of a batch and patches larger than a message arrive whole", largeValues},
	{Operates, "large/state", "a state with arrays larger than a message is returned as it was set", largeState},
	{Operates, "large/batch", "a batch of more rows, offsets and weights than fit in a chunk is computed", largeBatch},
	{Operates, "large/plan", "a plan of many steps with many micro-batches runs to its end, in order", withOracle(largePlan, backend.CanTrain)},
	{Operates, "chunks", "a program and the arrays of a state arrive whole that are as long as a chunk, or a byte or an element shorter or longer", aroundChunk},
}

// images returns a program whose patches are its counts times a gain, plus i times its counts.
func images(groups int) (*work, error) {
	p := &program.Program{Name: "images", N: 64, Group: 1}
	p.Inputs = []program.Input{{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1, 64, 64}}}}
	p.Params = []program.Param{
		{Name: "gain", Kind: program.Real, Shape: []int{64, 64}, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true},
		{Name: "table", Kind: program.Complex, Shape: []int{280, 64, 64}, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true},
		{Name: "odd", Kind: program.Real, Shape: []int{7}, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true},
	}
	p.Ops = []program.Op{
		{Kind: program.Mul, Out: "scaled", In: []string{program.Counts, "gain"}},
		{Kind: program.MakeComplex, Out: "image", In: []string{"scaled", program.Counts}},
		{Kind: program.MeanPixels, Out: "mean", In: []string{"scaled"}},
	}
	p.Scalars = []program.Scalar{{Name: "mean", Value: "mean", Loss: true}}
	p.Outputs = []program.Output{{Name: program.Patches, Value: "image"}}
	if groups > 1 { // the table is for states only
		p.Params = slices.Delete(p.Params, 1, 2)
	}
	w := &work{program: p, groups: groups, given: map[string]*reference.Value{}}
	rng := rand.New(rand.NewPCG(uint64(groups), 5))
	fill := func(name string, k program.Kind, shape ...int) {
		v := reference.NewValue(k, shape)
		for i := range v.Real {
			v.Real[i] = float64(rng.Float32())
		}
		for i := range v.Complex {
			v.Complex[i] = complex(float64(float32(rng.Float64())), float64(i%64))
		}
		w.given[name] = v
	}
	fill(program.Counts, program.Real, groups, 1, 64, 64)
	for _, q := range p.Params {
		fill(q.Name, q.Kind, q.Shape...)
	}
	for i := range groups {
		w.order, w.weights = append(w.order, int32(groups-i)), append(w.weights, 1)
	}
	return w, nil
}

// largeValues uses 550 patterns of 64×64: counts of 9 MB in float32 and 18 MB in float64, patches of 18 MB in complex64.
func largeValues(s *subject) error {
	const patterns = 550
	w, err := images(patterns)
	if err != nil {
		return err
	}
	session, ref, err := s.open(w, 1)
	if err != nil {
		return err
	}
	brighter := w.brighter()
	own := ref.Batch
	own.Extra = map[string]tensor.Tensor{program.Counts: brighter.given[program.Counts].Tensor()}
	for _, c := range []struct {
		what  string
		batch backend.Batch
		of    *work
	}{{"counts from the dataset", ref.Batch, w}, {"counts from the batch", own, brighter}} {
		var got []backend.Patches
		if err := session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: ref.Dataset, Batches: []backend.Batch{c.batch}}, collect(&got)); err != nil {
			return fmt.Errorf("patches with %s: %w", c.what, err)
		}
		if len(got) != 1 {
			return fmt.Errorf("patches with %s: %d results for 1 batch", c.what, len(got))
		}
		counts, gain := c.of.given[program.Counts].Real, w.given["gain"].Real
		want := reference.NewValue(program.Complex, []int{patterns, 64, 64})
		for i, k := range counts {
			want.Complex[i] = complex(k*gain[i%len(gain)], k)
		}
		if err := s.compare(NetworkValue, "patches with "+c.what, got[0].Data, want, 0); err != nil {
			return err
		}
	}
	return nil
}

func largeState(s *subject) error {
	w, err := images(1)
	if err != nil {
		return err
	}
	session, _, err := s.open(w, 1)
	if err != nil {
		return err
	}
	st := w.state()
	st.Step = 3
	if s.info.Has(backend.CanTrain) {
		st.Slots[backend.Moment1] = maps.Clone(st.Slots[backend.Weights])
		delete(st.Slots[backend.Moment1], "table")
	}
	if err := session.SetState(s.ctx, st); err != nil {
		return err
	}
	got, err := session.State(s.ctx)
	if err != nil {
		return err
	}
	return sameState("a state of more than a message", got, st)
}

// chunk is the size of the parts in which the bytes of an array are sent.
const chunk = 1 << 20

// aroundChunk opens programs whose text has about the length of a chunk, in bytes. Their parameters are in the order of their names: the first
// one fills what a message has besides chunks, so that each of the others has chunks of its own.
func aroundChunk(s *subject) error {
	for _, length := range []int{chunk - 1, chunk, chunk + 1} {
		w := passing()
		for i, n := range []int{chunk / 32, chunk/8 + length - chunk, chunk/4 + length - chunk, 3, 5} { // of 8 bytes, or of 4
			name, v := fmt.Sprintf("array %d", i), reference.NewValue(program.Real, []int{n})
			for j := range v.Real {
				v.Real[j] = float64(float32(j) + 0.25*float32(i))
			}
			w.program.Params = append(w.program.Params, program.Param{Name: name, Kind: v.Kind, Shape: v.Shape, Init: program.Init{Kind: program.KaimingUniform}})
			w.given[name] = v
		}
		w.given["note"] = &reference.Value{Kind: program.Real, Shape: []int{}, Real: []float64{1}}
		w.program.Buffers = []program.Buffer{{Name: "note", Kind: program.Real, Shape: []int{}, Doc: "-"}}
		text, err := w.program.Encode()
		if err != nil {
			return err
		}
		w.program.Buffers[0].Doc += strings.Repeat("-", length-len(text))
		what := fmt.Sprintf("a program of %d bytes and arrays of about a chunk", length)
		session, err := s.begin(w, func(*backend.OpenOptions) {})
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		got, err := session.State(s.ctx)
		if err != nil {
			return fmt.Errorf("%s: state: %w", what, err)
		}
		if err := sameState(what, got, w.state()); err != nil {
			return err
		}
	}
	return nil
}

// largeBatch uses tiny patterns, so that the batch itself is what is large: 1.1 MB of rows and of weights, 2.2 MB of offsets.
func largeBatch(s *subject) error {
	const patterns, rows = 50, 280_000
	p := &program.Program{Name: "grains", N: 2, Group: 1}
	p.Inputs = []program.Input{
		{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1, 2, 2}}},
		{Name: program.Offsets, Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1, 2}}},
	}
	p.Params = []program.Param{{Name: "gain", Kind: program.Real, Shape: []int{2, 2}, Init: program.Init{Kind: program.KaimingUniform}, Trainable: true}}
	p.Ops = []program.Op{
		{Kind: program.Mul, Out: "scaled", In: []string{program.Counts, "gain"}},
		{Kind: program.Translate, Out: "moved", In: []string{"scaled", program.Offsets}},
		{Kind: program.MeanPixels, Out: "mean", In: []string{"moved"}},
	}
	p.Scalars = []program.Scalar{{Name: "mean", Value: "mean", Loss: true}}
	w, err := newWork(p, patterns, 9, 1)
	if err != nil {
		return err
	}
	theirs, mine, err := s.openBoth(w)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 7))
	b := backend.Batch{}
	for range rows {
		b.Rows = append(b.Rows, int32(rng.IntN(patterns+1)))
		b.Offsets = append(b.Offsets, rng.Float32()-0.5, rng.Float32()-0.5)
		b.Weights = append(b.Weights, float32(rng.IntN(3))/2)
	}
	return s.evaluated(fmt.Sprintf("a batch of %d rows", rows), theirs, mine, false, b, w.batch())
}

func largePlan(s *subject, theirs, mine runner, w *work) error {
	const steps, micro = 20, 40
	p := plan(theirs.ref, descent, 1e-5, steps)
	for i := range p.Steps {
		p.Steps[i].Batches = w.many(micro + i%2)
		p.Steps[i].LearningRates = map[string]float64{"": 1e-5 * float64(1+i%3)}
	}
	return s.follow(theirs, mine, p, AdaptiveWeights)
}
