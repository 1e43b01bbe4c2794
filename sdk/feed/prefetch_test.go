package feed

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/ptychogo/ptycho/core/backend"
)

// watched opens the small dataset with batches and counts the batches whose gathering has started.
func watched(t *testing.T, n int) (*Set, []backend.Batch, *atomic.Int32) {
	t.Helper()
	s, err := Open(dataset(t), inputs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	batches := make([]backend.Batch, n)
	for i := range batches {
		batches[i] = backend.Batch{Rows: []int32{int32(i % 4), 0}, Offsets: make([]float32, 4)}
	}
	var begun atomic.Int32
	s.watch = func(int) { begun.Add(1) }
	return s, batches, &begun
}

func TestFeed_PrefetchesRequestedBatches(t *testing.T) {
	const n = 12
	for _, c := range []struct {
		o     Options
		ahead int
	}{
		{Options{}, 1}, {Options{Prefetch: 1}, 1}, {Options{Prefetch: 4}, 4}, {Options{Workers: 2}, 2},
		{Options{Workers: 2, Prefetch: 4}, 4}, {Options{Workers: 4, Prefetch: 1}, 1}, {Options{Workers: 3, Prefetch: 50}, 50},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, batches, begun := watched(t, n)
			for item, err := range s.Feed(t.Context(), batches, c.o) {
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // until all workers are idle
				if got, want := int(begun.Load()), min(item.Index+1+c.ahead, n); got != want {
					t.Errorf("%+v: %d batches are gathered while batch %d is in use, want %d", c.o, got, item.Index, want)
				}
			}
		})
	}
}

func TestFeed_UsesRequestedWorkers(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want int32
	}{{Options{}, 1}, {Options{Prefetch: 6}, 1}, {Options{Workers: 3}, 3}, {Options{Workers: 3, Prefetch: 6}, 3}, {Options{Workers: 8, Prefetch: 3}, 4}} {
		synctest.Test(t, func(t *testing.T) {
			s, batches, begun := watched(t, 12)
			count, gate := s.watch, make(chan struct{})
			s.watch = func(i int) { count(i); <-gate }
			done := 0
			end := make(chan struct{})
			go func() {
				defer close(end)
				for item, err := range s.Feed(t.Context(), batches, c.o) {
					if err != nil || item.Index != done {
						t.Errorf("%+v: batch %d at turn %d, %v", c.o, item.Index, done, err)
					}
					done++
				}
			}()
			synctest.Wait()
			if got := begun.Load(); got != c.want {
				t.Errorf("%+v: %d batches are gathered at once, want %d", c.o, got, c.want)
			}
			close(gate)
			<-end
			if done != 12 {
				t.Errorf("%+v: %d batches of 12", c.o, done)
			}
		})
	}
}

func TestFeed_InvalidFirstBatchIsAnError(t *testing.T) {
	s, batches, _ := watched(t, 4)
	batches[0].Rows = nil
	first := make(chan struct{})
	s.watch = func(i int) {
		switch i {
		case 0:
			<-first
		case 1:
			close(first)
		}
	}
	for _, err := range s.Feed(t.Context(), batches, Options{Workers: 2}) {
		if backend.KindOf(err) != backend.Invalid {
			t.Errorf("the first batch has no rows: %v", err)
		}
	}
}
