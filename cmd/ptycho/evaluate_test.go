package main_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// A compared is what the tests below read of the report of ptycho evaluate.
type compared struct {
	R, Patterns float64
	Raw         struct {
		Correlation float64 `json:"amplitude_correlation"`
		Phase       float64 `json:"phase_correlation"`
	} `json:"raw"`
}

func compare(t *testing.T, args ...string) (e compared) {
	t.Helper()
	text := must(t, append([]string{"evaluate", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return e
}

// TestEvaluate_ReadsExports: the image of each file for other programs is that of the reconstruction it was exported with, at the same
// place. R of patterns read with flags is that of the file that ptycho convert makes with the same flags.
func TestEvaluate_ReadsExports(t *testing.T) {
	dir := t.TempDir()
	image := func(name string) string { return filepath.Join(dir, "out", name) }
	converted, flags := filepath.Join(dir, "scan.npz"), []string{"--crop", "20", "--positions", "exchange", "--patterns", "exchange"}
	must(t, append([]string{"convert", cxi, converted}, flags...)...)
	must(t, "solve", "--data", converted, "--output-dir", image(""), "--iterations", "3", "--quiet", "--no-geometry", "--trust-data", "--export", "ptychodus,cxi,tiff")
	own := []string{"--reconstruction", image("reconstruction.npz"), "--reference", image("product.h5"), "--box=0,20,0,17", "--quiet", "--data"}
	want := compare(t, append(own, converted)...)
	for _, name := range []string{"product.h5", "reconstruction.cxi", "amplitude.tif"} {
		for _, pair := range [][2]string{{"reconstruction.npz", name}, {name, "reconstruction.npz"}} {
			args := append([]string{"--reconstruction", image(pair[0]), "--reference", image(pair[1]), "--threads", "1", "--box=0,20,0,17", "--data", cxi}, flags...)
			if e := compare(t, args...); e.Raw.Correlation < 1-1e-6 || e.Raw.Phase < 1-1e-6 || e.Patterns != 12 || math.Abs(e.R/want.R-1) > 1e-6 {
				t.Errorf("%s: %+v, and the converted file gives R %v", pair, e, want.R)
			}
		}
	}
	if e := compare(t, append(own, cxi)...); e.R == want.R {
		t.Error("R is the same without the flags")
	}
}

// TestEvaluate_AnswersMistakes: flags that do not fit are answered in one sentence.
func TestEvaluate_AnswersMistakes(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	must(t, "simulate", "--n", "32", "--object-size", "64", "--n-images", "40", "--nphotons", "1e5", "--output", scan)
	for _, c := range []struct {
		code  int
		says  string
		flags []string
	}{
		{10, "does not belong to the scan as the flags change it; leave the flags out, or give the image with --reference", []string{"--crop", "20"}},
		{10, "--threads 0: want 1 to 1024", []string{"--threads", "0"}},
		{10, `--energy "10" has no unit`, []string{"--energy", "10"}},
		{11, "has neither object nor objectGuess", []string{"--reference", filepath.Join(dir, "bare.npz")}},
		{11, "an HDF5 file without an image that is read", []string{"--reference", cxi}},
		{10, "is an npz archive, and --format cxi", []string{"--data", scan, "--format", "cxi"}},
		{11, "none.npz", []string{"--data", filepath.Join(dir, "none.npz")}},
		{11, "ptycho: evaluate: --box: the region of 2×2 pixels is too small to compare; give a larger box", []string{"--box", "20,21,20,21"}},
		{11, "ptycho: evaluate: the box of the positions of " + scan + " in both images: the box (rows", []string{"--rows", "0:1"}},
	} {
		if strings.Contains(strings.Join(c.flags, " "), "bare.npz") {
			must(t, "convert", scan, filepath.Join(dir, "bare.npz"), "--crop", "20") // which drops the object
		}
		_, stderr, code := run(t, append([]string{"evaluate", "--quiet", "--reconstruction", scan, "--reference", scan}, c.flags...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(strings.TrimSpace(stderr), "\n") > 0 {
			t.Errorf("%s: code %d, want %d with %q: %s", c.flags, code, c.code, c.says, stderr)
		}
	}
}
