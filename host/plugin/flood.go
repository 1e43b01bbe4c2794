package plugin

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/ptychogo/ptycho/internal/words"
)

// Limits of the part of a plugin's standard error that is shown. A compiler writes some hundred lines at once; after that, a
// line every 50 ms is more than anybody reads. Lines above the limits are counted and dropped.
const (
	floodLines    = 1000    // at once
	floodLineRate = 20      // a second
	floodBytes    = 1 << 20 // at once
	floodByteRate = 32 << 10
)

// flood lets lines pass up to the limits.
type flood struct {
	lines, bytes float64 // that may pass now
	at           time.Time
	begun        bool // the current line has begun
	passing      bool // the current line passes
	droppedLines int
	droppedBytes int
}

func newFlood(now time.Time) *flood { return &flood{lines: floodLines, bytes: floodBytes, at: now} }

// admit appends the part of b that passes to out. After dropped lines it adds a line with their number.
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
		case f.bytes < float64(end): // an endless line
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

// report appends the line about dropped lines, which go-plugin logs as a warning.
func (f *flood) report(out []byte) []byte {
	if f.droppedLines == 0 {
		return out
	}
	out = fmt.Appendf(out, "[WARN] %s (%d bytes) of the plugin's standard error %s not shown: it wrote more than %d lines per second\n",
		words.Of(f.droppedLines, "line"), f.droppedBytes, words.Verb(f.droppedLines, "is", "are"), floodLineRate)
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
	// trickleBytes of a plugin's output are read in each trickleTime: 10 MiB per second. A plugin that floods its output waits
	// for its writes and costs the host little. Normal logging is not slowed down.
	trickleBytes = 1 << 20
	trickleTime  = 100 * time.Millisecond
)

// pace limits a stream to trickleBytes per trickleTime.
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

// trickle is a reader limited by pace.
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

// paced is a writer limited by pace. go-plugin writes a plugin's output from the connection with it.
type paced struct {
	w io.Writer
	pace
}

func (p *paced) Write(b []byte) (int, error) {
	p.wait()
	p.passed += len(b)
	return p.w.Write(b)
}
