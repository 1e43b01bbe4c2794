package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArguments_ACommaSeparatesNothing checks values with commas: a list in --set, a file name in --config.
func TestArguments_ACommaSeparatesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a,b.yaml")
	if err := os.WriteFile(file, []byte("training:\n  max-epochs: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := must(t, "config", "show", "--config", file, "--set", "training.scheduler=multistage", "--set", "training.scheduler-milestones=1,2")
	for _, want := range []string{"max-epochs: 3", `scheduler-milestones: "1,2"`, "scheduler: \"multistage\""} {
		if !strings.Contains(out, want) {
			t.Errorf("want %s in:\n%s", want, out)
		}
	}
}

// TestArguments_NumbersAreSeparatedByCommas checks a flag that is a list of numbers.
func TestArguments_NumbersAreSeparatedByCommas(t *testing.T) {
	for _, args := range [][]string{{"--batch-size", "2,x"}, {"--batch-size=2,x"}} {
		_, stderr, code := run(t, append([]string{"bench"}, args...)...)
		if code != 10 || !strings.Contains(stderr, `"x"`) {
			t.Errorf("%v: exit %d, %s: the second number was not read", args, code, stderr)
		}
	}
}
