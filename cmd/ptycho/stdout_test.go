//go:build unix

package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestStdout_AFullDiskFailsEveryCommand prints to /dev/full, where every write fails.
func TestStdout_AFullDiskFailsEveryCommand(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	scan := filepath.Join(t.TempDir(), "scan.npz")
	must(t, "simulate", "--output", scan, "--n", "16", "--object-size", "48", "--n-images", "24", "--seed", "1")
	for _, args := range []string{
		"config show", "config explain", "config show --json", "config schema", "version", "version --json", "plugins list", "plugins list --json",
		"--help", "train --help", "completion bash", "inspect --no-geometry " + scan, "inspect --no-geometry --json " + scan,
		"simulate --overwrite --n 16 --object-size 48 --n-images 16 --output " + scan,
	} {
		cmd := exec.Command(fixture.Program(t), strings.Fields(args)...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		_ = cmd.Run() // the exit code is checked below
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.HasSuffix(lines[len(lines)-1], "the result could not be written to standard output: no space left on device") {
			t.Errorf("%s: exit %d, %s", args, code, stderr.String())
		}
	}
}

// TestStdout_AllCommandsPrintThroughIt finds prints whose errors would be ignored.
func TestStdout_AllCommandsPrintThroughIt(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	past := regexp.MustCompile(`\bfmt\.Print|\bos\.Stdout\b`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") || name == "stdout.go" {
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			if past.MatchString(line) && !strings.Contains(line, "plugin.Tool(") { // plugin.Tool passes the terminal to another program
				t.Errorf("%s:%d prints past stdout, which notices a full disk: write stdout.Print, stdout.Printf or stdout.Println", name, i+1)
			}
		}
	}
}
