//go:build unix

package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// signalled is a command with work that takes longer than the test waits before the signal.
type signalled struct {
	name  string
	args  []string
	after time.Duration
	saved string // file that the command has to leave; "" when it has to leave nothing
}

// mostSeconds is generous: the table says how long each took, and a loaded machine is no fault of the program.
const mostSeconds = time.Minute

func signalTable(scan, small, dir string) []signalled {
	out := func(name string) string { return filepath.Join(dir, name) }
	train := func(scan, name string, more ...string) []string {
		return append([]string{"train", "--train-data-file", scan, "--output-dir", out(name), "--max-epochs", "1000", "--n-filters-scale", "1", "--max-time", "5m"}, more...)
	}
	return []signalled{
		{"train, reading", train(scan, "a"), 500 * time.Millisecond, ""},
		{"train, geometry", train(scan, "b"), 4 * time.Second, ""},
		{"train, steps", train(small, "c", "--no-check-geometry", "--restarts", "30"), 5 * time.Second, out("c/checkpoints")},
		{"solve", []string{"solve", "--data", scan, "--output-dir", out("d"), "--iterations", "100000"}, 6 * time.Second, out("d/reconstruction.npz")},
		{"inspect", []string{"inspect", scan}, 2 * time.Second, ""},
		{"simulate", []string{"simulate", "--n", "128", "--n-images", "6000", "--output", out("e.npz")}, time.Second, ""},
		{"bench", []string{"bench", "--n", "64", "--batch-size", "16", "--steps", "100000"}, 3 * time.Second, ""},
		{"bench feed", []string{"bench", "feed", "--steps", "10000"}, 3 * time.Second, ""},
		{"conformance", []string{"conformance"}, 3 * time.Second, ""},
		{"conformance --parity", []string{"conformance", "--parity", "gorgonia,reference"}, 3 * time.Second, ""},
		{"demo", []string{"demo", "--output-dir", out("f")}, 2 * time.Second, ""},
		{"evaluate", []string{"evaluate", "--reconstruction", scan, "--reference", scan}, 1500 * time.Millisecond, ""},
	}
}

// Every command obeys the first SIGTERM. The printed table has the seconds; make signal-table runs this alone.
func TestSIGTERM_EndsEveryCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	must(t, "simulate", "--output", scan, "--n", "128", "--n-images", "1500", "--seed", "3")
	table := []string{fmt.Sprintf("%-22s %8s %5s", "command", "seconds", "code")}
	for _, c := range signalTable(scan, smallScan(t), dir) {
		t.Run(c.name, func(t *testing.T) {
			var text strings.Builder
			cmd := exec.Command(ptycho(t), c.args...)
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &text, &text
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case <-ended:
				t.Skipf("the machine was too fast: %s ended by itself: %s", c.name, text.String())
			case <-time.After(c.after):
			}
			began := time.Now()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			select {
			case <-ended:
			case <-time.After(mostSeconds):
				_ = cmd.Process.Kill()
				<-ended
				t.Fatalf("%s goes on after SIGTERM", c.name)
			}
			code := cmd.ProcessState.ExitCode()
			table = append(table, fmt.Sprintf("%-22s %8.2f %5d", c.name, time.Since(began).Seconds(), code))
			if code != 143 {
				t.Errorf("%s ended with code %d, want 143: %s", c.name, code, text.String())
			}
			if c.saved != "" {
				if _, err := os.Stat(c.saved); err != nil {
					t.Errorf("%s left no %s: %s", c.name, c.saved, text.String())
				}
			}
		})
	}
	t.Log("SIGTERM once:\n" + strings.Join(table, "\n"))
}

// A closed pipe ends a training run with a checkpoint and code 143, and kills nothing.
func TestClosedPipe_LeavesACheckpoint(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
	cmd := exec.Command("sh", "-c", `("$0" train --train-data-file "$1" --output-dir "$2" --max-epochs 1000 2>&1; echo $? >"$2.code") | head -1`, ptycho(t), scan, dir)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var code []byte
	for range 600 {
		if code, _ = os.ReadFile(dir + ".code"); len(code) > 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if strings.TrimSpace(string(code)) != "143" {
		t.Errorf("it ended with code %q, want 143", code)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "checkpoints", "*.npz")); len(found) == 0 {
		t.Error("it left no checkpoint")
	}
}
