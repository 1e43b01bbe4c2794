package feed

import (
	"context"
	"iter"
	"sync"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Item is a gathered batch. Its tensors belong to the feed: the next turn of the loop overwrites them. Tensors of inputs
// that are the same for every batch are shared by all items and must not be written.
type Item struct {
	Index  int // into the batches given to Feed
	Batch  backend.Batch
	Inputs map[string]tensor.Tensor
}

// Feed gathers the batches in order, ahead of the loop that ranges over it. An error ends the iteration. The end of ctx
// ends it with a Cancelled error. All workers have stopped when the loop ends.
func (s *Set) Feed(ctx context.Context, batches []backend.Batch, o Options) iter.Seq2[Item, error] {
	o = o.complete()
	return func(yield func(Item, error) bool) {
		c := newWorkerPool(min(o.Workers, len(batches)), min(o.Prefetch+1, len(batches)))
		defer c.stop()
		s.feed(ctx, batches, o, c)(yield)
	}
}

// feed implements Feed with a worker pool. The pool has room for one batch more than are gathered ahead. When feed returns, its
// workers no longer process these batches.
func (s *Set) feed(ctx context.Context, batches []backend.Batch, o Options, c *workerPool) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		f := &feeder{set: s, options: o, batches: batches, workers: c}
		var gathering sync.WaitGroup
		answers := make([]chan result, len(batches))
		asked := 0
		defer func() {
			cancel()
			gathering.Wait()
			for _, a := range answers[:asked] {
				select {
				case r := <-a:
					c.release(r)
				default: // already taken or abandoned
				}
			}
		}()
		ask := func(i int) {
			answer := make(chan result, 1)
			answers[i] = answer
			gathering.Add(1)
			c.jobs <- func() {
				defer gathering.Done()
				if ctx.Err() == nil { // otherwise the consumer has stopped
					answer <- f.gather(i)
				}
			}
		}
		for i := range batches {
			for ; asked < len(batches) && asked <= i+o.Prefetch; asked++ {
				ask(asked)
			}
			var r result
			select {
			case r = <-answers[i]:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				c.release(r)
				yield(Item{}, backend.Errorf(backend.Cancelled, "gather", "%w", context.Cause(ctx)))
				return
			}
			more := yield(r.item, r.err)
			c.release(r)
			if !more || r.err != nil {
				return
			}
		}
	}
}

// result is a gathered batch and the buffers that it uses.
type result struct {
	item    Item
	buffers buffers
	kind    kind
	err     error
}

// feeder gathers the batches for one call of Feed.
type feeder struct {
	set     *Set
	options Options
	batches []backend.Batch
	workers *workerPool

	mu    sync.Mutex
	fixed map[string]tensor.Tensor // inputs that are the same for every batch
}

func (f *feeder) gather(i int) result {
	if f.set.watch != nil {
		f.set.watch(i)
	}
	r := result{item: Item{Index: i, Batch: f.batches[i]}}
	r.err = f.fill(&r)
	return r
}

func (f *feeder) fill(r *result) error {
	b := r.item.Batch
	if err := f.set.Check(b); err != nil {
		return err
	}
	fixed, err := f.fixedInputs(b)
	if err != nil {
		return err
	}
	if err := f.allocate(r); err != nil {
		return err
	}
	if err := f.set.Gather(b, r.buffers); err != nil {
		return err
	}
	r.item.Inputs = make(map[string]tensor.Tensor, len(r.buffers)+len(fixed))
	for name, t := range fixed {
		r.item.Inputs[name] = t
	}
	for name, t := range r.buffers {
		r.item.Inputs[name] = t
	}
	return nil
}

// fixedInputs gathers, once, the arrays that are the same for every batch. Any valid batch serves for that.
func (f *feeder) fixedInputs(b backend.Batch) (map[string]tensor.Tensor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fixed != nil {
		return f.fixed, nil
	}
	names := f.names(func(name string) bool { return f.whole(name) })
	fixed := map[string]tensor.Tensor{}
	if len(names) > 0 {
		var err error
		if fixed, err = f.set.Alloc(1, f.options.Precision, names...); err != nil {
			return nil, err
		}
		if err := f.set.Gather(backend.Batch{Rows: b.Rows[:f.set.group]}, fixed); err != nil {
			return nil, err
		}
	}
	f.fixed = fixed
	return fixed, nil
}

func (f *feeder) whole(name string) bool {
	a := f.set.arrays[name]
	return a != nil && a.gather == backend.Whole
}

func (f *feeder) names(keep func(string) bool) []string {
	var out []string
	all := f.options.Inputs
	if all == nil {
		for _, in := range f.set.inputs {
			all = append(all, in.Name)
		}
	}
	for _, n := range all {
		if keep(n) {
			out = append(out, n)
		}
	}
	return out
}

// allocate finds buffers for the inputs of the batch itself. A fixed input that the batch overrides needs a buffer too.
func (f *feeder) allocate(r *result) (err error) {
	own := f.names(func(name string) bool {
		_, extra := r.item.Batch.Extra[name]
		return extra || !f.whole(name)
	})
	groups := f.set.Groups(r.item.Batch)
	r.kind = kindOf(groups, own)
	if len(own) == 0 { // for no names, Alloc would allocate all inputs
		return nil
	}
	found := false
	if r.buffers, found = f.workers.take(r.kind); !found {
		r.buffers, err = f.set.Alloc(groups, f.options.Precision, own...)
	}
	return err
}
