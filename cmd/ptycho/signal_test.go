//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slow returns a training run that takes some time.
func slow(t *testing.T, scan, dir string) *exec.Cmd {
	t.Helper()
	return exec.Command(ptycho(t), "train", "--train-data-file", scan, "--output-dir", dir, "--max-epochs", "10", "--learning-rate", "3e-4", "--n-filters-scale", "1", "--no-check-geometry")
}

// afterEpoch starts cmd and returns when its standard error reports that epoch.
func afterEpoch(t *testing.T, cmd *exec.Cmd, epoch string) *bytes.Buffer {
	t.Helper()
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if line := lines.Text(); strings.HasPrefix(line, "epoch "+epoch+" of") && strings.Contains(line, ": deviance") { // not a progress line
			go func() {
				for lines.Scan() { // keep the pipe empty
				}
			}()
			return &text
		}
	}
	t.Fatalf("the run ended before epoch %s: %s", epoch, text.String())
	return nil
}

// plugins lists the processes whose parent is pid.
func plugins(t *testing.T, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("this system has no /proc to find the plugin's process in")
	}
	var out []int
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(b, []byte(") "))
		fields := strings.Fields(string(rest))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) && fields[0] != "Z" {
			id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			out = append(out, id)
		}
	}
	return out
}

// whole holds the weights of slow's run without an interruption, once a test has needed them.
var whole []byte

// undisturbed returns the weights of an uninterrupted run.
func undisturbed(t *testing.T, scan string) []byte {
	t.Helper()
	if whole == nil {
		dir := filepath.Join(t.TempDir(), "whole")
		must(t, slow(t, scan, dir).Args[1:]...)
		whole = weights(t, dir)
	}
	return whole
}

func TestSignal_InterruptedRunsResumeToSameBits(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
	cmd := slow(t, scan, dir)
	afterEpoch(t, cmd, "1")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Fatalf("exit %d after one SIGINT, want 130", code)
	}
	if report, err := os.ReadFile(filepath.Join(dir, "report.json")); err != nil || !bytes.Contains(report, []byte(`"ended": "interrupted"`)) {
		t.Errorf("its report says %s (%v)", report, err)
	}
	must(t, "train", "--resume", dir)
	if !bytes.Equal(weights(t, dir), undisturbed(t, scan)) {
		t.Error("the resumed run ended with other weights")
	}
}

func TestSignal_SecondCancelsThirdKills(t *testing.T) {
	for _, c := range []struct {
		name  string
		count int
	}{{"twice", 2}, {"thrice", 3}} {
		t.Run(c.name, func(t *testing.T) {
			scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
			cmd := slow(t, scan, dir)
			afterEpoch(t, cmd, "2") // the checkpoint of the first is written
			for range c.count {
				if err := cmd.Process.Signal(os.Interrupt); err != nil {
					break // it has ended already
				}
				time.Sleep(20 * time.Millisecond)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 130 {
				t.Errorf("exit %d, want 130", code)
			}
			must(t, "train", "--resume", dir)
		})
	}
}

func TestSignal_TerminatedRunExitCode(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
	cmd := slow(t, scan, dir)
	afterEpoch(t, cmd, "1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit %d after SIGTERM, want 143", code)
	}
}

func TestTrain_KilledPluginIsReplaced(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
	cmd := slow(t, scan, dir)
	afterEpoch(t, cmd, "1")
	victims := plugins(t, cmd.Process.Pid)
	if len(victims) != 1 {
		t.Fatalf("the host has the children %v, want the plugin alone", victims)
	}
	if err := syscall.Kill(victims[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the run did not survive: %v", err)
	}
	if !bytes.Equal(weights(t, dir), undisturbed(t, scan)) {
		t.Error("the run ended with other weights")
	}
}

func TestTrain_KilledHostLeavesNoPlugin(t *testing.T) {
	scan, dir := smallScan(t), filepath.Join(t.TempDir(), "run")
	cmd := slow(t, scan, dir)
	afterEpoch(t, cmd, "1")
	orphans := plugins(t, cmd.Process.Pid)
	if len(orphans) != 1 {
		t.Fatalf("the host has the children %v, want the plugin alone", orphans)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(time.Minute)
	for syscall.Kill(orphans[0], 0) == nil {
		if b, err := os.ReadFile("/proc/" + strconv.Itoa(orphans[0]) + "/stat"); err == nil && bytes.Contains(b, []byte(") Z ")) {
			return // ended, and not yet collected by the system
		}
		if time.Now().After(deadline) {
			t.Fatal("the plugin outlives its host")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
