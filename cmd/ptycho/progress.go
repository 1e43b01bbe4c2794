package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/words"
)

// interval is the time between progress lines without a terminal; refresh is that on a terminal.
const (
	interval = 10 * time.Second
	refresh  = 100 * time.Millisecond
)

// progressMeter shows the progress of work and notices: a line that is rewritten on a terminal, a line every ten seconds
// elsewhere, nothing with --quiet. Its methods may be called from several goroutines.
type progressMeter struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	quiet    bool
	hidden   bool // no progress; notices are shown
	now      func() time.Time

	started  time.Time
	last     time.Time
	phase    string
	first    int // step of the first call of the phase
	patterns int
	open     bool                   // the terminal shows a line without a line break
	task     atomic.Pointer[string] // for Silent: "case NAME"; nil: none
}

// newMeter returns a progressMeter that writes to w. now is time.Now except in tests.
func newMeter(w io.Writer, terminal, quiet bool, now func() time.Time) *progressMeter {
	return &progressMeter{w: w, terminal: terminal, quiet: quiet, now: now}
}

// HideProgress turns progress off and keeps notices.
func (m *progressMeter) HideProgress() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hidden = true
}

// Notice writes a line.
func (m *progressMeter) Notice(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.quiet {
		return
	}
	m.clear()
	fmt.Fprintln(m.w, words.Lines(fmt.Sprintf(format, args...), maxNotice)) // it may quote a file or a plugin
}

// Silent writes a line about a backend that does not answer, with the task that waits for it.
func (m *progressMeter) Silent(format string, args ...any) {
	if task := m.task.Load(); task != nil {
		format, args = format+" (%s)", append(args, *task)
	}
	m.Notice(format, args...)
}

// Say writes a line even with --quiet, in answer to a signal of the user.
func (m *progressMeter) Say(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	fmt.Fprintf(m.w, format+"\n", args...)
}

// maxNotice is the greatest length of a line of a notice, in characters: some contain a path.
const maxNotice = 4000

// clear erases the progress line.
func (m *progressMeter) clear() {
	if m.open {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.open = false
	}
}

// Done erases the progress line at the end of the work.
func (m *progressMeter) Done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

// Update shows p if the time since the last line is long enough.
func (m *progressMeter) Update(p host.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.started.IsZero() || p.Phase != m.phase {
		if m.started.IsZero() {
			m.last = now
		}
		m.started, m.first, m.patterns, m.phase = now, p.Step-1, 0, p.Phase
	}
	m.patterns += p.Patterns
	wait := interval
	if m.terminal {
		wait = refresh
	}
	if m.quiet || m.hidden || now.Sub(m.last) < wait {
		return
	}
	m.last = now
	text := progressLine(p, m.patterns, p.Step-m.first, now.Sub(m.started))
	if m.terminal {
		fmt.Fprintf(m.w, "\r%s\x1b[K", text)
		m.open = true
		return
	}
	fmt.Fprintln(m.w, text)
}

// progressLine describes the progress after a number of patterns and steps in the time took.
func progressLine(p host.Progress, patterns, steps int, took time.Duration) string {
	rate := float64(patterns) / max(took.Seconds(), 1e-3)
	remaining := time.Duration(float64(took) / float64(max(steps, 1)) * float64(p.Steps-p.Step)).Round(time.Second)
	text := fmt.Sprintf("epoch %d of %d, step %d of %d", p.Epoch, p.Epochs, p.Step, p.Steps)
	switch {
	case p.Description != "":
		text = p.Description
	case p.Deviance > 0 && p.Expected > 0:
		text += fmt.Sprintf(", deviance %.4g per pixel (perfect fit %.3g)", p.Deviance, p.Expected)
	case p.Deviance > 0:
		text += fmt.Sprintf(", deviance %.4g per pixel", p.Deviance)
	}
	if p.Steps == 0 || took < time.Second { // the end is not known, or not yet
		return text
	}
	return text + fmt.Sprintf(", %.0f patterns/s, %v left", rate, remaining)
}
