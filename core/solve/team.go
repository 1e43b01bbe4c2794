package solve

import (
	"runtime"
	"sync/atomic"
)

// team is a fixed number of goroutines that share the items of one loop at a time. The assignment of items is random,
// so that an item writes only to its private memory; sums over items are computed afterwards, in order.
//
// A loop takes some hundred microseconds, as long as waking a goroutine on another core. Therefore helpers poll for the
// next loop for a while before they sleep. With a new goroutine for each helper and loop instead, as in the pool of the Gorgonia backend,
// whose loops are longer, two cores compute 8 % (rPIE) to 28 % (ePIE) fewer patterns per second (BenchmarkFrames).
type team struct {
	workers int
	latest  atomic.Pointer[loop]
	asleep  []atomic.Bool   // by worker
	wake    []chan struct{} // by worker; capacity one
}

// loop is the current work of a team.
type loop struct {
	share   func(worker int) // nil: the team ends
	workers int              // taking part
	busy    atomic.Int32     // helpers not done
}

// looks is the number of polls of a helper before it sleeps, about a tenth of a millisecond in total; at intervals it
// yields to other goroutines.
const (
	looks    = 1 << 15
	politely = 1 << 6
)

func newTeam(workers int) *team {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	t := &team{workers: workers, asleep: make([]atomic.Bool, workers), wake: make([]chan struct{}, workers)}
	for w := 1; w < workers; w++ {
		t.wake[w] = make(chan struct{}, 1)
		go func() {
			for l := t.next(w, nil); l.share != nil; l = t.next(w, l) {
				if w < l.workers {
					l.share(w)
					l.busy.Add(-1)
				}
			}
		}()
	}
	return t
}

// next waits for a loop other than the last.
func (t *team) next(w int, last *loop) *loop {
	for i := range looks {
		if l := t.latest.Load(); l != last {
			return l
		}
		if i%politely == 0 {
			runtime.Gosched()
		}
	}
	t.asleep[w].Store(true)
	if t.latest.Load() == last || !t.asleep[w].CompareAndSwap(true, false) {
		<-t.wake[w] // publish wakes sleepers
	}
	return t.latest.Load()
}

// publish gives the helpers a loop.
func (t *team) publish(l *loop) {
	t.latest.Store(l)
	for w := 1; w < t.workers; w++ {
		if t.asleep[w].CompareAndSwap(true, false) {
			t.wake[w] <- struct{}{}
		}
	}
}

// do calls f for every item below n and returns when all calls are done.
func (t *team) do(n int, f func(worker, item int)) {
	if t.workers == 1 || n < 2 {
		for i := range n {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	l := &loop{workers: min(t.workers, n), share: func(worker int) {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(worker, i)
		}
	}}
	l.busy.Store(int32(l.workers - 1))
	t.publish(l)
	l.share(0)
	for i := 1; l.busy.Load() > 0; i++ {
		if i%politely == 0 {
			runtime.Gosched()
		}
	}
}

// close ends the goroutines.
func (t *team) close() { t.publish(&loop{}) }
