package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/host"
)

// clock is a time that only the test advances.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

// work runs a hundred steps of eight patterns, one per second, and returns the output of a meter.
func work(terminal, quiet bool) string {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	m := newMeter(&out, terminal, quiet, c.now)
	for step := 1; step <= 100; step++ {
		m.Update(host.Progress{Epoch: 1 + step/51, Epochs: 2, Step: step, Steps: 100, Patterns: 8, Deviance: 2.5, Expected: 0.41})
		c.pass(time.Second)
	}
	m.Done()
	return out.String()
}

func TestMeter_LineEveryTenSecondsWithoutTerminal(t *testing.T) {
	out := work(false, false)
	if n := strings.Count(out, "\n"); n != 9 {
		t.Errorf("%d lines in 99 s:\n%s", n, out)
	}
	if strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("control characters reach a file: %q", out)
	}
	first, _, _ := strings.Cut(out, "\n")
	for _, want := range []string{"epoch 1 of 2", "step 11 of 100", "deviance 2.5 per pixel", "perfect fit 0.41", "patterns/s", "left"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q does not say %q", first, want)
		}
	}
}

// TestMeter_SpeaksOfThePhase shows the progress of a prediction and of the following refinement, as in infer.
func TestMeter_SpeaksOfThePhase(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	m := newMeter(&out, false, false, c.now)
	for step := 1; step <= 20; step++ {
		m.Update(host.Progress{Phase: "infer", Step: step, Steps: 20, Patterns: 8, Description: "predict: batch"})
		c.pass(time.Second)
	}
	for step := 1; step <= 21; step++ {
		m.Update(host.Progress{Phase: "refine", Step: step, Steps: 41, Patterns: 100, Description: "refine: iteration"})
		c.pass(time.Second)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, wrong := range []string{"epoch", "perfect fit", "-"} {
		if strings.Contains(out.String(), wrong) {
			t.Errorf("%q is shown:\n%s", wrong, out.String())
		}
	}
	// 21 steps in 20 s: 20 more take 19 s. The rate counts the 20 patterns of 100 since the first call.
	if last, want := lines[len(lines)-1], "refine: iteration, 105 patterns/s, 19s left"; last != want {
		t.Errorf("the last line is %q, want %q", last, want)
	}
}

func TestMeter_RewritesOneLineOnTerminal(t *testing.T) {
	out := work(true, false)
	if strings.Contains(out, "\n") {
		t.Errorf("the progress line was ended: %q", out)
	}
	if n := strings.Count(out, "\r"); n < 90 {
		t.Errorf("it was written %d times", n)
	}
	if !strings.HasSuffix(out, "\r\x1b[K") {
		t.Error("it was not wiped at the end")
	}
}

func TestMeter_LimitsLinesOnTerminal(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	m := newMeter(&out, true, false, c.now)
	for step := range 1000 {
		m.Update(host.Progress{Step: step + 1, Steps: 1000})
		c.pass(time.Millisecond)
	}
	if n := strings.Count(out.String(), "\r"); n > 10 {
		t.Errorf("%d times in a second", n)
	}
}

func TestMeter_QuietWritesNothing(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&out, true, true, time.Now)
	m.Notice("said")
	m.Done()
	if out.Len() > 0 || work(true, true) != "" || work(false, true) != "" {
		t.Errorf("quiet wrote %q", out.String())
	}
}

func TestMeter_NoticeClearsProgressLine(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	m := newMeter(&out, true, false, c.now)
	for step := 1; step <= 2; step++ {
		m.Update(host.Progress{Step: step, Steps: 9})
		c.pass(time.Second)
	}
	m.Notice("epoch %d done", 1)
	if !strings.HasSuffix(out.String(), "\r\x1b[Kepoch 1 done\n") {
		t.Errorf("%q", out.String())
	}
}

// A resumed run starts in the middle: earlier steps must not count as speed.
func TestMeter_TimeLeftOfResumedRun(t *testing.T) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	m := newMeter(&out, false, false, c.now)
	m.Update(host.Progress{Step: 901, Steps: 1000, Patterns: 8})
	c.pass(50 * time.Second)
	m.Update(host.Progress{Step: 950, Steps: 1000, Patterns: 8 * 49})
	if !strings.Contains(out.String(), "50s left") || !strings.Contains(out.String(), " 8 patterns/s") {
		t.Errorf("50 steps took 50 s and 50 are left: %q", out.String())
	}
}

// TestMeter_SilentNamesTheTask writes a notice of a silent backend during a case of conformance and outside of one.
func TestMeter_SilentNamesTheTask(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&out, false, false, time.Now)
	m.Silent("no answer in %s", "forward")
	task := "case operation/relu"
	m.task.Store(&task)
	m.Silent("no answer in %s", "forward")
	if want := "no answer in forward\nno answer in forward (case operation/relu)\n"; out.String() != want {
		t.Errorf("the notices are %q, want %q", out.String(), want)
	}
}
