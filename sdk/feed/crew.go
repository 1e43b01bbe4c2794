package feed

import (
	"strings"
	"sync"

	"github.com/ptychogo/ptycho/core/tensor"
)

// crew is goroutines that gather, and the memory that they fill. It serves one feed after the other.
type crew struct {
	jobs    chan func() // has room for all that is asked for at once
	started int         // goroutines, ever
	working sync.WaitGroup

	mu   sync.Mutex
	free map[kind][]room
}

// room is the tensors of one batch that are its own.
type room = map[string]tensor.Tensor

// kind is what rooms have in common.
type kind struct {
	groups int
	inputs string
}

// hire starts workers for at most that many batches at once. They must be dismissed.
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

// dismiss ends the workers once their jobs are done.
func (c *crew) dismiss() {
	close(c.jobs)
	c.working.Wait()
}

// take gives a room that was given back, if there is one.
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

// giveBack lets the room of a batch be filled again.
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
