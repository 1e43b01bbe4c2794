package feed

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// patterns is the size of the test dataset, with N×N pixels per pattern, in groups of 4.
const (
	patterns = 40
	side     = 16
)

// bind opens a session of a network and binds a dataset whose counts are in a file.
func bind(t testing.TB, o Options) (*Session, backend.DatasetID) {
	t.Helper()
	p, err := arch.Build(arch.Config{N: side, BaseWidth: 1, FiltersScale: 1, Gridsize: 2})
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]uint16, patterns*side*side)
	for i := range counts {
		counts[i] = uint16(i * 7)
	}
	ones := func(shape ...int) tensor.Tensor {
		v := make([]float32, program.Count(shape))
		for i := range v {
			v[i] = 1
		}
		return tensor.Must(v, shape...)
	}
	s := NewSession(p, o)
	id, err := s.Bind(t.Context(), backend.Dataset{Patterns: patterns, Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, File: &backend.FileRef{Path: file(t, littleEndian(t, counts)), DType: tensor.Uint16, Shape: []int{patterns, side, side}}},
		{Input: program.Probe, Gather: backend.Whole, Value: ones(1, side, side)},
		{Input: program.Mask, Gather: backend.Whole, Value: ones(side, side)},
		{Input: program.Background, Gather: backend.Whole, Value: ones(side, side)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s, id
}

// steps returns a plan of n steps of two micro-batches, the second smaller.
func steps(id backend.DatasetID, n int) backend.StepPlan {
	p := backend.StepPlan{Dataset: id, Optimiser: backend.Optimiser{Kind: backend.SGD}, LossWeights: map[string]float64{arch.Deviance: 1}}
	for i := range n {
		st := backend.Step{Number: int64(i + 1), LearningRates: map[string]float64{"": 1}}
		for _, groups := range []int{2, 1} {
			b := backend.Batch{Offsets: make([]float32, 8*groups)}
			for j := range 4 * groups {
				b.Rows = append(b.Rows, int32((11*i+5*j+groups)%patterns))
				b.Offsets[2*j] = float32(i)
			}
			st.Batches = append(st.Batches, b)
		}
		p.Steps = append(p.Steps, st)
	}
	return p
}

// gathered runs a plan and copies the inputs of its steps.
func gathered(t testing.TB, s *Session, p backend.StepPlan) []map[string][]byte {
	t.Helper()
	var all []map[string][]byte
	err := s.Steps(t.Context(), p, func(backend.StepResult) error { return nil }, func(st backend.Step, next func() (Item, error)) (backend.StepResult, error) {
		for range st.Batches {
			item, err := next()
			if err != nil {
				return backend.StepResult{}, err
			}
			one := map[string][]byte{}
			for name, x := range item.Inputs {
				one[name] = append([]byte(nil), x.Bytes()...)
			}
			all = append(all, one)
		}
		return backend.StepResult{Number: st.Number}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOptions_DoNotChangeGatheredData(t *testing.T) {
	var want []map[string][]byte
	for _, o := range []Options{{}, {Workers: 1}, {Workers: 3, Prefetch: 1}, {Workers: 3, Prefetch: 4}, {Workers: 3, Prefetch: 4, Persistent: true}, {Prefetch: 100, Persistent: true}} {
		s, id := bind(t, o)
		for plan := range 3 {
			got := gathered(t, s, steps(id, 20))
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, plan %d: the inputs of the steps differ from those without options", o, plan)
			}
		}
		if err := s.CloseAll(); err != nil {
			t.Error(err)
		}
	}
	if len(want) != 40 || len(want[0]) != 5 {
		t.Errorf("%d batches of %d inputs", len(want), len(want[0]))
	}
}

// workersOf records which goroutines gather for a session.
func workersOf(s *Session, id backend.DatasetID) (take func() map[string]bool) {
	var mu sync.Mutex
	seen := map[string]bool{}
	s.open[id].watch = func(int) {
		text := make([]byte, 64)
		name, _, _ := strings.Cut(string(text[:runtime.Stack(text, false)]), " [")
		mu.Lock()
		defer mu.Unlock()
		seen[name] = true
	}
	return func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		out := seen
		seen = map[string]bool{}
		return out
	}
}

func TestPersistent_KeepsWorkers(t *testing.T) {
	for _, persistent := range []bool{false, true} {
		s, id := bind(t, Options{Workers: 3, Prefetch: 4, Persistent: persistent})
		take := workersOf(s, id)
		all := map[string]bool{}
		fresh := 0
		for range 5 {
			gathered(t, s, steps(id, 10))
			for name := range take() {
				if !all[name] {
					fresh++
				}
				all[name] = true
			}
			if err := s.Batches(t.Context(), id, steps(id, 1).Steps[0].Batches, s.program.ScalarValues(), func(Item) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case persistent && (len(all) > 3 || s.workers == nil || s.workers.started != 3):
			t.Errorf("%d goroutines gathered for ten plans, want the same 3", len(all))
		case !persistent && (fresh < 5 || s.workers != nil):
			t.Errorf("five plans were gathered by %d goroutines; without Persistent each plan must start new ones", fresh)
		}
		if err := s.CloseAll(); err != nil {
			t.Error(err)
		}
	}
}

func TestPersistent_KeepsMemory(t *testing.T) {
	s, id := bind(t, Options{Workers: 2, Prefetch: 3, Persistent: true})
	defer s.CloseAll()
	rooms := map[*float32]bool{}
	for range 10 {
		err := s.Steps(t.Context(), steps(id, 8), func(backend.StepResult) error { return nil }, func(st backend.Step, next func() (Item, error)) (backend.StepResult, error) {
			for range st.Batches {
				item, err := next()
				if err != nil {
					return backend.StepResult{}, err
				}
				rooms[&data[float32](t, item.Inputs[program.Counts])[0]] = true
			}
			return backend.StepResult{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(rooms) > 2*4 { // two sizes of batches, at most four at once
		t.Errorf("ten plans were gathered into %d rooms, want at most 8", len(rooms))
	}
}

// TestSteps_WaitedIsTimeInNext uses a simulated clock: gathering takes 3 s, a step 10 s.
func TestSteps_WaitedIsTimeInNext(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		want []float64
	}{
		"one gatherer, one ahead":      {Options{}, []float64{6, 3, 3}}, // of the two batches of a step only the first is gathered in time
		"two gatherers, two ahead":     {Options{Workers: 2}, []float64{3, 0, 0}},
		"workers that stay, six ahead": {Options{Workers: 6, Prefetch: 6, Persistent: true}, []float64{3, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, id := bind(t, c.o)
				defer s.CloseAll()
				s.open[id].watch = func(int) { time.Sleep(3 * time.Second) }
				var waited []float64
				err := s.Steps(t.Context(), steps(id, 3), func(r backend.StepResult) error {
					waited = append(waited, r.Waited)
					return nil
				}, func(st backend.Step, next func() (Item, error)) (backend.StepResult, error) {
					for range st.Batches {
						if _, err := next(); err != nil {
							return backend.StepResult{}, err
						}
					}
					time.Sleep(10 * time.Second)
					return backend.StepResult{Waited: math.NaN()}, nil
				})
				if err != nil || !reflect.DeepEqual(waited, c.want) {
					t.Errorf("the steps waited %v s, want %v (%v)", waited, c.want, err)
				}
			})
		})
	}
}

func TestSession_LeavesNoGoroutine(t *testing.T) {
	cause := errors.New("enough")
	for name, end := range map[string]func(s *Session, cancel func()) error{
		"after its plan": func(*Session, func()) error { return nil },
		"stopped":        func(s *Session, _ func()) error { return s.Stop(context.Background()) },
		"cancelled":      func(_ *Session, cancel func()) error { cancel(); return nil },
		"by an error":    func(*Session, func()) error { return cause },
	} {
		for _, persistent := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) { // fails when a goroutine is left
				s, id := bind(t, Options{Workers: 3, Prefetch: 5, Persistent: persistent})
				var gathers atomic.Int32
				s.open[id].watch = func(int) { gathers.Add(1) }
				for range 2 {
					ctx, cancel := context.WithCancel(t.Context())
					done := 0
					err := s.Steps(ctx, steps(id, 30), func(backend.StepResult) error {
						if done++; done == 4 {
							return end(s, cancel)
						}
						return nil
					}, func(st backend.Step, next func() (Item, error)) (backend.StepResult, error) {
						for range st.Batches {
							if _, err := next(); err != nil {
								return backend.StepResult{}, err
							}
						}
						return backend.StepResult{}, nil
					})
					cancel()
					switch {
					case name == "after its plan" && (err != nil || done != 30),
						name == "stopped" && (err != nil || done != 4),
						name == "cancelled" && backend.KindOf(err) != backend.Cancelled,
						name == "by an error" && !errors.Is(err, cause):
						t.Errorf("%s: %d steps, %v", name, done, err)
					}
					now := gathers.Load()
					synctest.Wait()
					if gathers.Load() != now {
						t.Errorf("%s: workers continue after the end of the plan", name)
					}
				}
				if err := s.CloseAll(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if err := s.CloseAll(); err != nil {
					t.Errorf("%s, closed twice: %v", name, err)
				}
			})
		}
	}
}

func TestCapabilities_EachHasAnOption(t *testing.T) {
	ask := map[backend.Capability]func(*backend.OpenOptions){
		backend.CanPersist: func(o *backend.OpenOptions) { o.Persistent = true },
		backend.CanPin:     func(o *backend.OpenOptions) { o.PinMemory = true },
	}
	for _, c := range Capabilities() {
		var o backend.OpenOptions
		if ask[c] == nil {
			t.Errorf("no option asks for %s", c)
			continue
		}
		ask[c](&o)
		if reflect.DeepEqual(Asked(o, tensor.Float32), Asked(backend.OpenOptions{}, tensor.Float32)) {
			t.Errorf("%s is offered, and asking for it changes nothing", c)
		}
	}
}
