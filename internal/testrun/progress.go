package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// printEvery prints the running tests at regular times until stop is called.
func (r *report) printEvery(every time.Duration) (stop func()) {
	ticker, done, ended := time.NewTicker(every), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.printRunning()
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// printRunning prints one line: the time since the start and the running tests, the oldest first.
func (r *report) printRunning() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tests []test
	for t := range r.running {
		if !strings.Contains(t.name, "/") { // the parent of a subtest is running too
			tests = append(tests, t)
		}
	}
	slices.SortFunc(tests, func(a, b test) int {
		return cmp.Or(r.running[a].Compare(r.running[b]), cmp.Compare(a.pkg+a.name, b.pkg+b.name))
	})
	fmt.Fprintf(r.out, "...   %s:", r.now().Sub(r.start).Round(time.Second))
	if len(tests) == 0 {
		fmt.Fprint(r.out, " building")
	}
	for i, t := range tests {
		if i > 0 {
			fmt.Fprint(r.out, ",")
		}
		fmt.Fprintf(r.out, " %s %s for %s", t.pkg, t.name, r.now().Sub(r.running[t]).Round(time.Second))
	}
	fmt.Fprintln(r.out)
}
