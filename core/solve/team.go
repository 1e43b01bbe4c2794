package solve

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// team is a fixed number of goroutines that share the items of one loop at a time. Which of them takes an item is
// chance, so an item writes only what is its own; whatever is summed over items is summed afterwards, in their order.
type team struct {
	workers int
	jobs    []chan func(worker int)
	wait    sync.WaitGroup
}

func newTeam(workers int) *team {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	t := &team{workers: workers, jobs: make([]chan func(int), workers)}
	for w := 1; w < workers; w++ {
		t.jobs[w] = make(chan func(int), 1)
		go func() {
			for f := range t.jobs[w] {
				f(w)
				t.wait.Done()
			}
		}()
	}
	return t
}

// do calls f for every item below n and returns when all are done.
func (t *team) do(n int, f func(worker, item int)) {
	if t.workers == 1 || n < 2 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	share := func(worker int) {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(worker, i)
		}
	}
	helpers := min(t.workers, n)
	t.wait.Add(helpers - 1)
	for w := 1; w < helpers; w++ {
		t.jobs[w] <- share
	}
	share(0)
	t.wait.Wait()
}

// close ends the goroutines.
func (t *team) close() {
	for _, c := range t.jobs[1:] {
		close(c)
	}
}
