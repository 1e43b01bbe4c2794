package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
)

// changedScan writes a changed copy of the small scan.
func changedScan(t *testing.T, path string, change func(s *scan.Scan)) string {
	t.Helper()
	s, err := format.ReadScan(t.Context(), path, format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	out := filepath.Join(t.TempDir(), "changed.npz")
	if err := format.WriteScan(out, s, format.Counts); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCommands_NameTheFaultOfAScan runs every command that reads a scan with positions in micrometres, and with a distant
// position, and then follows the advice in the error.
func TestCommands_NameTheFaultOfAScan(t *testing.T) {
	long(t)
	dir := t.TempDir()
	sound := filepath.Join(dir, "sound.npz") // large enough for its patterns to determine the positions
	must(t, "simulate", "--output", sound, "--n", "32", "--object-size", "96", "--n-images", "96", "--nphotons", "2e5", "--seed", "3")
	model, out := filepath.Join(dir, "run"), filepath.Join(dir, "out")
	must(t, "train", "--train-data-file", sound, "--output-dir", model, "--max-epochs", "1", "--n-filters-scale", "1", "--quiet")
	for name, c := range map[string]struct {
		change func(s *scan.Scan)
		says   string
	}{
		"micrometres": {func(s *scan.Scan) {
			for j := range s.Rows {
				s.Rows[j] *= 0.002
				s.Cols[j] *= 0.002
			}
		}, "in another unit"},
		"another order": {func(s *scan.Scan) {
			s.Rows = append(s.Rows[37:len(s.Rows):len(s.Rows)], s.Rows[:37]...)
			s.Cols = append(s.Cols[59:len(s.Cols):len(s.Cols)], s.Cols[:59]...)
		}, "the patterns do not fit the positions"},
		"one far away": {func(s *scan.Scan) { s.Cols[17] = 4e7 }, "leave it out with --rows 0:17,18:"},
	} {
		path := changedScan(t, sound, c.change)
		for _, args := range [][]string{
			{"inspect", path},
			{"solve", "--data", path, "--output-dir", out},
			{"train", "--train-data-file", path, "--output-dir", out, "--max-epochs", "1"},
			{"infer", "--model-path", model, "--test-data", path, "--output-dir", out},
			{"evaluate", "--reconstruction", path, "--reference", path},
		} {
			if name == "another order" && args[0] == "evaluate" {
				continue // evaluate makes no image, and its R shows the bad fit
			}
			_, stderr, code := run(t, args...)
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			if last := lines[len(lines)-1]; code != 11 || !strings.Contains(last, c.says) || strings.Count(last, path) != 1 {
				t.Errorf("%s, %s: exit %d: %s", name, args[0], code, stderr)
			}
		}
		if name == "one far away" {
			must(t, "solve", "--data", path, "--rows", "0:17,18:", "--iterations", "2", "--output-dir", filepath.Join(dir, "advice"))
		}
	}
}
