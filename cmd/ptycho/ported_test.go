package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestPtychoPINN_CommandLinesRun runs the command lines of docs/from-ptychopinn.md unchanged.
func TestPtychoPINN_CommandLinesRun(t *testing.T) {
	fixture.NeedsAll(t) // seven trainings
	lines := commands(t, "docs/from-ptychopinn.md")
	if len(lines) != 10 {
		t.Fatalf("the document has %d lines, want ten", len(lines))
	}
	legacy, err := os.ReadFile(filepath.Join("..", "..", "host", "ptychopinn", "testdata", "reference-torch.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, contents := range map[string]string{
		"legacy.json": string(legacy),
		"configs/train.yaml": "train_data_file: datasets/train.npz\noutput_dir: runs/seventh\nbatch_size: 16\nnphotons: 1.0e+5\n" +
			"model:\n  N: 64\n  gridsize: 2\n  n_filters_scale: 1\n  amp_activation: swish\n  probe_scale: 4.0\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("PTYCHO_MODEL__N_FILTERS_SCALE", "1") // these two save half of the time
	t.Setenv("PTYCHO_TRAINING__CHECK_GEOMETRY", "false")
	if err := os.Mkdir("datasets", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, seed := range map[string]string{"train": "3", "test": "4"} {
		must(t, "simulate", "--output", filepath.Join("datasets", name+".npz"), "--object", "cells", "--n", "64", "--object-size", "128", "--n-images", "72", "--nphotons", "1e5", "--seed", seed)
	}
	for _, line := range lines {
		args := strings.Fields(line)
		stdout, stderr, code := run(t, args[1:]...)
		if args[0] != "ptycho" || code != 0 {
			t.Errorf("%s: exit %d: %s", line, code, stderr)
			continue
		}
		if stdout == "" {
			t.Errorf("%s: nothing on standard output", line)
		}
	}
	for _, made := range []string{"runs/first/manifest.json", "runs/sixth/manifest.json", "runs/seventh/manifest.json", "out/first/reconstruction.npz", "out/third/reconstruction.npz"} {
		if _, err := os.Stat(made); err != nil {
			t.Error(err)
		}
	}
	if text := must(t, "config", "explain", "runs/seventh"); !strings.Contains(text, "configs/train.yaml:") || !strings.Contains(text, "--mae-weight") {
		t.Errorf("the run of the YAML file is explained as %s", text)
	}
}
