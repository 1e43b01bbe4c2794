package feed

import (
	"context"
	"iter"
	"sync"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Options say how batches are gathered ahead.
type Options struct {
	Precision tensor.DType // Float32 (default) or Float64
	Workers   int          // goroutines that gather; below 1: 1
	Prefetch  int          // batches gathered ahead of the one in use; below 1: 1
	Inputs    []string     // gather these alone; nil: all of the program
}

// Item is a gathered batch. Its tensors belong to the feed: the next turn of the loop overwrites them. Those of inputs
// that are the same for every batch are shared by all items and must not be written.
type Item struct {
	Index  int // into the batches given to Feed
	Batch  backend.Batch
	Inputs map[string]tensor.Tensor
}

// Feed gathers the batches in order, ahead of the loop that ranges over it. An error ends the iteration; so does the
// end of ctx, with a Cancelled error. Leaving the loop stops the workers before it returns.
func (s *Set) Feed(ctx context.Context, batches []backend.Batch, o Options) iter.Seq2[Item, error] {
	if o.Precision == 0 {
		o.Precision = tensor.Float32
	}
	o.Workers, o.Prefetch = max(o.Workers, 1), max(o.Prefetch, 1)
	return func(yield func(Item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		f := &feeder{set: s, options: o, batches: batches, free: map[int][]map[string]tensor.Tensor{}}
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel()

		// pending holds, in order, the results that are being made: as many as may be ahead, and the one in use.
		type result struct {
			item Item
			err  error
		}
		type job struct {
			index  int
			result chan result
		}
		jobs := make(chan job)
		pending := make(chan job, o.Prefetch)
		for range min(o.Workers, len(batches)) {
			workers.Go(func() {
				for j := range jobs {
					item, err := f.gather(j.index)
					j.result <- result{item, err} // has room
				}
			})
		}
		workers.Go(func() {
			defer close(jobs)
			defer close(pending)
			for i := range batches {
				j := job{i, make(chan result, 1)}
				select {
				case pending <- j:
				case <-ctx.Done():
					return
				}
				select {
				case jobs <- j:
				case <-ctx.Done():
					return
				}
			}
		})
		cancelled := func() {
			yield(Item{}, backend.Errorf(backend.Cancelled, "gather", "%w", context.Cause(ctx)))
		}
		for range batches {
			var r result
			select {
			case j, ok := <-pending:
				if !ok {
					cancelled()
					return
				}
				select {
				case r = <-j.result:
				case <-ctx.Done():
					cancelled()
					return
				}
			case <-ctx.Done():
				cancelled()
				return
			}
			if !yield(r.item, r.err) || r.err != nil {
				return
			}
			f.recycle(r.item)
		}
	}
}

// feeder owns the buffers of one Feed.
type feeder struct {
	set     *Set
	options Options
	batches []backend.Batch

	mu    sync.Mutex
	fixed map[string]tensor.Tensor           // inputs that are the same for every batch
	free  map[int][]map[string]tensor.Tensor // by number of groups
}

func (f *feeder) gather(i int) (Item, error) {
	b := f.batches[i]
	if err := f.set.Check(b); err != nil {
		return Item{}, err
	}
	fixed, err := f.fixedInputs()
	if err != nil {
		return Item{}, err
	}
	dst, err := f.buffers(f.set.Groups(b), b)
	if err != nil {
		return Item{}, err
	}
	if err := f.set.Gather(b, dst); err != nil {
		return Item{}, err
	}
	item := Item{Index: i, Batch: b, Inputs: make(map[string]tensor.Tensor, len(dst)+len(fixed))}
	for name, t := range fixed {
		item.Inputs[name] = t
	}
	for name, t := range dst {
		item.Inputs[name] = t
	}
	return item, nil
}

// fixedInputs gathers, once, the arrays that feed every batch alike.
func (f *feeder) fixedInputs() (map[string]tensor.Tensor, error) {
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
		// Any valid rows do: these inputs do not depend on them.
		if err := f.set.Gather(backend.Batch{Rows: f.batches[0].Rows[:f.set.group]}, fixed); err != nil {
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

// buffers gives a recycled set of tensors or a new one. A fixed input that the batch brings itself needs room too.
func (f *feeder) buffers(groups int, b backend.Batch) (map[string]tensor.Tensor, error) {
	own := f.names(func(name string) bool {
		_, extra := b.Extra[name]
		return extra || !f.whole(name)
	})
	f.mu.Lock()
	if list := f.free[groups]; len(list) > 0 {
		dst := list[len(list)-1]
		if len(dst) == len(own) {
			f.free[groups] = list[:len(list)-1]
			f.mu.Unlock()
			return dst, nil
		}
	}
	f.mu.Unlock()
	if len(own) == 0 {
		return map[string]tensor.Tensor{}, nil
	}
	return f.set.Alloc(groups, f.options.Precision, own...)
}

func (f *feeder) recycle(item Item) {
	own := make(map[string]tensor.Tensor, len(item.Inputs))
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, t := range item.Inputs {
		if _, extra := item.Batch.Extra[name]; extra || !f.whole(name) {
			own[name] = t
		}
	}
	g := f.set.Groups(item.Batch)
	f.free[g] = append(f.free[g], own)
}
