package main_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAdaptSize_EqualsPaddingBefore trains on patterns of 20×20 pixels, which the network cannot take: as if they had been padded to 24×24 by
// convert. The model takes both scans.
func TestAdaptSize_EqualsPaddingBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network")
	}
	dir := t.TempDir()
	small, padded, run20 := filepath.Join(dir, "20.npz"), filepath.Join(dir, "24.npz"), filepath.Join(dir, "run")
	must(t, "simulate", "--n", "20", "--object-size", "48", "--n-images", "32", "--output", small)
	must(t, "convert", small, padded, "--pad", "24")
	train := []string{"train", "--train-data-file", small, "--output-dir", run20, "--max-epochs", "1", "--n-filters-scale", "1", "--batch-size", "16", "--no-check-geometry", "--examine", "off"}
	_, refused, code := run(t, append(train, "--adapt-size", "off")...)
	if code != 11 || !strings.Contains(refused, "leave --adapt-size auto") {
		t.Errorf("code %d: %s", code, refused)
	}
	first, stderr, code := run(t, train...)
	if code != 0 || !strings.Contains(stderr, "patterns of 20×20 pixels are padded to 24×24") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	for _, scan := range []string{small, padded} {
		_, stderr, code := run(t, "infer", "--model-path", run20, "--test-data", scan, "--output-dir", filepath.Join(dir, "out"), "--dry-run")
		if says := strings.Contains(stderr, "padded to 24×24"); code != 0 || says != (scan == small) {
			t.Errorf("infer of %s: code %d: %s", scan, code, stderr)
		}
	}
	train[2] = padded
	again := must(t, append(train, "--overwrite")...)
	if line := deviance.FindString(first); line == "" || line != deviance.FindString(again) {
		t.Errorf("%s\npadded before: %s", first, again)
	}
}

// deviance is the line of train that says how well the network explains the patterns.
var deviance = regexp.MustCompile("deviance [0-9.]+ per pixel .*")
