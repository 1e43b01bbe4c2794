package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/words"
)

// subject is the backend as seen by one case.
type subject struct {
	ctx      context.Context
	backend  backend.Backend
	calls    *calls // of backend
	info     backend.Info
	target   Target
	sessions []backend.Session
	measured measurements     // of the comparisons so far
	compiled *clock           // of all sessions of the case
	opened   *program.Program // the last one
	lacks    *[]string        // what the backend does not offer and the case did without
}

// clock adds up the seconds that a backend reports as compiling, from any goroutine. A nil clock does nothing.
type clock struct {
	mu      sync.Mutex
	seconds float64
}

func (c *clock) add(seconds float64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seconds += seconds
}

func (c *clock) read() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seconds
}

func (s *subject) dtype() tensor.DType {
	if s.target.DType == 0 {
		return tensor.Float32
	}
	return s.target.DType
}

// need skips the case when the backend does not list one of the capabilities. A backend may do without training or moving averages;
// without inspection its numbers cannot be checked.
func (s *subject) need(list ...backend.Capability) error {
	for _, c := range list {
		switch {
		case s.info.Has(c):
		case c == backend.CanTrain || c == backend.CanEMA:
			return &skip{fmt.Sprintf("the backend does not support %s", c), string(c)}
		default:
			return &skip{reason: fmt.Sprintf("the backend does not support %s", c)}
		}
	}
	return nil
}

// noGradients is what the report says of a backend that predicts only, and has no gradients to look at.
const noGradients = "gradients"

// withoutGradients reports that err is the answer of a backend that does not train and has no gradients. It is noted in the report.
func (s *subject) withoutGradients(err error) bool {
	if s.info.Has(backend.CanTrain) || backend.KindOf(err) != backend.Unsupported {
		return false
	}
	*s.lacks = append(*s.lacks, noGradients)
	return true
}

// work is a program with numbers for everything that it reads.
type work struct {
	program *program.Program
	groups  int
	given   map[string]*reference.Value
	margin  float64 // distance to the nearest kink
	order   []int32 // rows of the dataset, one per pattern of the batch
	weights []float32
}

// newWork draws numbers for a program, far from kinks. The batch lists its patterns in another order than the dataset, and
// the dataset has one more.
func newWork(p *program.Program, groups int, seed uint64, draws int) (*work, error) {
	given, margin, err := reference.ClearValues(p, groups, seed, draws)
	if err != nil {
		return nil, fmt.Errorf("the suite's own program %s: %w", p.Name, err)
	}
	w := &work{program: p, groups: groups, given: given, margin: margin}
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, r := range rng.Perm(groups*p.Group + 1)[:groups*p.Group] {
		w.order = append(w.order, int32(r))
		w.weights = append(w.weights, 0.5+0.25*float32(rng.IntN(4)))
	}
	return w, nil
}

// perPattern reports whether an input has an array per pattern: [−1, C, …].
func (w *work) perPattern(in program.Input) bool {
	s := in.Type.Shape
	return in.Name != program.Offsets && len(s) > 1 && s[0] == program.PerGroup(1) && int(s[1]) == w.program.Group && in.Type.Kind != program.Index
}

func perGroup(in program.Input) bool { return len(in.Type.Shape) > 0 && in.Type.Shape[0] < 0 }

// dataset returns the inputs that do not come with a batch.
func (w *work) dataset() backend.Dataset {
	d := backend.Dataset{Patterns: len(w.order) + 1}
	for _, in := range w.program.Inputs {
		v := w.given[in.Name]
		switch {
		case w.perPattern(in):
			all := reference.NewValue(v.Kind, append([]int{d.Patterns}, v.Shape[2:]...))
			size := program.Count(v.Shape[2:])
			for i, r := range w.order {
				if v.Kind == program.Complex {
					copy(all.Complex[int(r)*size:][:size], v.Complex[i*size:])
				} else {
					copy(all.Real[int(r)*size:][:size], v.Real[i*size:])
				}
			}
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.PerPattern, Value: all.Tensor()})
		case !perGroup(in):
			d.Arrays = append(d.Arrays, backend.Array{Input: in.Name, Gather: backend.Whole, Value: v.Tensor()})
		}
	}
	return d
}

// batch returns a batch of all patterns of the work.
func (w *work) batch() backend.Batch {
	b := backend.Batch{Rows: w.order, Weights: w.weights}
	for _, in := range w.program.Inputs {
		v := w.given[in.Name]
		switch {
		case in.Name == program.Offsets:
			for _, x := range v.Real {
				b.Offsets = append(b.Offsets, float32(x))
			}
		case perGroup(in) && !w.perPattern(in):
			if b.Extra == nil {
				b.Extra = map[string]tensor.Tensor{}
			}
			b.Extra[in.Name] = v.Tensor()
		}
	}
	return b
}

// losses returns a different weight for each loss of the program.
func (w *work) losses() map[string]float64 {
	out := map[string]float64{}
	for _, s := range w.program.Scalars {
		if s.Loss {
			out[s.Name] = 1 + 0.5*float64(len(out))
		}
	}
	return out
}

func (w *work) state() backend.State {
	st := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {}}}
	for _, q := range w.program.Params {
		st.Slots[backend.Weights][q.Name] = w.given[q.Name].Tensor()
	}
	for _, q := range w.program.Buffers {
		if st.Slots[backend.Buffers] == nil {
			st.Slots[backend.Buffers] = map[string]tensor.Tensor{}
		}
		st.Slots[backend.Buffers][q.Name] = w.given[q.Name].Tensor()
	}
	return st
}

// open opens a session, sets the work's state and binds its dataset.
func (s *subject) open(w *work, threads int) (backend.Session, backend.BatchRef, error) {
	return s.openWith(w, func(o *backend.OpenOptions) { o.Threads = threads })
}

// openWith is open with other options.
func (s *subject) openWith(w *work, ask func(*backend.OpenOptions)) (backend.Session, backend.BatchRef, error) {
	var ref backend.BatchRef
	session, err := s.begin(w, ask)
	if err != nil {
		return nil, ref, err
	}
	id, err := session.Bind(s.ctx, w.dataset())
	if err != nil {
		return nil, ref, fmt.Errorf("bind: %w", err)
	}
	return session, backend.BatchRef{Dataset: id, Batch: w.batch(), LossWeights: w.losses()}, nil
}

// begin opens a session and sets the work's state.
func (s *subject) begin(w *work, ask func(*backend.OpenOptions)) (backend.Session, error) {
	if err := s.lists(w.program); err != nil {
		return nil, err
	}
	o := backend.OpenOptions{Program: w.program, DType: s.target.DType, Threads: 1, Deterministic: true, Train: s.info.Has(backend.CanTrain), TF32: s.target.TF32}
	o.Progress = func(e backend.Event) {
		if e.Phase == "compile" {
			s.compiled.add(e.Seconds)
		}
	}
	o.Devices, o.Strategy = s.target.Devices, s.target.Strategy
	ask(&o)
	if s.target.Threads > 0 && o.Threads == 1 {
		o.Threads = s.target.Threads
	}
	s.opened = w.program
	session, err := s.backend.Open(s.ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	s.sessions = append(s.sessions, session)
	if err := session.SetState(s.ctx, w.state()); err != nil {
		return nil, fmt.Errorf("set state: %w", err)
	}
	return session, nil
}

// shown returns the last program as text, and the last lines of the backend's standard error, if it has its own.
func (s *subject) shown(b backend.Backend) (text string, lines []string) {
	const most = 64 << 10 // bytes of a program
	if s.opened != nil {
		if text = s.opened.Text(); len(text) > most {
			text = strings.ToValidUTF8(text[:most], "") + "\n…"
		}
	}
	if p, ok := b.(interface{ Tail() []string }); ok {
		for _, line := range p.Tail() {
			lines = append(lines, words.Line(line, words.NameLength*4))
		}
	}
	return text, lines
}

// inspector returns the session's Inspector, or an error if it has none.
func inspector(session backend.Session) (backend.Inspector, error) {
	i, ok := session.(backend.Inspector)
	if !ok {
		return nil, errors.New("the backend lists inspect, but its session does not support it")
	}
	return i, nil
}

// refused checks that a call failed with one of the given kinds of error.
func refused(what string, err error, want ...backend.Kind) error {
	if err == nil {
		return fmt.Errorf("%s was accepted", what)
	}
	for _, k := range want {
		if backend.KindOf(err) == k {
			return nil
		}
	}
	return fmt.Errorf("%s fails with an error of kind %q (%w), want %v", what, backend.KindOf(err), err, want)
}

// collect appends results; nil discards them.
func collect[R any](into *[]R) func(R) error {
	return func(r R) error {
		if into != nil {
			*into = append(*into, r)
		}
		return nil
	}
}
