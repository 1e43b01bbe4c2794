package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ptychogo/ptycho/internal/words"
)

// trial disturbs one command once or more and then lets it finish.
type trial struct {
	Kind    string `json:"kind"`    // the row of the table
	Command string `json:"command"` // name of a command
	Number  int    `json:"number"`
	Target  string `json:"target,omitempty"` // of a random kill: host, plugin, both, hang
}

// outcome counts the faults of a trial. Every count except Done must be 0.
type outcome struct {
	trial
	Done      int      `json:"done"` // disturbances that happened
	Lost      int      `json:"lost"` // an old result or a foreign file is missing, or a run cannot continue
	Memory    int      `json:"left_in_memory"`
	Disk      int      `json:"left_on_disk"`
	Bits      int      `json:"other_bits"`
	Processes int      `json:"processes_left"`
	Failures  int      `json:"failures"`          // panics, hangs, undocumented exit codes, errors that are not one sentence
	Skipped   string   `json:"skipped,omitempty"` // why it cannot be tried on this system
	Last      bool     `json:"last,omitempty"`    // there are fewer system calls than its number
	Note      string   `json:"note,omitempty"`    // describes the disturbance
	Found     []string `json:"found,omitempty"`
}

// bad reports whether a fault was found.
func (o *outcome) bad() bool {
	return o.Lost+o.Memory+o.Disk+o.Bits+o.Processes+o.Failures > 0
}

func (o *outcome) add(count *int, format string, args ...any) {
	*count++
	o.Found = append(o.Found, fmt.Sprintf(format, args...))
}

// documented lists the exit codes of docs/commands.md that a disturbed command may have.
var documented = []int{0, 1, 10, 11, 12, 13, 14, 15, 16, 128 + int(syscall.SIGINT), 128 + int(syscall.SIGTERM)}

// after checks the conditions that hold after every end of ptycho.
func (w *worker) after(o *outcome, c command, e ended) {
	if n := w.extent.orphans(); n > 0 {
		o.add(&o.Processes, "%s outlived it: %s", words.Of(n, "process"), e)
	}
	if left := memoryLeft(); left != "" {
		o.add(&o.Memory, "/dev/shm holds %s: %s", left, e)
	}
	switch {
	case e.code == -1:
		o.add(&o.Failures, "cannot be started: %s", e)
	case e.hung:
		o.add(&o.Failures, "hung: %s", e)
	case panicText.MatchString(e.stderr):
		o.add(&o.Failures, "panic: %s", e)
	case e.killed && !(e.disturbed && e.code == 128+int(syscall.SIGKILL)):
		o.add(&o.Failures, "ended by a signal: %s", e)
	case !e.killed && !slices.Contains(documented, e.code):
		o.add(&o.Failures, "code %d is not documented: %s", e.code, e)
	case !e.killed && e.code != 0 && e.code < 128 && strings.Count(e.stderr, "ptycho: ") != 1:
		o.add(&o.Failures, "not one sentence: %s", e)
	}
}

// checkPlanted checks that the foreign files are unchanged.
func (w *worker) checkPlanted(o *outcome, c command) {
	for _, name := range w.planted(c) {
		if w.read(name) != foreignText {
			o.add(&o.Lost, "%s, which ptycho did not write, is missing or changed", name)
			return
		}
	}
}

func (w *worker) planted(c command) []string {
	if c.state == "" || c.file {
		return foreign
	}
	return append(slices.Clone(foreign), foreignInside...)
}

// memoryLeft describes the contents of /dev/shm, or returns "". Open files without a name count too.
func memoryLeft() string {
	const shm = "/dev/shm"
	entries, err := os.ReadDir(shm)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		_ = os.RemoveAll(filepath.Join(shm, e.Name())) // the next trial begins with an empty folder
	}
	if len(names) > 0 {
		return strings.Join(names, ", ")
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(shm, &s); err != nil {
		return err.Error()
	}
	if used := s.Blocks - s.Bfree; used > 0 {
		return fmt.Sprintf("%d bytes without a name", used*uint64(s.Bsize))
	}
	return ""
}

// condition is the state of an output after a disturbance.
type condition int

const (
	absent  condition = iota // nothing of an interrupted command
	old                      // the complete older result
	partial                  // anything else
)

func (w *worker) condition(c command) (condition, error) {
	now, err := takeSnapshot(filepath.Join(w.dir, outName), exact)
	if err != nil {
		return partial, err
	}
	if c.state == "" || c.state == "stopped" {
		for name := range now {
			if name != "." && !internalFile(name) {
				return partial, nil
			}
		}
		return absent, nil
	}
	if now.holds(w.olds[c.state]) {
		return old, nil
	}
	return partial, nil
}

// lives reports whether the output is a complete new result, or one whose commit ptycho will complete.
func (w *worker) lives(c command) bool {
	if _, err := os.Stat(filepath.Join(w.dir, outName, ".ptycho", "commit.json")); err == nil {
		return true
	}
	return w.whole(c)
}

// whole reports whether the output is the result of an undisturbed command, or the image of a stopped solve, which has every
// file and a report that says "stopped".
func (w *worker) whole(c command) bool {
	now, err := takeSnapshot(filepath.Join(w.dir, outName), result)
	if err != nil {
		return false
	}
	want := w.wants[c.name].below(outName)
	if now.countSteps().holds(want) {
		return true
	}
	var report struct {
		Ended string `json:"ended"`
	}
	if json.Unmarshal([]byte(w.read(outName+"/report.json")), &report) != nil || report.Ended != "stopped" || c.resume {
		return false
	}
	for name := range want {
		if _, ok := now[name]; !ok && !internalFile(name) {
			return false
		}
	}
	return true
}

// finish lets the command finish undisturbed, like a user: with the same command, or with --resume.
func (w *worker) finish(o *outcome, c command, rnd *rand.Rand) {
	ways := w.ways(o, c, rnd)
	if o.Lost > 0 {
		return // further checks would only repeat it
	}
	finished := false
	var last ended
	var refused []string
	for _, way := range ways {
		last = w.start(way, nil)
		w.after(o, c, last)
		if last.code == 0 {
			finished = true
			break
		}
		refused = append(refused, last.String())
	}
	if !finished { // the result may be complete, and the command then refuses to replace it
		if !w.whole(c) {
			o.add(&o.Lost, "it cannot continue: %s", strings.Join(refused, "; then "))
			return
		}
		last = w.start(c.replacing(), nil)
		w.after(o, c, last)
		if last.code != 0 {
			o.add(&o.Lost, "its result cannot be replaced: %s", last)
			return
		}
	}
	now, err := takeSnapshot(filepath.Join(w.dir, parentName), result)
	if err != nil {
		o.add(&o.Failures, "%v", err)
		return
	}
	w.withoutPlanted(now, c)
	excess, other := now.countSteps().against(w.wants[c.name])
	if len(other) > 0 {
		o.add(&o.Bits, "other than undisturbed: %s: %s", strings.Join(other, ", "), last)
	}
	if len(excess) > 0 {
		o.add(&o.Disk, "left: %s: %s", strings.Join(excess, ", "), last)
	}
	if entries, err := os.ReadDir(filepath.Join(w.dir, "tmp")); err != nil || len(entries) > 0 {
		o.add(&o.Disk, "left in TMPDIR: %v: %s", entries, last)
		_ = clearFolder(filepath.Join(w.dir, "tmp")) // the next trial begins with an empty folder
	}
}

// ways lists the command lines that may continue, in the order of the attempts.
func (w *worker) ways(o *outcome, c command, rnd *rand.Rand) [][]string {
	state, err := w.condition(c)
	if err != nil {
		o.add(&o.Failures, "%v", err)
	}
	switch {
	case c.state != "" && c.state != "stopped" && state == partial && !c.resume && !w.lives(c):
		o.add(&o.Lost, "both the old and the new result are missing (%s)", o.Note)
	case c.state != "" && c.state != "stopped" && state == absent:
		o.add(&o.Lost, "the old result is missing (%s)", o.Note)
	}
	if c.resume && state == partial {
		ways := [][]string{c.first(), c.resuming()}
		if rnd.IntN(2) == 0 || c.state == "run" { // a run that replaced an older run must continue by itself
			slices.Reverse(ways)
		}
		if c.state == "run" {
			return ways[:1]
		}
		return ways
	}
	if c.resume && state == absent { // the first start completes a commit, and then refers to --resume
		return [][]string{c.first(), c.resuming()}
	}
	return [][]string{c.first()}
}

// below returns the entries of a snapshot below a folder, relative to it.
func (s snapshot) below(name string) snapshot {
	name = strings.TrimPrefix(name, parentName+"/")
	out := snapshot{}
	for path, digest := range s {
		if path == name {
			out["."] = digest
		} else if rest, ok := strings.CutPrefix(path, name+"/"); ok {
			out[rest] = digest
		}
	}
	return out
}

// withoutPlanted removes the foreign files from a snapshot of the output's parent.
func (w *worker) withoutPlanted(s snapshot, c command) {
	for _, name := range w.planted(c) {
		name = strings.TrimPrefix(name, parentName+"/")
		delete(s, name)
		if dir := filepath.Dir(name); dir != "." && dir != filepath.Base(outName) {
			delete(s, dir)
		}
	}
}

// record runs every command undisturbed and keeps a snapshot of its result.
func (w *worker) record() error {
	w.olds, w.wants, w.times = map[string]snapshot{}, map[string]snapshot{}, map[string]time.Duration{}
	w.startup = w.start([]string{"version"}, nil).took
	for _, c := range w.commands {
		if c.state != "" {
			s, err := takeSnapshot(filepath.Join(w.dir, "states", c.state), exact)
			if err != nil {
				return err
			}
			w.olds[c.state] = s
		}
		if err := w.prepare(c); err != nil {
			return err
		}
		e := w.start(c.first(), nil)
		if e.code != 0 {
			return fmt.Errorf("undisturbed: %s", e)
		}
		w.times[c.name] = e.took
		s, err := takeSnapshot(filepath.Join(w.dir, parentName), result)
		if err != nil {
			return err
		}
		w.withoutPlanted(s, c)
		w.wants[c.name] = s.countSteps()
	}
	w.extent.orphans()
	_ = memoryLeft()
	return clearFolder(filepath.Join(w.dir, "tmp"))
}
