package plugin

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestFlood_IsCutAndCounted writes far more than the limits, and later one more line.
func TestFlood_IsCutAndCounted(t *testing.T) {
	now := time.Unix(0, 0)
	f := newFlood(now)
	var out []byte
	for range 10 {
		out = f.admit(out, []byte(strings.Repeat("a line of a flood\n", 1000)), now)
	}
	if n := bytes.Count(out, []byte("\n")); n != floodLines {
		t.Errorf("%d lines passed, want %d", n, floodLines)
	}
	out = f.admit(nil, []byte("later\n"), now.Add(time.Second))
	if s := string(out); !strings.Contains(s, "9000 lines (162000 bytes)") || !strings.HasSuffix(s, "later\n") {
		t.Errorf("then came %q", s)
	}
}

// TestFlood_OfOneLineIsBounded writes an endless line.
func TestFlood_OfOneLineIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	f := newFlood(now)
	out, piece := []byte(nil), bytes.Repeat([]byte("x"), 64<<10)
	for range 1000 {
		out = f.admit(out, piece, now)
	}
	out = f.end(out)
	if len(out) > 2*floodBytes || !strings.Contains(string(out), "1 line (") {
		t.Errorf("%d bytes passed, ending in %q", len(out), out[len(out)-100:])
	}
}

// TestFlood_LetsALogPass writes lines at the rate of normal logging.
func TestFlood_LetsALogPass(t *testing.T) {
	now := time.Unix(0, 0)
	f := newFlood(now)
	for _, s := range []string{"one\ntw", "o\n", "", "three\n"} {
		if got := string(f.admit(nil, []byte(s), now)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	if got := f.end(nil); len(got) > 0 {
		t.Errorf("at the end came %q", got)
	}
}

// TestTail_IsPrintable checks that the last lines cannot move the cursor.
func TestTail_IsPrintable(t *testing.T) {
	tail := &tail{}
	_, _ = tail.Write([]byte("\x1b[31mred\x1b[0m\n{\"@level\":\"error\",\"@message\":\"a\\u001b]0;owned\\u0007b\"}\nlast\x1b[2J"))
	if got := strings.Join(tail.lines(), "|"); got != "red|error: ab|last" {
		t.Errorf("the tail is %q", got)
	}
}
