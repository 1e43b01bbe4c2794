package feed

import (
	"strings"
	"sync"

	"github.com/ptychogo/ptycho/core/tensor"
)

// workerPool is a pool of goroutines that gather batches, with the buffers that they fill. It serves one feed at a time.
type workerPool struct {
	jobs    chan func() // with capacity for all jobs that can be queued at once
	started int         // goroutines started so far
	working sync.WaitGroup

	mu   sync.Mutex
	free map[kind][]buffers
}

// buffers holds the tensors that belong to one batch.
type buffers = map[string]tensor.Tensor

// kind is the key under which buffers of equal size are reused.
type kind struct {
	groups int
	inputs string
}

// newWorkerPool starts workers for at most the given number of concurrent batches. Call stop to stop the workers.
func newWorkerPool(workers, batches int) *workerPool {
	c := &workerPool{jobs: make(chan func(), batches), free: map[kind][]buffers{}}
	for range workers {
		c.started++
		c.working.Go(func() {
			for do := range c.jobs {
				do()
			}
		})
	}
	return c
}

// stop stops the workers after their queued jobs.
func (c *workerPool) stop() {
	close(c.jobs)
	c.working.Wait()
}

// take returns free buffers of the given kind, if there are any.
func (c *workerPool) take(k kind) (buffers, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.free[k]
	if len(list) == 0 {
		return nil, false
	}
	c.free[k] = list[:len(list)-1]
	return list[len(list)-1], true
}

// release makes the buffers of a batch available for reuse.
func (c *workerPool) release(r result) {
	if len(r.buffers) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free[r.kind] = append(c.free[r.kind], r.buffers)
}

func kindOf(groups int, inputs []string) kind {
	return kind{groups, strings.Join(inputs, "\x00")}
}
