package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdaptSize_EqualsPaddingBefore trains on patterns of 20×20 pixels, which the network cannot take, and reconstructs them: as if they
// had been padded to 24×24 by convert.
func TestAdaptSize_EqualsPaddingBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network")
	}
	dir := t.TempDir()
	small, padded, run20 := filepath.Join(dir, "20.npz"), filepath.Join(dir, "24.npz"), filepath.Join(dir, "run")
	must(t, "simulate", "--n", "20", "--object-size", "48", "--n-images", "32", "--output", small)
	must(t, "convert", small, padded, "--pad", "24")
	train := []string{"train", "--train-data-file", small, "--output-dir", run20, "--max-epochs", "1", "--n-filters-scale", "1", "--batch-size", "16", "--no-check-geometry", "--examine", "off"}
	_, stderr, code := run(t, append(train, "--adapt-size", "off")...)
	if code != 11 || !strings.Contains(stderr, "leave --adapt-size auto") {
		t.Errorf("code %d: %s", code, stderr)
	}
	if _, stderr, code = run(t, train...); code != 0 || !strings.Contains(stderr, "patterns of 20×20 pixels are padded to 24×24") {
		t.Fatalf("code %d: %s", code, stderr)
	}
	var images []string
	for _, scan := range []string{small, padded} {
		out := scan + ".image"
		must(t, "infer", "--model-path", run20, "--test-data", scan, "--output-dir", out, "--examine", "off")
		b, err := os.ReadFile(filepath.Join(out, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, string(b))
	}
	if images[0] != images[1] {
		t.Error("infer of the padded scan gives another image")
	}
}
