package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// deviceRunner runs a plan on a GPU. All its launches are recorded once as a graph of the driver, so that a run costs one call
// for each input that changed and one for everything else.
type deviceRunner[T float] struct {
	*planned[T]
	d        *device[T]
	launches [][]kernels.Launch // of each step
	scratch  int                // bytes after the results
	inputs   map[string]*deviceInput[T]
	order    []*G.Node // outputs
	outputs  map[*G.Node][]T
	pinned   []byte // for the outputs
	graph    *driver.Graph
	recorded int  // number of the arena for which the graph was recorded
	sent     bool // the next run is the one for which data was sent ahead
}

// deviceInput is an input: a vector of the session, or data that comes with a batch and has memory of its own.
type deviceInput[T float] struct {
	vector *vector[T]
	data   []T    // on the host
	now    buffer // what the graph reads, and what was sent there last
	sent   bool
	next   buffer // for the run after the present one
	spare  buffer // the previous next, from which the present run copies
	ahead  bool   // next was sent
}

// buffer is memory of the GPU and pinned memory of the same size.
type buffer struct {
	at     driver.Address
	pinned []byte
}

// Bytes returns the memory of results, scratch and inputs.
func (r *deviceRunner[T]) Bytes() int {
	n := r.arena()
	for _, s := range r.planned.inputs {
		n += 3 * s.size * sizeOf[T]() // two of them for batches that are sent ahead
	}
	return n
}

// arena returns the bytes of the arena that the runner needs.
func (r *deviceRunner[T]) arena() int { return r.planned.Bytes() + r.scratch }

func (r *deviceRunner[T]) input(name string, n int) (*deviceInput[T], error) {
	s, ok := r.planned.inputs[name]
	if !ok {
		return nil, nil
	}
	if n != s.size {
		return nil, fmt.Errorf("run: input %s has %d elements, want %d", name, n, s.size)
	}
	if r.inputs[name] == nil {
		r.inputs[name] = &deviceInput[T]{}
	}
	return r.inputs[name], nil
}

// Set binds an input to data on the host.
func (r *deviceRunner[T]) Set(name string, data []T) error {
	in, err := r.input(name, len(data))
	if in != nil {
		in.data = data
	}
	return err
}

// Bind binds an input to a vector on the GPU.
func (r *deviceRunner[T]) Bind(name string, v *vector[T]) error {
	in, err := r.input(name, len(v.data))
	if in != nil && in.vector != v {
		in.vector = v
		r.recorded = -1 // the graph has the address of the previous one
	}
	return err
}

// Run sends the inputs that changed, computes everything, and reads the outputs.
func (r *deviceRunner[T]) Run(ctx context.Context, meanwhile func() error) error {
	sent := r.sent
	r.sent = false
	for name := range r.planned.inputs {
		if in := r.inputs[name]; in == nil || in.vector == nil && in.data == nil {
			return fmt.Errorf("run: input %q was not set", name)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := r.d.ctx.Do(func() error { return r.begin(sent) })
	if err == nil && meanwhile != nil {
		err = meanwhile() // not within Do: it may resume a coroutine, which must not change threads
	}
	return errors.Join(err, r.d.ctx.Do(func() error {
		if err := r.d.ctx.Synchronise(); err != nil { // also after an error: nothing may be left that reads the buffers
			return err
		}
		at := 0
		for _, n := range r.order {
			at += copy(raw(r.outputs[n]), r.pinned[at:])
		}
		return nil
	}))
}

// begin sends the inputs that changed and starts the computation.
func (r *deviceRunner[T]) begin(sent bool) error {
	if err := r.d.reserve(r.arena()); err != nil {
		return err
	}
	if sent {
		if err := r.d.ctx.SynchroniseAhead(); err != nil {
			return err
		}
	}
	for name := range r.planned.inputs {
		if err := r.send(r.inputs[name], sent); err != nil {
			return err
		}
	}
	if r.graph == nil || r.recorded != r.d.arenas {
		if err := r.record(); err != nil {
			return err
		}
	}
	return r.graph.Launch()
}

// allocate allocates the memory of a buffer for data, unless it is there.
func (r *deviceRunner[T]) allocate(b *buffer, data []T) (err error) {
	if b.at == 0 {
		if b.at, err = r.d.alloc(len(data)); err != nil {
			return err
		}
	}
	if b.pinned == nil {
		b.pinned, err = r.d.ctx.AllocHost(len(raw(data)))
	}
	return err
}

// Sent says that the next run is the one for which data was sent ahead.
func (r *deviceRunner[T]) Sent() { r.sent = true }

// Send copies data of the run after the present one to the GPU while it computes. Data that is equal to the present run's stays where it is.
func (r *deviceRunner[T]) Send(name string, data []T) error {
	in, err := r.input(name, len(data))
	if err != nil || in == nil || in.vector != nil || in.holds(raw(data)) {
		return err
	}
	in.ahead = false
	err = r.d.ctx.Do(func() error {
		if err := r.allocate(&in.next, data); err != nil {
			return err
		}
		n := copy(in.next.pinned, raw(data))
		return r.d.ctx.UploadAhead(in.next.at, in.next.pinned[:n])
	})
	in.ahead = err == nil
	return err
}

// holds reports whether the data is what was sent last.
func (in *deviceInput[T]) holds(data []byte) bool {
	return in.sent && bytes.Equal(in.now.pinned[:len(data)], data)
}

// send copies an input of a batch to the GPU, unless it is what was sent last. ahead is true if data was sent ahead for this run.
func (r *deviceRunner[T]) send(in *deviceInput[T], ahead bool) error {
	ahead, in.ahead = ahead && in.ahead, false
	if in.vector != nil {
		return nil
	}
	data := raw(in.data)
	if ahead { // the second stream sends to spare while the first one copies from next
		in.sent = false
		if err := r.d.ctx.Copy(in.now.at, in.next.at, len(data)); err != nil {
			return err
		}
		in.now.pinned, in.next.pinned = in.next.pinned, in.now.pinned
		in.next, in.spare = in.spare, in.next
		in.sent = true
		return nil
	}
	if err := r.allocate(&in.now, in.data); err != nil {
		return err
	}
	if in.holds(data) {
		return nil
	}
	in.sent = false
	copy(in.now.pinned, data)
	if err := r.d.ctx.Upload(in.now.at, in.now.pinned[:len(data)]); err != nil {
		return err
	}
	in.sent = true
	return nil
}

// address returns the address of a slot.
func (r *deviceRunner[T]) address(s *slot[T]) driver.Address {
	if !s.isInput() {
		return r.d.arena + driver.Address(s.at*sizeOf[T]())
	}
	in := r.inputs[s.node.Name()]
	if in.vector != nil {
		return in.vector.at
	}
	return in.now.at
}

// record records the launches and the copies of the outputs.
func (r *deviceRunner[T]) record() (err error) {
	if r.graph != nil {
		old := r.graph
		r.graph = nil
		if err := old.Close(); err != nil {
			return err
		}
	}
	tables := map[string]driver.Address{}
	total := 0
	for _, launches := range r.launches {
		for _, l := range launches {
			for _, ref := range l.P {
				if ref.Source == kernels.Constant {
					if tables[ref.Table.Key], err = r.d.table(ref.Table); err != nil {
						return err
					}
				}
			}
		}
	}
	for _, n := range r.order {
		if r.outputs[n] == nil {
			r.outputs[n] = make([]T, r.slots[n].size)
		}
		total += len(raw(r.outputs[n]))
	}
	if r.pinned == nil && total > 0 {
		if r.pinned, err = r.d.ctx.AllocHost(total); err != nil {
			return err
		}
	}
	graph, err := r.d.ctx.Record(func() error {
		for i, st := range r.steps {
			for _, l := range r.launches[i] {
				args := l.Args(func(ref kernels.Ref) uint64 { return uint64(r.resolve(st, ref, tables)) })
				if err := r.d.ctx.Launch(l.Kernel, l.Grid, kernels.Threads, l.Shared, args[:]); err != nil {
					return fmt.Errorf("%s: %w", st.name, err)
				}
			}
		}
		at := 0
		for _, n := range r.order {
			b := r.pinned[at:][:len(raw(r.outputs[n]))]
			if err := r.d.ctx.Download(b, r.address(r.slots[n])); err != nil {
				return err
			}
			at += len(b)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.graph, r.recorded = graph, r.d.arenas
	return nil
}

// resolve returns the address that a reference of a step's launch means.
func (r *deviceRunner[T]) resolve(st step[T], ref kernels.Ref, tables map[string]driver.Address) driver.Address {
	switch ref.Source {
	case kernels.Target:
		return r.address(st.out)
	case kernels.Scratch:
		return r.d.arena + driver.Address(r.planned.Bytes()) + driver.Address(ref.Offset)
	case kernels.Constant:
		return tables[ref.Table.Key]
	}
	return r.address(st.in[operand(st, ref)])
}

// Value returns an output of the last run.
func (r *deviceRunner[T]) Value(n *G.Node) []T { return r.outputs[n] }

// Gradient reads a kept value from the GPU.
func (r *deviceRunner[T]) Gradient(n *G.Node) ([]T, error) {
	out := make([]T, r.slots[n].size)
	return out, r.d.ctx.Do(func() error { return r.d.read(raw(out), r.address(r.slots[n])) })
}

func (r *deviceRunner[T]) close() error {
	return r.d.ctx.Do(func() error {
		failed := []error{r.d.ctx.SynchroniseAhead(), r.d.ctx.Synchronise()}
		if r.graph != nil {
			failed = append(failed, r.graph.Close())
			r.graph = nil
		}
		for _, in := range r.inputs {
			for _, b := range []buffer{in.now, in.next, in.spare} {
				if b.at != 0 {
					failed = append(failed, r.d.ctx.Free(b.at))
				}
				if b.pinned != nil {
					failed = append(failed, r.d.ctx.FreeHost(b.pinned))
				}
			}
		}
		if r.pinned != nil {
			failed = append(failed, r.d.ctx.FreeHost(r.pinned))
		}
		clear(r.inputs)
		r.pinned = nil
		return errors.Join(failed...)
	})
}
