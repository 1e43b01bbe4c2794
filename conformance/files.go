package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/disk"
)

// files has the cases about arrays in files, about calls that must be refused, and about the end of calls.
var files = []Case{
	{Computes, "files/layout", "an array in a file may begin at any byte and have gaps, strides of 0 and negative strides", withOracle(fileLayouts)},
	{Computes, "files/probe", "the other inputs may be in files too, also several in one file", withOracle(probeInFile)},
	{Speaks, "files/refused", "a file that is missing, cut short, relative or not a regular file is refused, and Bind returns at once", withLedger(refusesFiles)},
	{Speaks, "refuses/binding", "an input fed twice, a wrong type, a wrong number of rows and an index beyond the table are invalid", withLedger(refusesBinding)},
	{Speaks, "refuses/missing-input", "a plan that needs an input which neither the dataset nor the batch has is not found", withLedger(refusesMissing)},
	{Speaks, "refuses/operation", "a program with an operation that the backend does not list, or that does not exist, is rejected", refusesOperation},
	{Speaks, "stop/evaluate", "Stop ends Evaluate and Reconstruct after the current batch, and a later call is complete", withLedger(stopsForward)},
	{Speaks, "cancel/steps", "a call whose context ends is cancelled, and the state is that after a whole number of steps", withLedger(cancelsSteps)},
}

// countsIn replaces the array of the counts by a file with the given bytes.
func (w *work) countsIn(content []byte, ref backend.FileRef) (backend.Dataset, *disk.TemporaryFile, error) {
	d := w.dataset()
	f, err := disk.NewTemporaryFile(int64(len(content)))
	if err != nil {
		return d, nil, err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return d, nil, err
	}
	f.Seal()
	ref.Path = f.Path()
	a := &d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })]
	a.Value, a.File = tensor.Tensor{}, &ref
	return d, f, nil
}

// fileLayouts stores the same counts in several ways, with bytes in the gaps that no element has.
func fileLayouts(s *subject, theirs, mine runner, w *work) error {
	patterns, n := len(w.order)+1, w.program.N
	for _, l := range []struct {
		name    string
		size    int
		offset  int64
		strides []int64 // of pattern, row, column, in elements
	}{
		{"an offset", patterns * n * n, 24, nil},
		{"gaps between rows", patterns * n * (n + 3), 8, []int64{int64(n * (n + 3)), int64(n + 3), 1}},
		{"columns first", patterns * n * n, 0, []int64{int64(n * n), 1, int64(n)}},
		{"a byte that no number begins at", patterns * n * n, 5, nil},
		{"patterns last", patterns * n * n, 16, []int64{1, int64(patterns * n), int64(patterns)}},
		{"rows from the last to the first", patterns * n * n, 4 * int64(n*(n-1)), []int64{int64(n * n), -int64(n), 1}},
		{"patterns from the last to the first", patterns * n * n, 4 * int64((patterns-1)*n*n), []int64{-int64(n * n), int64(n), 1}},
	} {
		numbers := make([]float32, l.size+8)
		for i := range numbers {
			numbers[i] = 1e9 // what no element may read
		}
		whole := l.offset / 4 * 4 // the rest of the offset is put before the numbers
		d := w.dataset()
		a := d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })]
		values, err := tensor.Data[float64](a.Value)
		if err != nil {
			return err
		}
		strides := l.strides
		if strides == nil {
			strides = []int64{int64(n * n), int64(n), 1}
		}
		for i, v := range values {
			at := whole/4 + int64(i/(n*n))*strides[0] + int64(i/n%n)*strides[1] + int64(i%n)*strides[2]
			numbers[at] = float32(v)
		}
		ref := backend.FileRef{Offset: l.offset, DType: tensor.Float32, Shape: []int{patterns, n, n}}
		for _, st := range l.strides {
			ref.Strides = append(ref.Strides, 4*st)
		}
		content := append(make([]byte, l.offset-whole), tensor.Must(numbers, len(numbers)).Bytes()...)
		if err := s.sameFromFile(l.name, theirs, mine, w, content, ref); err != nil {
			return err
		}
	}
	return s.repeatedPattern(theirs, mine, w)
}

// sameFromFile evaluates a batch from a file on the backend, and from values on the oracle.
func (s *subject) sameFromFile(what string, theirs, mine runner, w *work, content []byte, ref backend.FileRef) error {
	d, file, err := w.countsIn(content, ref)
	if err != nil {
		return err
	}
	defer file.Close()
	r := theirs
	if r.ref.Dataset, err = theirs.session.Bind(s.ctx, d); err != nil {
		return fmt.Errorf("%s: bind: %w", what, err)
	}
	return s.evaluated(what, r, mine, false, w.batch(), w.part(2)) // the oracle has the values, not the file
}

// repeatedPattern binds one pattern for all, with a stride of 0.
func (s *subject) repeatedPattern(theirs, mine runner, w *work) error {
	n := w.program.N
	one := make([]float32, n*n)
	for i := range one {
		one[i] = float32(i * 7 % 23)
	}
	all := make([]float32, 0, (len(w.order)+1)*n*n)
	for range len(w.order) + 1 {
		all = append(all, one...)
	}
	d := w.dataset()
	a := &d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })]
	a.Value = tensor.Must(all, len(w.order)+1, n, n)
	var err error
	m := mine
	if m.ref.Dataset, err = mine.session.Bind(s.ctx, d); err != nil {
		return err
	}
	return s.sameFromFile("the same pattern for all rows, a stride of 0", theirs, m, w, tensor.Must(one, n*n).Bytes(),
		backend.FileRef{DType: tensor.Float32, Shape: a.Value.Shape(), Strides: []int64{0, int64(4 * n), 4}})
}

// probeInFile stores all arrays in one file, with complex numbers as complex64.
func probeInFile(s *subject, theirs, mine runner, w *work) error {
	d := w.dataset()
	var content []byte
	for i, a := range d.Arrays {
		v := w.given[a.Input]
		t := a.Value
		if t.DType() == tensor.Complex128 {
			single := make([]complex64, len(v.Complex))
			for j, z := range v.Complex {
				single[j] = complex64(z)
			}
			t = tensor.Must(single, t.Shape()...)
		}
		d.Arrays[i].File = &backend.FileRef{Offset: int64(len(content)), DType: t.DType(), Shape: t.Shape()}
		d.Arrays[i].Value = tensor.Tensor{}
		content = append(content, t.Bytes()...)
	}
	f, err := disk.NewTemporaryFile(int64(len(content)))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return err
	}
	f.Seal()
	for i := range d.Arrays {
		d.Arrays[i].File.Path = f.Path()
	}
	r := theirs
	if r.ref.Dataset, err = theirs.session.Bind(s.ctx, d); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return s.evaluated("all inputs in one file", r, mine, false, w.batch(), w.part(1))
}

func refusesFiles(s *subject, r runner, w *work) error {
	folder, err := os.MkdirTemp("", "ptycho-conformance-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // nothing to keep
	shape := []int{len(w.order) + 1, w.program.N, w.program.N}
	size := 4 * program.Count(shape)
	short, whole, pipe := filepath.Join(folder, "short"), filepath.Join(folder, "whole"), filepath.Join(folder, "pipe")
	if err := errors.Join(os.WriteFile(short, make([]byte, size-1), 0o600), os.WriteFile(whole, make([]byte, size), 0o600)); err != nil {
		return err
	}
	ref := func(path string, change func(*backend.FileRef)) backend.FileRef {
		f := backend.FileRef{Path: path, DType: tensor.Float32, Shape: shape}
		if change != nil {
			change(&f)
		}
		return f
	}
	tests := map[string]backend.FileRef{
		"a file that is one byte short":  ref(short, nil),
		"a missing file":                 ref(filepath.Join(folder, "missing"), nil),
		"a folder":                       ref(folder, nil),
		"a relative path":                ref("whole", nil),
		"an offset beyond the file":      ref(whole, func(f *backend.FileRef) { f.Offset = 4 }),
		"a negative offset":              ref(whole, func(f *backend.FileRef) { f.Offset = -4 }),
		"a stride that leaves the file":  ref(whole, func(f *backend.FileRef) { f.Strides = []int64{4 * 64, 4 * 8, 8} }),
		"a stride that begins before it": ref(whole, func(f *backend.FileRef) { f.Strides = []int64{-4 * 64, 4 * 8, 4} }),
		"two strides for three axes":     ref(whole, func(f *backend.FileRef) { f.Strides = []int64{4 * 64, 4 * 8} }),
		"an unknown type":                ref(whole, func(f *backend.FileRef) { f.DType = 77 }),
		"a shape of twelve axes":         ref(whole, func(f *backend.FileRef) { f.Shape = append(slices.Repeat([]int{1}, 9), f.Shape...) }),
		"an offset that overflows":       ref(whole, func(f *backend.FileRef) { f.Offset = math.MaxInt64 - 8 }),
		"a stride that overflows":        ref(whole, func(f *backend.FileRef) { f.Strides = []int64{math.MaxInt64 / 2, 4 * 8, 4} }),
	}
	if makePipe(pipe) == nil {
		tests["a pipe without a writer"] = ref(pipe, nil)
	}
	for what, f := range tests {
		d := w.dataset()
		a := &d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Counts })]
		a.Value, a.File = tensor.Tensor{}, &f
		_, err := r.session.Bind(s.ctx, d)
		if err := refused(what, err, backend.Invalid, backend.NotFound); err != nil {
			return err
		}
	}
	return r.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: r.ref.Dataset, Batches: []backend.Batch{w.batch()}}, collect[backend.EvalResult](nil))
}

func refusesBinding(s *subject, r runner, w *work) error {
	for _, c := range []struct {
		what   string
		damage func(d *backend.Dataset, counts, probe *backend.Array)
	}{
		{"counts that are fed twice", func(d *backend.Dataset, counts, _ *backend.Array) { d.Arrays = append(d.Arrays, *counts) }},
		{"an array with neither value nor file", func(_ *backend.Dataset, counts, _ *backend.Array) { counts.Value = tensor.Tensor{} }},
		{"both a value and a file", func(_ *backend.Dataset, counts, _ *backend.Array) {
			counts.File = &backend.FileRef{Path: "/dev/null", DType: tensor.Float32, Shape: counts.Value.Shape()}
		}},
		{"an index for counts below 0", func(d *backend.Dataset, counts, _ *backend.Array) {
			counts.Gather, counts.Index = backend.Indexed, make([]int32, d.Patterns)
			counts.Index[2] = -1
		}},
		{"a negative number of patterns", func(d *backend.Dataset, _, _ *backend.Array) {
			d.Patterns = -1
			d.Arrays = slices.DeleteFunc(d.Arrays, func(a backend.Array) bool { return a.Gather != backend.Whole })
		}},
		{"a row of counts missing", func(d *backend.Dataset, _, _ *backend.Array) { d.Patterns++ }},
		{"counts for all patterns at once", func(_ *backend.Dataset, counts, _ *backend.Array) { counts.Gather = backend.Whole }},
		{"a probe by pattern", func(_ *backend.Dataset, _, probe *backend.Array) { probe.Gather = backend.PerPattern }},
		{"an unknown way of gathering", func(_ *backend.Dataset, counts, _ *backend.Array) { counts.Gather = 9 }},
		{"an index with too few entries", func(_ *backend.Dataset, counts, _ *backend.Array) {
			counts.Gather, counts.Index = backend.Indexed, []int32{0}
		}},
		{"an index beyond the table", func(d *backend.Dataset, counts, _ *backend.Array) {
			counts.Gather, counts.Index = backend.Indexed, make([]int32, d.Patterns)
			counts.Index[1] = int32(d.Patterns)
		}},
		{"complex counts", func(_ *backend.Dataset, counts, _ *backend.Array) {
			counts.Value = tensor.Must(make([]complex64, counts.Value.Len()), counts.Value.Shape()...)
		}},
	} {
		d := w.dataset()
		at := func(input string) *backend.Array {
			return &d.Arrays[slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == input })]
		}
		c.damage(&d, at(program.Counts), at(program.Probe))
		_, err := r.session.Bind(s.ctx, d)
		if err := refused(c.what, err, backend.Invalid); err != nil {
			return err
		}
	}
	return nil
}

func refusesMissing(s *subject, r runner, w *work) error {
	d := w.dataset()
	d.Arrays = slices.DeleteFunc(d.Arrays, func(a backend.Array) bool { return a.Input == program.Background })
	id, err := r.session.Bind(s.ctx, d)
	if err == nil { // otherwise already refused
		err = r.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: id, Batches: []backend.Batch{w.batch()}}, collect[backend.EvalResult](nil))
	}
	if err := refused("a dataset without a background", err, backend.NotFound, backend.Invalid); err != nil {
		return err
	}
	b := w.batch()
	rows := make([]int32, len(b.Rows))
	rows[3] = 5 // the table has rows 0 to 4
	b.Extra["rows"] = tensor.Must(rows, len(rows)/2, 2)
	err = r.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: r.ref.Dataset, Batches: []backend.Batch{b}}, collect[backend.EvalResult](nil))
	if err := refused("an index beyond the table of the program", err, backend.Invalid); err != nil {
		return err
	}
	long := make([]int64, len(b.Rows))
	long[3] = 1<<32 + 1 // its lower 32 bits are a row of the table
	b.Extra["rows"] = tensor.Must(long, len(long)/2, 2)
	err = r.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: r.ref.Dataset, Batches: []backend.Batch{b}}, collect[backend.EvalResult](nil))
	return refused("an index above 32 bits", err, backend.Invalid)
}

func refusesOperation(s *subject) error {
	for _, k := range append(program.Kinds(), "teleport") {
		want := backend.Unsupported
		if k == "teleport" {
			want = backend.Invalid
		} else if slices.Contains(s.info.Operations, k) {
			continue
		}
		p := &program.Program{Name: "teleports", N: 8, Group: 1, Ops: []program.Op{{Kind: "teleport", Out: "there", In: []string{"here"}}},
			Inputs: []program.Input{{Name: "here", Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1, 8, 8}}}}}
		if k != "teleport" {
			p = examples(k)[0].p
		}
		session, err := s.backend.Open(s.ctx, backend.OpenOptions{Program: p, DType: s.target.DType, Devices: s.target.Devices})
		if err == nil {
			s.sessions = append(s.sessions, session)
		}
		if err := refused(fmt.Sprintf("a program with the operation %s, which is not listed,", k), err, want); err != nil {
			return err
		}
	}
	return nil
}

func stopsForward(s *subject, r runner, w *work) error {
	const many = 500
	batches := slices.Repeat([]backend.Batch{w.batch()}, many)
	count := 0
	stopping := func() error {
		if count++; count == 2 {
			return r.session.Stop(s.ctx)
		}
		return nil
	}
	calls := map[string]func(batches []backend.Batch) error{
		"Evaluate": func(b []backend.Batch) error {
			return r.session.Evaluate(s.ctx, backend.EvalPlan{Dataset: r.ref.Dataset, Batches: b}, func(backend.EvalResult) error { return stopping() })
		},
		"Reconstruct": func(b []backend.Batch) error {
			return r.session.Reconstruct(s.ctx, backend.ReconPlan{Dataset: r.ref.Dataset, Batches: b}, func(backend.Patches) error { return stopping() })
		},
	}
	for name, call := range calls {
		count = 0
		if err := call(batches); err != nil {
			return fmt.Errorf("%s that was stopped: %w", name, err)
		}
		if count < 2 || count == many {
			return fmt.Errorf("%s gave %d of %d results, but Stop was called after 2", name, count, many)
		}
		count = 2 // no further Stop
		if err := call(batches[:3]); err != nil || count != 5 {
			return fmt.Errorf("after %s was stopped, a new call gave %d of 3 results: %w", name, count-2, err)
		}
	}
	if err := r.session.Stop(s.ctx); err != nil { // while nothing runs
		return err
	}
	count = 2
	if err := calls["Evaluate"](batches[:3]); err != nil || count != 5 {
		return fmt.Errorf("a Stop while nothing ran changed the next call: %d of 3 results: %w", count-2, err)
	}
	return nil
}

func cancelsSteps(s *subject, r runner, w *work) error {
	if err := s.need(backend.CanTrain); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	done := 0
	err := r.session.Step(ctx, plan(r.ref, adam, 1e-3, 2000), func(backend.StepResult) error {
		if done++; done == 3 {
			cancel()
		}
		return nil
	})
	if err := refused("2000 steps whose context ended after 3", err, backend.Cancelled); err != nil {
		return err
	}
	st, err := r.session.State(s.ctx)
	if err != nil {
		return err
	}
	if st.Step < 3 || st.Step >= 2000 {
		return fmt.Errorf("the context ended after 3 of 2000 steps, but the step count is %d", st.Step)
	}
	// The same number of steps in one call gives the same bits, so no step was done by half.
	other, ref, err := s.open(w, 1)
	if err != nil {
		return err
	}
	if err := other.Step(s.ctx, plan(ref, adam, 1e-3, int(st.Step)), collect[backend.StepResult](nil)); err != nil {
		return err
	}
	want, err := other.State(s.ctx)
	if err != nil {
		return err
	}
	return sameState("after a call that was cancelled", st, want)
}
