//go:build unix

package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// signalled is a command whose work takes longer than the wait before the signal.
type signalled struct {
	name  string
	args  []string
	after time.Duration
	saved string // file that the command must leave; "" if it must leave nothing
	ready string // file, or text on standard error, to wait for first; "": none
	full  bool   // standard output is a full pipe, so that a fast command waits
}

// sampledSignals are the commands of make test: one that computes in a backend, one that computes itself, one that waits for a
// plugin, and one that waits for its output.
var sampledSignals = []string{"train, steps", "solve", "plugins doctor", "config show"}

// mostSeconds is generous, for a loaded machine. The table shows the time of each command.
const mostSeconds = time.Minute

// given holds the inputs of the commands in the table.
type given struct {
	scan, small       string // 1,500 patterns of 128×128, for a sample 400 of 32×32; a few
	model, smallModel string // for scan and small
	plugins           string // folder with the plugin "slow", which never answers
	unsent            string // a run whose server no longer answers
	dir               string // for results
}

func signalTable(g given) []signalled {
	scan, small := g.scan, g.small
	out := func(name string) string { return filepath.Join(g.dir, name) }
	train := func(scan, name string, more ...string) []string {
		return append([]string{"train", "--train-data-file", scan, "--output-dir", out(name), "--max-epochs", "1000", "--n-filters-scale", "1", "--max-time", "5m"}, more...)
	}
	return []signalled{
		{"train, reading", train(scan, "a"), 500 * time.Millisecond, "", "", false},
		{"train, geometry", train(scan, "b"), 1500 * time.Millisecond, "", "", false},
		{"train, steps", train(small, "c", "--no-check-geometry", "--restarts", "30"), 100 * time.Millisecond, out("c/checkpoints"), "epoch 2 of 1000: deviance", false},
		{"solve", []string{"solve", "--data", scan, "--output-dir", out("d"), "--threads", "1", "--iterations", "100000", "--preview", "1"}, 200 * time.Millisecond, out("d/reconstruction.npz"), out("d/preview-phase.png"), false},
		{"solve, reading", []string{"solve", "--data", scan, "--output-dir", out("d2")}, 300 * time.Millisecond, "", "", false},
		{"solve --halves", []string{"solve", "--data", scan, "--output-dir", out("d3"), "--iterations", "2", "--preview", "2", "--halves"}, time.Second, out("d3/reconstruction.npz"), out("d3/preview-phase.png"), false},
		{"infer", []string{"infer", "--model-path", g.model, "--test-data", scan, "--output-dir", out("g")}, 2 * time.Second, "", "", false},
		{"infer --refine", []string{"infer", "--model-path", g.model, "--test-data", scan, "--output-dir", out("h"), "--n-images", "256", "--threads", "1", "--refine", "100000"}, 0, "", "refine: iteration", false},
		{"plugins doctor", []string{"plugins", "doctor", "slow", "--plugin-dir", g.plugins}, time.Second, "", "", false},
		{"runs send", []string{"runs", "send", g.unsent}, time.Second, "", "", false},
		{"config show", []string{"config", "show"}, time.Second / 2, "", "", true},
		{"config explain", []string{"config", "explain"}, time.Second / 2, "", "", true},
		{"model show", []string{"model", "show", g.smallModel}, time.Second / 2, "", "", true},
		{"inspect", []string{"inspect", scan}, time.Second, "", "", false},
		{"simulate", []string{"simulate", "--n", "128", "--n-images", "6000", "--output", out("e.npz")}, time.Second, "", "", false},
		{"bench", []string{"bench", "--n", "64", "--batch-size", "16", "--steps", "100000"}, 1500 * time.Millisecond, "", "", false},
		{"bench feed", []string{"bench", "feed", "--steps", "10000"}, 1500 * time.Millisecond, "", "", false},
		{"conformance", []string{"conformance"}, time.Second, "", "", false},
		{"conformance --parity", []string{"conformance", "--parity", "gorgonia,reference"}, time.Second, "", "", false},
		{"demo", []string{"demo", "--output-dir", out("f")}, time.Second, "", "", false},
		{"evaluate", []string{"evaluate", "--reconstruction", scan, "--reference", scan}, time.Second, "", "", false},
	}
}

// Every command obeys the first SIGTERM. The printed table has the seconds; make signal-table runs this alone.
func TestSIGTERM_EndsEveryCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	table := []string{fmt.Sprintf("%-22s %8s %5s", "command", "seconds", "code")}
	all := fixture.All()
	for _, c := range signalTable(prepare(t, all)) {
		if !all && !slices.Contains(sampledSignals, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) { table = append(table, c.run(t)) })
	}
	t.Log("SIGTERM once:\n" + strings.Join(table, "\n"))
}

// prepare creates the inputs of the commands in the table. Those of a sample are small.
func prepare(t *testing.T, large bool) given {
	t.Helper()
	g := given{dir: t.TempDir(), small: smallScan(t)}
	in := func(name string) string { return filepath.Join(g.dir, name) }
	g.scan, g.model, g.smallModel, g.unsent, g.plugins = in("scan.npz"), in("model"), in("small-model"), in("unsent"), in("plugins")
	train := []string{"train", "--no-check-geometry", "--n-filters-scale", "1", "--max-steps", "1", "--n-images", "32"}
	must(t, append(train, "--train-data-file", g.small, "--output-dir", g.smallModel)...)
	size := []string{"--n", "128", "--n-images", "1500"}
	if !large {
		size = []string{"--n", "32", "--n-images", "400"}
	}
	must(t, append([]string{"simulate", "--output", g.scan, "--seed", "3"}, size...)...)
	must(t, append(train, "--train-data-file", g.scan, "--output-dir", g.model)...)
	var asleep atomic.Bool
	awake := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asleep.Load() {
			<-awake
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(func() { close(awake); server.Close() })
	must(t, append(train, "--train-data-file", g.small, "--output-dir", g.unsent, "--logger", "mlflow", "--mlflow-uri", server.URL)...)
	asleep.Store(true)
	if err := errors.Join(os.Mkdir(g.plugins, 0o755), os.WriteFile(filepath.Join(g.plugins, "ptycho-backend-slow"), []byte("#!/bin/sh\nexec sleep 600\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	return g
}

// run sends SIGTERM to the running command and returns its row of the table.
func (c signalled) run(t *testing.T) string {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	text := func() string {
		b, _ := os.ReadFile(log.Name())
		return string(b)
	}
	cmd := exec.Command(ptycho(t), c.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), log, log
	if c.full {
		cmd.Stdout = fullPipe(t)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	wait := func(d time.Duration) {
		select {
		case <-ended:
			t.Skipf("the machine was too fast: %s ended by itself: %s", c.name, text())
		case <-time.After(d):
		}
	}
	waited := time.Now()
	for c.ready != "" && time.Since(waited) < mostSeconds && !strings.Contains(text(), c.ready) {
		if _, err := os.Stat(c.ready); err == nil {
			break
		}
		wait(20 * time.Millisecond)
	}
	wait(c.after)
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
	seconds, code := time.Since(began).Seconds(), cmd.ProcessState.ExitCode()
	if code != 143 {
		t.Errorf("%s ended with code %d, want 143: %s", c.name, code, text())
	}
	if c.saved != "" {
		if _, err := os.Stat(c.saved); err != nil {
			t.Errorf("%s left no %s: %s", c.name, c.saved, text())
		}
	}
	return fmt.Sprintf("%-22s %8.2f %5d", c.name, seconds, code)
}

// fullPipe returns the write end of a full pipe.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	if err := w.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 4<<20)); !errors.Is(err, os.ErrDeadlineExceeded) { // more than a pipe holds
		t.Fatal(err)
	}
	return w
}

// A closed pipe ends a training run with a checkpoint and code 143.
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
