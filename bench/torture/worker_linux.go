package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// worker runs its share of the trials in a separate mount namespace, with separate /dev/shm, temporary files and full disks.
type worker struct {
	dir      string // on a file system in memory
	program  string
	extent   extent
	index    int // of the workers
	workers  int
	commands []command
	olds     map[string]snapshot      // the older results, by their folder in states
	wants    map[string]snapshot      // parent of the output after an undisturbed command, by command
	times    map[string]time.Duration // of an undisturbed command
	startup  time.Duration            // of the program, before its work
	out      *json.Encoder
}

// task is the JSON that the coordinator passes to a worker.
type task struct {
	Dir, Program   string
	Extent         extent
	Index, Workers int
	Deadline       time.Time
}

const (
	shmSize  = 64 << 20
	diskSize = 512 << 20
)

// work is the main function of a worker: it reads a task from the environment and writes outcomes to standard output.
func work() error {
	var t task
	if err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &t); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := mountSmall("/dev/shm", shmSize); err != nil {
		return err
	}
	if err := mountSmall(t.Dir, diskSize); err != nil {
		return err
	}
	w := &worker{dir: t.Dir, program: t.Program, extent: t.Extent, index: t.Index, workers: t.Workers, out: json.NewEncoder(os.Stdout)}
	for _, c := range commands(t.Extent.Backend, t.Extent.Patience) {
		if t.Extent.Commands == nil || slices.Contains(t.Extent.Commands, c.name) {
			w.commands = append(w.commands, c)
		}
	}
	if err := w.makeStates(); err != nil {
		return err
	}
	if err := w.record(); err != nil {
		return err
	}
	return w.all(t.Deadline)
}

// all runs the worker's trials: planned ones and kills at system calls alternate until the deadline.
func (w *worker) all(deadline time.Time) error {
	var planned []trial
	for i, t := range plan(w.extent, w.commands) {
		if i%w.workers == w.index && w.wanted(t.Kind) {
			planned = append(planned, t)
		}
	}
	var calls []trial // the next for each command
	for _, c := range w.commands {
		if w.extent.Stride > 0 && w.wanted(kindCall) {
			calls = append(calls, trial{Kind: kindCall, Command: c.name, Number: 1 + w.index*w.extent.Stride})
		}
	}
	for turn := false; len(planned)+len(calls) > 0; {
		if time.Now().After(deadline) {
			return w.out.Encode(outcome{trial: trial{Kind: kindLate, Number: len(planned) + len(calls)}})
		}
		var t trial
		if turn = !turn; len(calls) == 0 || turn && len(planned) > 0 {
			t, planned = planned[0], planned[1:]
		} else {
			t, calls = calls[0], calls[1:]
		}
		o := w.run(t)
		if err := w.out.Encode(o); err != nil {
			return err
		}
		if t.Kind == kindCall && !o.Last {
			t.Number += w.workers * w.extent.Stride
			calls = append(calls, t)
		}
	}
	return nil
}

func (w *worker) wanted(kind string) bool { return w.extent.Only == "" || w.extent.Only == kind }

func mountSmall(path string, size int64) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d,mode=1777", size)); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", filepath.Clean(path), err)
	}
	return nil
}

func resize(path string, size int64) error {
	if err := syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("resize %s: %w", path, err)
	}
	return nil
}
