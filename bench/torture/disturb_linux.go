package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// run runs one trial.
func (w *worker) run(t trial) *outcome {
	c := w.commands[slices.IndexFunc(w.commands, func(c command) bool { return c.name == t.Command })]
	o := &outcome{trial: t}
	if err := w.prepare(c); err != nil {
		o.add(&o.Failures, "%v", err)
		return o
	}
	rnd := t.random(w.extent.Seed)
	switch t.Kind {
	case kindKill:
		w.runKill(o, c, rnd)
	case kindCall:
		e, err := w.injected(c.first(), t.Number)
		if err != nil {
			o.Skipped, o.Last = err.Error(), true
			return o
		}
		o.Last = !e.disturbed
		o.note(e)
		w.after(o, c, e)
	case kindSignal:
		w.runSignal(o, c, rnd)
	case kindPipe:
		w.runPipe(o, c)
	case kindDisk:
		w.runDisk(o, c, rnd)
		return o
	case kindLimit:
		e := w.start(c.first(), &launch{shim: []string{fmt.Sprintf("%s=%d", fileSizeVariable, 512<<rnd.IntN(13))}})
		e.disturbed = e.code != 0
		o.note(e)
		w.after(o, c, e)
	case kindSpool:
		w.runSpool(o, c)
	}
	w.finish(o, c, rnd)
	w.checkPlanted(o, c)
	return o
}

func (o *outcome) note(e ended) {
	if e.disturbed {
		o.Done++
	}
	if e.note != "" {
		o.Note = strings.TrimPrefix(o.Note+"; "+e.note, "; ")
	}
}

// runKill kills a command and its continuations, one to three times at random moments.
func (w *worker) runKill(o *outcome, c command, rnd *rand.Rand) {
	kills := []int{1, 1, 1, 2, 3}[rnd.IntN(5)]
	args := c.first()
	longest := w.times[c.name]
	for n := 0; n < kills; n++ {
		at := time.Duration(rnd.Float64() * float64(longest))
		e := w.start(args, &launch{disturb: killAt(at, o.Target)})
		w.after(o, c, e)
		if n == 0 && !e.disturbed && e.took < longest { // the machine is faster than when the time was measured
			w.times[c.name], longest = e.took, e.took
			if err := w.prepare(c); err != nil {
				o.add(&o.Failures, "%v", err)
				return
			}
			n--
			continue
		}
		o.note(e)
		if e.code == 0 || o.bad() {
			return
		}
		args = w.ways(o, c, rnd)[0]
	}
}

// runSignal sends a signal of a user or a system. A training that has begun must have a checkpoint.
func (w *worker) runSignal(o *outcome, c command, rnd *rand.Rand) {
	s := signals[slices.IndexFunc(signals, func(s syscall.Signal) bool { return s.String() == o.Target })]
	epoch := c.resume && o.Number%2 == 0
	var e ended
	for attempt := range 3 {
		at := w.startup*time.Duration(1+attempt) + time.Duration(rnd.Float64()*float64(w.times[c.name]))
		e = w.start(c.first(), &launch{disturb: w.signalAt(s, at, epoch)})
		if !e.killed || e.stderr != "" || e.code != 128+int(s) {
			break // else it had not begun to handle signals, like every program at its start
		}
	}
	o.note(e)
	w.after(o, c, e)
	want := 128 + int(syscall.SIGTERM)
	if s == syscall.SIGINT {
		want = 128 + int(s)
	}
	if e.disturbed && !e.killed && e.code != want && e.code != 0 {
		o.add(&o.Failures, "code %d, want %d: %s", e.code, want, e)
	}
	if e.disturbed && epoch {
		w.wantCheckpoint(o, e)
	}
}

func (w *worker) wantCheckpoint(o *outcome, e ended) {
	if found, err := filepath.Glob(filepath.Join(w.dir, outName, "checkpoints", "*.npz")); err != nil || len(found) == 0 {
		o.add(&o.Lost, "the checkpoint is missing: %s", e)
	}
}

func containsEpoch(text string) bool { return strings.Contains(text, "\nepoch ") }

// runPipe closes the reading end of standard output at once, or that of standard error after the first epoch or line.
func (w *worker) runPipe(o *outcome, c command) {
	r, p, err := os.Pipe()
	if err != nil {
		o.add(&o.Failures, "%v", err)
		return
	}
	l := launch{stdout: p}
	args := c.first()
	closed := make(chan struct{})
	if o.Target == "stdout" {
		args = append(args, "--json")
		r.Close()
		close(closed)
	} else {
		l = launch{stderr: p}
		go func() {
			defer close(closed)
			defer r.Close()
			var text strings.Builder
			for buffer := make([]byte, 64); ; {
				n, err := r.Read(buffer)
				text.Write(buffer[:n])
				if err != nil || n > 0 && (!c.resume || containsEpoch(text.String())) {
					return
				}
			}
		}()
	}
	l.disturb = func(_ int, done <-chan struct{}) (bool, string) {
		p.Close() // the child has its own
		<-done
		<-closed
		return true, o.Target + " closed"
	}
	e := w.start(args, &l)
	o.note(e)
	w.after(o, c, e)
	if want := 128 + int(syscall.SIGTERM); e.code != want && (o.Target == "stdout" || e.code != 0) {
		o.add(&o.Failures, "code %d, want %d: %s", e.code, want, e)
	}
	if o.Target == "stderr" && c.resume {
		w.wantCheckpoint(o, e)
	}
}

// runDisk puts the output on a small file system with space for a part of the result, and adds space afterwards.
func (w *worker) runDisk(o *outcome, c command, rnd *rand.Rand) {
	parent := filepath.Join(w.dir, parentName)
	if err := mountSmall(parent, 64<<20); err != nil {
		o.add(&o.Failures, "%v", err)
		return
	}
	defer unmount(o, parent)
	err := w.prepare(c)
	var s syscall.Statfs_t
	if err == nil {
		err = syscall.Statfs(parent, &s)
	}
	used := int64(s.Blocks-s.Bfree) * s.Bsize
	room := int64(o.Number%8+1)<<20 - rnd.Int64N(1<<20)
	if !c.resume {
		room /= 32 // these leave less than 300 KB
	}
	if err == nil {
		err = resize(parent, used+room)
	}
	if err != nil {
		o.add(&o.Failures, "%v", err)
		return
	}
	e := w.start(c.first(), nil)
	e.disturbed, e.note = e.code != 0, fmt.Sprintf("room for %d KB", room>>10)
	o.note(e)
	w.after(o, c, e)
	if err := resize(parent, 64<<20); err != nil {
		o.add(&o.Failures, "%v", err)
		return
	}
	w.finish(o, c, rnd)
	w.checkPlanted(o, c)
}

// runSpool leaves no space for temporary files.
func (w *worker) runSpool(o *outcome, c command) {
	tmp := filepath.Join(w.dir, "tmp")
	if err := mountSmall(tmp, 16<<10); err != nil {
		o.add(&o.Failures, "%v", err)
		return
	}
	defer unmount(o, tmp)
	if err := resize("/dev/shm", 16<<10); err != nil {
		o.add(&o.Failures, "%v", err)
		return
	}
	e := w.start(c.first(), nil)
	e.disturbed, e.note = true, "no room for temporary files"
	o.note(e)
	w.after(o, c, e)
	for _, path := range []string{tmp, "/dev/shm"} {
		if err := resize(path, shmSize); err != nil {
			o.add(&o.Failures, "%v", err)
		}
	}
	if e.code == 0 { // it needed no temporary files: finish compares
		return
	}
}

func unmount(o *outcome, path string) {
	if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
		o.add(&o.Failures, "unmount %s: %v", path, err)
	}
}
