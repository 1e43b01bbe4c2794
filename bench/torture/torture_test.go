//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestMain lets the test program be its own workers and shim.
func TestMain(m *testing.M) {
	selfMode()
	code := m.Run()
	fixture.RemoveProgram()
	os.Exit(code)
}

// A few kills of make torture: nothing is lost, left behind or different.
func TestTorture_KillsLoseNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts ptycho about twenty times")
	}
	needNamespace(t)
	x := extent{Kills: 2, Stride: 173, Commands: []string{"train --overwrite", "simulate --overwrite"}, Minutes: 5, Seed: 1}
	if fixture.All() {
		x = extent{Kills: 4, Stride: 61, Commands: []string{"train --overwrite", "infer", "simulate --overwrite"}, Minutes: 5, Seed: 1}
	}
	all, err := runWorkers(x, fixture.Program(t), 2, func(*outcome, int) {})
	if err != nil {
		t.Fatal(err)
	}
	kills := 0
	for _, o := range all {
		kills += o.Done
		switch {
		case o.Skipped != "":
			t.Logf("%s: %s", o.trial, o.Skipped)
		case o.Kind == kindLate:
			t.Logf("the time was over before %d trials", o.Number)
		case o.bad():
			t.Errorf("%s (%s): %q", o.trial, o.Note, o.Found)
		}
	}
	if kills == 0 {
		t.Error("nothing was killed")
	}
	t.Logf("%d kills", kills)
}

// TestTorture_ResumesOnTheOtherBackend checks that a run which train --resume continues was begun on the backend that is disturbed.
func TestTorture_ResumesOnTheOtherBackend(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	x := extent{Backend: filepath.Join(t.TempDir(), "ptycho-backend-echo"), Patience: time.Minute}
	script := fmt.Sprintf("#!/bin/sh\nexec %s plugin serve gorgonia\n", fixture.Program(t))
	if err := os.WriteFile(x.Backend, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	w := &worker{dir: t.TempDir(), program: fixture.Program(t), extent: x}
	for _, c := range commands(x.Backend, x.Patience) {
		if c.name == "train --resume" {
			w.commands = append(w.commands, c)
		}
	}
	if err := w.makeStates(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.read("states/stopped/config.json"), x.Backend) {
		t.Error("the stopped run does not name the backend")
	}
}

func needNamespace(t *testing.T) {
	cmd := exec.Command("true")
	cmd.SysProcAttr = namespace()
	if err := cmd.Run(); err != nil {
		t.Skipf("needs a mount namespace: root, or user namespaces: %v", err)
	}
}

// The comparison ignores only times.
func TestSnapshot_SeesEveryByteButTimes(t *testing.T) {
	report := func(text string) string { return result("out/report.json", []byte(text)) }
	table := func(text string) string { return result("out/metrics.csv", []byte(text)) }
	if report(`{"loss":1,"seconds":2,"last":{"patterns_per_second":3}}`) != report(`{"loss":1,"seconds":5,"last":{"patterns_per_second":6}}`) {
		t.Error("reports that differ in times differ")
	}
	if report(`{"loss":1,"seconds":2}`) == report(`{"loss":2,"seconds":2}`) {
		t.Error("reports with two losses do not differ")
	}
	if table("loss,waited_seconds\n1,2\n") != table("loss,waited_seconds\n1,3\n") || table("loss,waited_seconds\n1,2\n") == table("loss,waited_seconds\n2,2\n") {
		t.Error("tables are not compared by all columns but those of times")
	}
	if result("out/weights.npz", []byte{1}) == result("out/weights.npz", []byte{2}) {
		t.Error("weights are not compared byte for byte")
	}
	excess, other := snapshot{"a": "1", "b": "2", "c": "3"}.against(snapshot{"a": "1", "b": "x", "d": "4"})
	if len(excess) != 1 || len(other) != 2 {
		t.Errorf("excess %v, other %v", excess, other)
	}
}
