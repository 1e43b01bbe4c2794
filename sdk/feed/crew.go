package feed

import (
	"strings"
	"sync"

	"github.com/ptychogo/ptycho/core/tensor"
)

// crew is a pool of goroutines that gather batches, with the buffers that they fill. It serves one feed at a time.
type crew struct {
	jobs    chan func() // with capacity for all jobs that can be queued at once
	started int         // goroutines started so far
	working sync.WaitGroup

	mu   sync.Mutex
	free map[kind][]room
}

// room holds the tensors that belong to one batch.
type room = map[string]tensor.Tensor

// kind is the key under which rooms of equal size are reused.
type kind struct {
	groups int
	inputs string
}

// hire starts workers for at most the given number of concurrent batches. Call dismiss to stop the workers.
func hire(workers, batches int) *crew {
	c := &crew{jobs: make(chan func(), batches), free: map[kind][]room{}}
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

// dismiss stops the workers after their queued jobs.
func (c *crew) dismiss() {
	close(c.jobs)
	c.working.Wait()
}

// take returns a free room of the given kind, if there is one.
func (c *crew) take(k kind) (room, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.free[k]
	if len(list) == 0 {
		return nil, false
	}
	c.free[k] = list[:len(list)-1]
	return list[len(list)-1], true
}

// giveBack makes the room of a batch available for reuse.
func (c *crew) giveBack(r result) {
	if len(r.room) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free[r.kind] = append(c.free[r.kind], r.room)
}

func kindOf(groups int, inputs []string) kind {
	return kind{groups, strings.Join(inputs, "\x00")}
}
