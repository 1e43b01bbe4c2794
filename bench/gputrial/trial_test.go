//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"github.com/ptychogo/ptycho/internal/fixture"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// begin returns a trial with the given stages and an output folder. It writes its messages to log.
func begin(t *testing.T, limit time.Duration, stages ...stage) (one *trial, log *bytes.Buffer) {
	t.Helper()
	o := options{backend: xla, cpu: true, output: t.TempDir(), bundle: t.TempDir(), work: t.TempDir(), python: "/nonexistent", limit: limit, sizes: []int{64}, batches: []int{16}}
	for _, name := range []string{program, backendProgram} {
		if err := os.WriteFile(filepath.Join(o.bundle, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	one, err := newTrial(o, stages)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(one.close)
	log = &bytes.Buffer{}
	one.log, one.out = log, log
	return one, log
}

// onDisk reads the result file.
func onDisk(t *testing.T, one *trial) *result {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(one.output, resultFile))
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func fine(t *trial, ctx context.Context, r *recorder) error {
	r.note("this", "works")
	return nil
}

// shell returns a stage that runs a script.
func shell(script string) func(*trial, context.Context, *recorder) error {
	return func(t *trial, ctx context.Context, r *recorder) error {
		e := t.execute(ctx, command{path: "/bin/sh", args: []string{"-c", script}})
		return e.err
	}
}

// TestTrial_StagesAfterAFailureRun runs one stage of each outcome before the last.
func TestTrial_StagesAfterAFailureRun(t *testing.T) {
	fixture.Long(t)
	second := defaultLimit / 60 // in a trial of a minute
	all := []stage{
		{"hangs", "", 3 * second, nil, shell("echo begun >&2; sleep 1000")},
		{"fails", "", 10 * second, nil, shell("echo the backend broke >&2; kill -9 $$")},
		{"lacks", "", 10 * second, nil, func(*trial, context.Context, *recorder) error { return &skipped{"there is no GPU"} }},
		{"half", "", 10 * second, nil, func(_ *trial, _ context.Context, r *recorder) error {
			r.add(row{What: "a"})
			r.add(row{What: "b", Failed: true, Note: "too large"})
			return nil
		}},
		{"works", "", 10 * second, []string{"found"}, fine},
	}
	one, _ := begin(t, time.Minute, all...)
	if code := one.run(context.Background()); code != exitFailed {
		t.Errorf("exit %d, want %d: stages failed", code, exitFailed)
	}
	for i, want := range []struct {
		state state
		note  string
	}{{Failed, "s: begun"}, {Failed, "the backend broke"}, {Skipped, "there is no GPU"}, {Partly, "1 of 2 rows"}, {Done, ""}} {
		if s := onDisk(t, one).Stages[i]; s.State != want.state || !strings.Contains(s.Note, want.note) {
			t.Errorf("stage %s is %s with the note %q, want %s with %q", s.Name, s.State, s.Note, want.state, want.note)
		}
	}
	table, err := os.ReadFile(filepath.Join(one.output, tableFile))
	if err != nil || !strings.Contains(string(table), "the backend broke") || !strings.Contains(string(table), "| this | works |") {
		t.Errorf("the table lacks the failure or the row: %v\n%s", err, table)
	}
}

func TestTrial_ResultIsOnDiskAfterEveryRow(t *testing.T) {
	one, _ := begin(t, time.Minute, stage{"first", "", time.Minute, []string{"found"}, fine}, stage{"second", "", time.Minute, nil, func(o *trial, _ context.Context, r *recorder) error {
		r.note("a row", "is written")
		got := onDisk(t, o)
		if got.Ended || got.Stages[0].State != Done || got.Stages[1].State != Running || len(got.Stages[1].Rows) != 1 {
			t.Errorf("during the second stage the file says %+v, %+v, ended %v", got.Stages[0], got.Stages[1], got.Ended)
		}
		return nil
	}})
	if code := one.run(context.Background()); code != 0 || !onDisk(t, one).Ended {
		t.Errorf("exit %d, ended %v", code, onDisk(t, one).Ended)
	}
}

// TestRecorder_WritesInfinity adds a ratio to zero, which JSON cannot represent as a number.
func TestRecorder_WritesInfinity(t *testing.T) {
	one, _ := begin(t, time.Minute, stage{"divides", "", time.Minute, []string{"ratio"}, func(_ *trial, _ context.Context, r *recorder) error {
		r.add(row{What: "a", Values: map[string]any{"ratio": math.Inf(1)}})
		return nil
	}})
	if code := one.run(context.Background()); code != 0 || onDisk(t, one).Stages[0].Rows[0].Values["ratio"] != "+Inf" {
		t.Errorf("exit %d, the row is %+v", code, onDisk(t, one).Stages[0].Rows)
	}
}

// TestTrial_UnwritableFolderKeepsTheStagesRunning removes the output folder, which fails like a full disk.
func TestTrial_UnwritableFolderKeepsTheStagesRunning(t *testing.T) {
	one, log := begin(t, time.Minute, stage{"breaks", "", time.Minute, nil, func(o *trial, _ context.Context, r *recorder) error {
		return os.RemoveAll(o.output)
	}}, stage{"works", "", time.Minute, []string{"found"}, fine})
	if code := one.run(context.Background()); code != exitFailed {
		t.Errorf("exit %d, want %d: no result was written", code, exitFailed)
	}
	for _, want := range []string{"the table is printed at the end", "| this | works |"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("it does not say %q once:\n%s", want, log)
		}
	}
}

// TestTrial_EndOfTimeLeavesTheRestOut lets the time end while the first stage hangs.
func TestTrial_EndOfTimeLeavesTheRestOut(t *testing.T) {
	ctx, end := context.WithCancel(context.Background())
	one, _ := begin(t, time.Minute, stage{"hangs", "", time.Minute, nil, func(o *trial, ctx context.Context, r *recorder) error {
		time.AfterFunc(200*time.Millisecond, end)
		return shell("sleep 1000")(o, ctx, r)
	}}, stage{"starves", "", time.Minute, nil, fine})
	if code := one.run(ctx); code != exitFailed {
		t.Errorf("exit %d, want %d", code, exitFailed)
	}
	r := onDisk(t, one)
	if r.Stages[0].State != Failed || r.Stages[1].State != NotRun || !r.Ended {
		t.Errorf("the stages are %+v and %+v, ended %v", r.Stages[0], r.Stages[1], r.Ended)
	}
}

// TestExecute_KillsAStoppedPlugin starts a process in a separate session and stops it, so that it receives neither its group's
// end nor a signal that it could handle.
func TestExecute_KillsAStoppedPlugin(t *testing.T) {
	one, _ := begin(t, time.Minute)
	file := filepath.Join(t.TempDir(), "pid")
	e := one.execute(context.Background(), command{path: "/bin/sh", limit: 500 * time.Millisecond,
		args: []string{"-c", `setsid sh -c 'echo $$ >"$0"; kill -STOP $$' "$0" & wait`, file}})
	if e.err == nil || !strings.Contains(e.err.Error(), "killed after") {
		t.Errorf("it ended with %v, want that it was killed", e.err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(offspring(os.Getpid(), nil), pid) {
		t.Errorf("process %d still runs", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestExecute_ToleratesOnlyNamedExitCodes(t *testing.T) {
	one, _ := begin(t, time.Minute)
	for code, failed := range map[int]bool{0: false, 20: false, 21: false, 13: true} {
		e := one.execute(context.Background(), command{path: "/bin/sh", args: []string{"-c", "echo last words >&2; exit " + strconv.Itoa(code)}, tolerates: []int{20, 21}})
		if (e.err != nil) != failed || failed && !strings.Contains(e.err.Error(), "last words") {
			t.Errorf("exit code %d gives %v", code, e.err)
		}
	}
}

func TestKillOffspring_SparesNamedProcesses(t *testing.T) {
	if err := adoptOrphans(); err != nil {
		t.Fatal(err)
	}
	spared := exec.Command("sleep", "1000")
	if err := spared.Start(); err != nil {
		t.Fatal(err)
	}
	victim := exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	killOffspring([]int{spared.Process.Pid})
	var exit *exec.ExitError
	if err := victim.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the other process ended with %v, want a kill", err)
	}
	if !slices.Contains(offspring(os.Getpid(), nil), spared.Process.Pid) {
		t.Error("the spared process is gone")
	}
	_ = spared.Process.Kill()
	_ = spared.Wait()
}

// TestTrial_ExpandsPrograms starts from a bundle with compressed backends, then from one in which a backend is damaged.
func TestTrial_ExpandsPrograms(t *testing.T) {
	one, log := begin(t, time.Minute)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte("a program"))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	for i, content := range [][]byte{packed.Bytes(), packed.Bytes()[:20]} {
		if err := os.WriteFile(filepath.Join(one.bundle, backendProgram+".gz"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		folder := one.copyPrograms()
		text, err := os.ReadFile(filepath.Join(one.work, backendProgram))
		if i == 0 && (folder != one.work || err != nil || string(text) != "a program") {
			t.Errorf("from a sound bundle: %s, %q, %v", folder, text, err)
		}
	}
	if want := backendProgram + ".gz: "; one.copyPrograms() != one.bundle || !strings.Contains(log.String(), want) {
		t.Errorf("from a damaged bundle it says %q, want %q", log, want)
	}
}
