package main_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// firstPass trains a first network on a scan of 16×16 pixels, whose strong object it learns within 16 steps, and returns the scan and
// the run folder.
func firstPass(t *testing.T) (scan, run string) {
	t.Helper()
	long(t)
	scan, run = filepath.Join(t.TempDir(), "scan.npz"), filepath.Join(t.TempDir(), "first-network")
	must(t, "simulate", "--output", scan, "--object", "blocks", "--n", "16", "--object-size", "48", "--n-images", "64", "--nphotons", "1e5", "--seed", "1")
	train(t, small(scan, run, "--max-epochs", "2", "--threads", "1")...)
	return scan, run
}

// inferred returns the report of a reconstruction that must succeed.
func inferred(t *testing.T, model, scan string, more ...string) (r struct {
	R     float64
	First *float64 `json:"R_first_pass"`
}) {
	t.Helper()
	text := must(t, slices.Concat([]string{"infer", "--json", "--quiet", "--trust-data", "--model-path", model, "--test-data", scan, "--output-dir", filepath.Join(t.TempDir(), "out")}, more)...)
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// A resumed run needs the first network in its own folder only, and gives the same bits.
func TestFirstPass_ResumesToTheSameBitsWithoutTheFirstRun(t *testing.T) {
	scan, first := firstPass(t)
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	plan := []string{"--first-pass", first, "--max-epochs", "2", "--val-split", "0.25"}
	train(t, small(scan, whole, append(plan, "--threads", "1")...)...)
	train(t, small(scan, parts, append(plan, "--threads", "2", "--max-steps", "5")...)...)
	if err := os.RemoveAll(first); err != nil {
		t.Fatal(err)
	}
	train(t, "--resume", parts, "--num-workers", "2")
	if string(bytesOf(t, whole, "weights.npz")) != string(bytesOf(t, parts, "weights.npz")) {
		t.Error("the weights differ from those of the run in one piece")
	}
	if r := inferred(t, parts, scan); r.First == nil || !(r.R < *r.First) {
		t.Errorf("R %v does not improve that of the first pass, %v", r.R, r.First)
	}
}

// A network that learns nothing leaves the image of the first pass as it is, so training starts from that image.
func TestFirstPass_TrainingStartsFromItsImage(t *testing.T) {
	scan, first := firstPass(t)
	run := filepath.Join(t.TempDir(), "run")
	train(t, small(scan, run, "--first-pass", first, "--max-steps", "1", "--learning-rate", "1e-12")...)
	alone, both := inferred(t, first, scan), inferred(t, run, scan)
	if both.First == nil || *both.First != alone.R || alone.First != nil {
		t.Fatalf("R of the first pass is %v, that of the first network alone %v", both.First, alone.R)
	}
	if math.Abs(both.R/alone.R-1) > 0.25 { // an empty beam has twice that R
		t.Errorf("R is %v before anything was learned, want about that of the first pass, %v", both.R, alone.R)
	}
}

// The second network learned to correct the image of one network; with another one its weights mean nothing.
func TestFirstPass_RefusesAnotherNetworkInItsPlace(t *testing.T) {
	scan, first := firstPass(t)
	dir := t.TempDir()
	both, other, out := filepath.Join(dir, "both"), filepath.Join(dir, "other"), filepath.Join(dir, "out")
	train(t, small(scan, both, "--first-pass", first, "--max-epochs", "2", "--max-steps", "1")...)
	train(t, small(scan, other, "--max-steps", "1", "--seed", "7")...)
	for _, name := range []string{"manifest.json", "weights.npz"} {
		if err := os.WriteFile(filepath.Join(both, "first", name), bytesOf(t, other, name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"infer", "--model-path", both, "--test-data", scan, "--output-dir", out},
		{"train", "--resume", both},
	} {
		if _, stderr, code := run(t, args...); code != 11 || !strings.Contains(stderr, filepath.Join(both, "first")) {
			t.Errorf("%s: exit code %d, want 11: %s", args[0], code, stderr)
		}
	}
}

// The plan of a reconstruction counts the files of the second network's inputs: two complex numbers of 8 bytes for a pixel.
func TestFirstPass_PlanCountsItsFiles(t *testing.T) {
	scan, first := firstPass(t)
	both := filepath.Join(t.TempDir(), "both")
	train(t, small(scan, both, "--first-pass", first, "--max-steps", "1")...)
	var bytes []int64
	for _, model := range []string{first, both} {
		var plan struct {
			Bytes int64 `json:"spool_bytes"`
		}
		text := must(t, "infer", "--dry-run", "--json", "--quiet", "--trust-data", "--model-path", model, "--test-data", scan, "--output-dir", filepath.Join(t.TempDir(), "out"))
		if err := json.Unmarshal([]byte(text), &plan); err != nil {
			t.Fatal(err)
		}
		bytes = append(bytes, plan.Bytes)
	}
	if more, want := bytes[1]-bytes[0], int64(64*16*16*2*8); more != want {
		t.Errorf("%d bytes more than for one network, want %d", more, want)
	}
}

func TestFirstPass_RefusesWhatIsNotOneNetworkForTheScan(t *testing.T) {
	scan, first := firstPass(t)
	dir := t.TempDir()
	both, broken, wide := filepath.Join(dir, "both"), filepath.Join(dir, "broken"), filepath.Join(dir, "wide.npz")
	train(t, small(scan, both, "--first-pass", first, "--max-steps", "1")...)
	must(t, "simulate", "--output", wide, "--n", "32", "--object-size", "96", "--n-images", "24", "--seed", "1")
	if err := os.CopyFS(broken, os.DirFS(both)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(broken, "first")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"two networks":   {small(scan, out, "--first-pass", both), 10, filepath.Join(both, "first")},
		"no model":       {small(scan, out, "--first-pass", dir), 11, "manifest.json"},
		"another size":   {small(wide, out, "--first-pass", first), 11, "32×32"},
		"its own folder": {small(scan, first, "--first-pass", first, "--overwrite"), 10, "--first-pass"},
		"the cnn":        {small(scan, out, "--first-pass", first, "--arch", "cnn"), 10, "arch"},
		"another start":  {small(scan, out, "--first-pass", first, "--start", "scaled-beam"), 10, "start"},
		"a lost network": {[]string{"--model-path", broken, "--test-data", scan, "--output-dir", out}, 11, filepath.Join(broken, "first")},
	} {
		command := "train"
		if c.args[0] == "--model-path" {
			command = "infer"
		}
		_, stderr, code := run(t, append([]string{command}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit code %d, want %d; %s does not contain %q", name, code, c.code, stderr, c.says)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: it left an output folder", name)
		}
	}
}
