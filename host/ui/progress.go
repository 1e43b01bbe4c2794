// Package ui shows the progress of work: a line that is rewritten on a terminal, a line every ten seconds elsewhere,
// nothing with --quiet.
package ui

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ptychogo/ptycho/internal/printable"
)

// interval is the time between progress lines without a terminal; refresh is that on a terminal.
const (
	interval = 10 * time.Second
	refresh  = 100 * time.Millisecond
)

// Progress describes how far a run is.
type Progress struct {
	Phase         string // such as "train" or "refine"; rates and times are per phase
	Epoch, Epochs int
	Step, Steps   int // of the phase
	Patterns      int // since the last call
	Deviance      float64
	Expected      float64
	Text          string // shown in place of epoch, step and deviance
}

// Meter writes progress and notices. Its methods may be called from several goroutines.
type Meter struct {
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
	open     bool // the terminal shows a line without a line break
}

// NewMeter returns a Meter that writes to w. now is time.Now except in tests.
func NewMeter(w io.Writer, terminal, quiet bool, now func() time.Time) *Meter {
	return &Meter{w: w, terminal: terminal, quiet: quiet, now: now}
}

// HideProgress turns progress off and keeps notices.
func (m *Meter) HideProgress() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hidden = true
}

// Notice writes a line.
func (m *Meter) Notice(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.quiet {
		return
	}
	m.clear()
	fmt.Fprintln(m.w, printable.Lines(fmt.Sprintf(format, args...), maxNotice)) // it may quote a file or a plugin
}

// Say writes a line even with --quiet, in answer to a signal of the user.
func (m *Meter) Say(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	fmt.Fprintf(m.w, format+"\n", args...)
}

// maxNotice is the greatest length of a line of a notice, in characters: some contain a path.
const maxNotice = 4000

// clear erases the progress line.
func (m *Meter) clear() {
	if m.open {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.open = false
	}
}

// Done erases the progress line at the end of the work.
func (m *Meter) Done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

// Update shows p if the time since the last line is long enough.
func (m *Meter) Update(p Progress) {
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
	text := line(p, m.patterns, p.Step-m.first, now.Sub(m.started))
	if m.terminal {
		fmt.Fprintf(m.w, "\r%s\x1b[K", text)
		m.open = true
		return
	}
	fmt.Fprintln(m.w, text)
}

// line describes the progress after a number of patterns and steps in the time took.
func line(p Progress, patterns, steps int, took time.Duration) string {
	rate := float64(patterns) / max(took.Seconds(), 1e-3)
	remaining := time.Duration(float64(took) / float64(max(steps, 1)) * float64(p.Steps-p.Step)).Round(time.Second)
	text := fmt.Sprintf("epoch %d of %d, step %d of %d", p.Epoch, p.Epochs, p.Step, p.Steps)
	switch {
	case p.Text != "":
		text = p.Text
	case p.Deviance > 0 && p.Expected > 0:
		text += fmt.Sprintf(", deviance %.4g per pixel (perfect fit %.3g)", p.Deviance, p.Expected)
	case p.Deviance > 0:
		text += fmt.Sprintf(", deviance %.4g per pixel", p.Deviance)
	}
	return text + fmt.Sprintf(", %.0f patterns/s, %v left", rate, remaining)
}
