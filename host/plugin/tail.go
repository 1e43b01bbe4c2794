package plugin

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/ptychogo/ptycho/internal/words"
)

const (
	tailLines = 30  // the first goroutine of a Go panic, or a library's error message
	tailWidth = 400 // characters of a line: longer lines are data
)

// tail keeps the last lines written to it.
type tail struct {
	mu   sync.Mutex
	ring []string
	next int
	part []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			t.extend(b)
			return n, nil
		}
		t.extend(b[:i])
		t.push(t.part)
		t.part = t.part[:0]
		b = b[i+1:]
	}
}

// extend adds to the unfinished line. Of a long line it keeps enough to parse a log line of the usual size.
func (t *tail) extend(b []byte) {
	const room = 16 << 10
	t.part = append(t.part, b[:min(len(b), room-min(room, len(t.part)))]...)
}

func (t *tail) push(line []byte) {
	s := readable(line)
	if s == "" {
		return
	}
	if len(t.ring) < tailLines {
		t.ring = append(t.ring, s)
		return
	}
	t.ring[t.next] = s
	t.next = (t.next + 1) % tailLines
}

// readable turns a JSON log line into its message, and makes it printable.
func readable(line []byte) string { return words.Line(message(line), tailWidth) }

func message(line []byte) string {
	var entry struct {
		Level   string `json:"@level"`
		Message string `json:"@message"`
		Panic   any    `json:"panic"`
		Error   any    `json:"error"`
	}
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &entry) != nil || entry.Message == "" {
		return string(line)
	}
	s := entry.Level + ": " + entry.Message
	for _, v := range []any{entry.Panic, entry.Error} {
		if v, ok := v.(string); ok {
			s += ": " + v
		}
	}
	return s
}

// lines returns the last lines, oldest first, with the unfinished line.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := append(append([]string(nil), t.ring[t.next:]...), t.ring[:t.next]...)
	if s := readable(t.part); s != "" {
		out = append(out, s)
	}
	return out
}
