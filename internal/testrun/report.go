package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is a line of go test -json; go doc test2json describes it.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64 // seconds
}

// test is one test or, with an empty name, a package.
type test struct{ pkg, name string }

type skipped struct {
	test
	reason string
}

// timed is a test that ended, and how long it took.
type timed struct {
	test
	seconds float64
}

// report keeps the output of running tests until they have failed or were skipped.
type report struct {
	mu                   sync.Mutex // guards all fields below: two go tests and the progress line come from goroutines of their own
	out                  io.Writer
	now                  func() time.Time
	start                time.Time
	running              map[test]time.Time
	took                 []timed // top-level tests
	notes                []string
	output               map[test]string
	skips                []skipped
	passed, failed       int // tests and subtests
	packages, badPackage int
}

func newReport(out io.Writer, now func() time.Time) *report {
	return &report{out: out, now: now, start: now(), running: map[test]time.Time{}, output: map[test]string{}}
}

// note adds lines to the list of skipped tests that no test can report itself.
func (r *report) note(lines string) {
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" {
			r.notes = append(r.notes, line)
		}
	}
}

// read processes events until the end of the stream. It prints a line that is not an event unchanged.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
				r.add(e)
			} else {
				r.print(line)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the events of go test: %w", err)
		}
	}
}

// print prints a line that is not an event.
func (r *report) print(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprint(r.out, line)
}

func (r *report) add(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := test{e.Package, e.Test}
	switch e.Action {
	case "run":
		r.running[t] = r.now()
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if !chatter(e.Output) {
			r.output[t] += e.Output
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.output, t)
		delete(r.running, t)
	}
}

func (r *report) endTest(e event) {
	t := test{e.Package, e.Test}
	if !strings.Contains(e.Test, "/") {
		r.took = append(r.took, timed{t, e.Elapsed})
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		fmt.Fprintf(r.out, "--- FAIL: %s %s (%.2fs)\n%s", e.Package, e.Test, e.Elapsed, r.output[t])
	case "skip":
		r.skips = append(r.skips, skipped{t, reason(r.output[t])})
	}
}

func (r *report) endPackage(e event) {
	r.packages++
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok    %s %.1fs\n", e.Package, e.Elapsed)
	case "fail":
		r.badPackage++
		fmt.Fprintf(r.out, "FAIL  %s %.1fs\n", e.Package, e.Elapsed)
		// Output that belongs to no finished test: a panic, a failed build, a timeout. Unfinished subtests too.
		for _, t := range r.unfinished(e.Package) {
			fmt.Fprint(r.out, r.output[t])
			delete(r.output, t)
		}
	case "skip":
		fmt.Fprintf(r.out, "-     %s no tests\n", e.Package)
	}
}

func (r *report) unfinished(pkg string) []test {
	var found []test
	for t := range r.output {
		if t.pkg == pkg {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b test) int { return strings.Compare(a.name, b.name) })
	return found
}

// summary prints the slowest tests, the counts, and every skipped test with its reason.
func (r *report) summary() {
	slices.SortStableFunc(r.took, func(a, b timed) int { return cmp.Compare(b.seconds, a.seconds) })
	fmt.Fprintf(r.out, "\n%s in total; the slowest tests:\n", r.now().Sub(r.start).Round(time.Second))
	for _, t := range r.took[:min(len(r.took), 12)] {
		fmt.Fprintf(r.out, "%7.1fs %s %s\n", t.seconds, t.pkg, t.name)
	}
	fmt.Fprintf(r.out, "\n%d packages, %d failed; %d tests passed, %d failed, %d skipped\n",
		r.packages, r.badPackage, r.passed, r.failed, len(r.skips))
	slices.SortFunc(r.skips, func(a, b skipped) int {
		return strings.Compare(a.pkg+" "+a.name, b.pkg+" "+b.name)
	})
	for _, s := range r.skips {
		fmt.Fprintf(r.out, "SKIP  %s %s: %s\n", s.pkg, s.name, s.reason)
	}
	for _, n := range r.notes {
		fmt.Fprintf(r.out, "SKIP  %s\n", n)
	}
}

// chatter reports whether a line only repeats an event.
func chatter(line string) bool {
	line = strings.TrimLeft(line, " ")
	for _, prefix := range []string{"=== ", "--- PASS", "--- FAIL", "--- SKIP", "ok  \t", "FAIL\t", "FAIL\n", "PASS\n", "?   \t"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// reason returns the last line that the test wrote, "    file_test.go:12: the reason", without its position.
func reason(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if position, text, ok := strings.Cut(last, ":"); ok && strings.HasSuffix(position, ".go") {
		_, last, _ = strings.Cut(text, ":") // after the line number
		last = strings.TrimSpace(last)
	}
	if last == "" {
		return "no reason given"
	}
	return last
}
