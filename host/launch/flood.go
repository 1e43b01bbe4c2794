package launch

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// What a plugin may have shown of its standard error. A compiler's complaints are some hundred lines at once; after that a line in
// 50 ms is more than anybody reads. What is above it is counted and dropped.
const (
	floodLines    = 1000    // at once
	floodLineRate = 20      // a second
	floodBytes    = 1 << 20 // at once
	floodByteRate = 32 << 10
)

// flood lets lines through as far as the allowance goes.
type flood struct {
	lines, bytes float64 // that may pass now
	at           time.Time
	begun        bool // within a line
	passing      bool // that line passes
	droppedLines int
	droppedBytes int
}

func newFlood(now time.Time) *flood { return &flood{lines: floodLines, bytes: floodBytes, at: now} }

// admit appends what passes of b to out. Behind what was dropped comes a line that says how much it was.
func (f *flood) admit(out, b []byte, now time.Time) []byte {
	seconds := now.Sub(f.at).Seconds()
	f.at = now
	f.lines = min(f.lines+floodLineRate*seconds, floodLines)
	f.bytes = min(f.bytes+floodByteRate*seconds, floodBytes)
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n') + 1
		if end == 0 {
			end = len(b)
		}
		if !f.begun {
			if f.passing = f.lines >= 1 && f.bytes >= float64(end); f.passing {
				out = f.report(out)
				f.lines--
			} else {
				f.droppedLines++
			}
		}
		f.begun = b[end-1] != '\n'
		switch {
		case !f.passing:
			f.droppedBytes += end
		case f.bytes < float64(end): // a line without an end
			f.passing = false
			f.droppedLines, f.droppedBytes = f.droppedLines+1, f.droppedBytes+end
			out = append(out, '\n')
		default:
			f.bytes -= float64(end)
			out = append(out, b[:end]...)
		}
		b = b[end:]
	}
	return out
}

// report appends the line about what was dropped, which go-plugin takes as a warning.
func (f *flood) report(out []byte) []byte {
	if f.droppedLines == 0 {
		return out
	}
	lines := "lines"
	if f.droppedLines == 1 {
		lines = "line"
	}
	out = fmt.Appendf(out, "[WARN] %d %s (%d bytes) of the plugin's standard error are not shown: it wrote more than %d lines a second\n", f.droppedLines, lines, f.droppedBytes, floodLineRate)
	f.droppedLines, f.droppedBytes = 0, 0
	return out
}

// end is admit for the end of the stream.
func (f *flood) end(out []byte) []byte {
	if f.begun && f.passing && f.droppedLines > 0 {
		out = append(out, '\n')
	}
	return f.report(out)
}

const (
	// trickleBytes is what is read of a plugin's output at once, and trickleTime how long no more than that is read: 10 MiB a
	// second. A plugin that floods waits for its writes and costs the host little; one that logs does not notice.
	trickleBytes = 1 << 20
	trickleTime  = 100 * time.Millisecond
)

// pace waits where more than that has passed.
type pace struct {
	passed int
	since  time.Time
}

func (p *pace) wait() {
	if now := time.Now(); now.Sub(p.since) >= trickleTime {
		p.passed, p.since = 0, now
	} else if p.passed >= trickleBytes {
		time.Sleep(trickleTime - now.Sub(p.since))
		p.passed, p.since = 0, time.Now()
	}
}

// trickle reads at that pace.
type trickle struct {
	r io.Reader
	pace
}

func (t *trickle) Read(b []byte) (int, error) {
	t.wait()
	n, err := t.r.Read(b)
	t.passed += n
	return n, err
}

// paced writes at that pace. go-plugin writes with it what a plugin prints through the connection.
type paced struct {
	w io.Writer
	pace
}

func (p *paced) Write(b []byte) (int, error) {
	p.wait()
	p.passed += len(b)
	return p.w.Write(b)
}
