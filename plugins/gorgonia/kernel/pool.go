package kernel

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool runs the parts of a computation on a fixed number of workers and lends them scratch memory. The result of a part never
// depends on the number of workers, or on which worker runs it. Only one computation at a time may use a pool.
type Pool struct {
	threads int
	mu      sync.Mutex
	free32  [48][][]float32 // by power of two
	free64  [48][][]float64
}

// newPool creates a pool; threads below 1 means one per core.
func newPool(threads int) *Pool {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &Pool{threads: threads}
}

// Run calls f(i) for 0 <= i < n and returns when all calls have returned. A panic in a call is raised again here.
func (p *Pool) Run(n int, f func(i int)) {
	workers := min(p.threads, n)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var failed atomic.Pointer[string]
	work := func() {
		defer func() {
			if r := recover(); r != nil {
				text := fmt.Sprint(r)
				failed.CompareAndSwap(nil, &text)
			}
		}()
		for failed.Load() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			f(i)
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	if text := failed.Load(); text != nil {
		panic(*text)
	}
}

// Float is the set of precisions.
type Float interface{ float32 | float64 }

// borrow lends n elements of unknown content; giveBack releases them.
func borrow[T Float](p *Pool, n int) []T {
	class := bits.Len(uint(max(n, 1) - 1))
	p.mu.Lock()
	defer p.mu.Unlock()
	list := shelf[T](p, class)
	if k := len(*list); k > 0 {
		b := (*list)[k-1]
		*list = (*list)[:k-1]
		return b[:n]
	}
	return make([]T, n, 1<<class)
}

// giveBack releases elements from borrow.
func giveBack[T Float](p *Pool, b []T) {
	class := bits.Len(uint(cap(b) - 1))
	p.mu.Lock()
	defer p.mu.Unlock()
	list := shelf[T](p, class)
	*list = append(*list, b[:cap(b)])
}

func shelf[T Float](p *Pool, class int) *[][]T {
	switch l := any(&p.free32[class]).(type) {
	case *[][]T:
		return l
	}
	return any(&p.free64[class]).(*[][]T)
}
