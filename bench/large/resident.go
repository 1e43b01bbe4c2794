//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// resident is memory of processes in KiB, by what it holds: private pages, pages of files, and pages of memory files.
type resident struct{ private, file, shared int64 }

func (r resident) total() int64 { return r.private + r.file + r.shared }

// between is the time between two samples.
const between = 50 * time.Millisecond

// watch samples the memory of a process and its descendants until the returned function is called, which returns the sample with the
// largest total.
func watch(pid int) (peak func() resident) {
	stop, done := make(chan struct{}), make(chan resident)
	go func() {
		var most resident
		for {
			if now := residentOf(pid); now.total() > most.total() {
				most = now
			}
			select {
			case <-stop:
				done <- most
				return
			case <-time.After(between):
			}
		}
	}()
	return func() resident {
		close(stop)
		return <-done
	}
}

// residentOf adds up the memory of a process and its descendants.
func residentOf(pid int) (sum resident) {
	sum = statusOf(pid)
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range lists {
		text, _ := os.ReadFile(name) // the process may have ended
		for _, child := range strings.Fields(string(text)) {
			if id, err := strconv.Atoi(child); err == nil {
				r := residentOf(id)
				sum = resident{sum.private + r.private, sum.file + r.file, sum.shared + r.shared}
			}
		}
	}
	return sum
}

// statusOf reads the memory of one process.
func statusOf(pid int) (r resident) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "RssAnon:":
			r.private = kib
		case "RssFile:":
			r.file = kib
		case "RssShmem:":
			r.shared = kib
		}
	}
	return r
}
