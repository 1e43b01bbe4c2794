//go:build unix

package main_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLimits_ALowLimitOfTheShellIsNamed runs a command under limits that would later crash Go's runtime.
func TestLimits_ALowLimitOfTheShellIsNamed(t *testing.T) {
	for limit, words := range map[string]string{
		"-n 40":      "allows 40 open files",
		"-v 1500000": "allows 1.4 GiB of address space",
	} {
		out, err := exec.Command("bash", "-c", "ulimit "+limit+` && exec "$0" version`, ptycho(t)).CombinedOutput()
		text := strings.TrimSpace(string(out))
		if e, _ := err.(*exec.ExitError); e == nil || e.ExitCode() != 10 {
			t.Errorf("ulimit %s: %v, want exit code 10: %s", limit, err, text)
		}
		if !strings.Contains(text, words) || strings.Contains(text, "\n") || !strings.Contains(text, "ulimit "+limit[:2]) {
			t.Errorf("ulimit %s: %q, want one line with %q", limit, text, words)
		}
	}
}
