package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestCommands_MissingFileStartsNoBackend runs each command with a missing file. Standard error must not announce a backend,
// which happens at its start.
func TestCommands_MissingFileStartsNoBackend(t *testing.T) {
	scan, dir := smallScan(t), t.TempDir()
	model, none := filepath.Join(dir, "run"), filepath.Join(dir, "none.npz")
	must(t, "train", "--train-data-file", scan, "--output-dir", model, "--max-epochs", "1", "--n-filters-scale", "1", "--quiet")
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"scan of train":            {[]string{"train", "--train-data-file", none, "--output-dir", filepath.Join(dir, "out")}, 11},
		"validation scan of train": {[]string{"train", "--train-data-file", scan, "--test-data-file", none, "--output-dir", filepath.Join(dir, "out")}, 11},
		"settings of train":        {[]string{"train", "--config", none, "--train-data-file", scan, "--output-dir", filepath.Join(dir, "out")}, 10},
		"scan of infer":            {[]string{"infer", "--model-path", model, "--test-data", none, "--output-dir", filepath.Join(dir, "out")}, 11},
		"model of infer":           {[]string{"infer", "--model-path", none, "--test-data", scan, "--output-dir", filepath.Join(dir, "out")}, 11},
		"reference of evaluate":    {[]string{"evaluate", "--reconstruction", scan, "--reference", none}, 11},
		"scan of solve":            {[]string{"solve", "--data", none, "--output-dir", filepath.Join(dir, "out")}, 11},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, code := run(t, c.args...)
			if code != c.code || !strings.Contains(stderr, "none.npz") || strings.Contains(stderr, "backend ") {
				t.Errorf("exit %d, want %d: %s", code, c.code, stderr)
			}
		})
	}

	t.Run("a complete run is not resumed beyond its end", func(t *testing.T) {
		_, stderr, code := run(t, "train", "--resume", model)
		if code != 0 || !strings.Contains(stderr, "is complete: 1 epoch is done") || strings.Contains(stderr, "epoch 2") {
			t.Errorf("exit %d: %s", code, stderr)
		}
	})
}

// TestDryRun_ShowsThePlanFirst checks that the plan is printed before the hundred settings.
func TestDryRun_ShowsThePlanFirst(t *testing.T) {
	scan := smallScan(t)
	lines := strings.Split(fixture.Must(t, "", "train", "--train-data-file", scan, "--output-dir", filepath.Join(t.TempDir(), "run"), "--max-epochs", "1", "--n-filters-scale", "1", "--dry-run", "--quiet"), "\n")
	for i, want := range []string{"96 patterns of 16×16 pixels", "1 epoch of 12 steps", "memory of the backend", "nothing was written"} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i+1, lines[i], want)
		}
	}
	if len(lines) < 20 {
		t.Errorf("there are %d lines: the settings are missing", len(lines))
	}
}

// TestOutput_OnePatternIsSingular uses a scan of one pattern.
func TestOutput_OnePatternIsSingular(t *testing.T) {
	path := filepath.Join(t.TempDir(), "one.npz")
	text := must(t, "simulate", "--output", path, "--n", "32", "--n-images", "1") + must(t, "inspect", path)
	if strings.Contains(text, "1 patterns") || strings.Count(text, "1 pattern of") != 2 {
		t.Errorf("printed:\n%s", text)
	}
}
