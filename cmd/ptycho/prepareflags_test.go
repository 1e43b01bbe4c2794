package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// plates writes a dark of different numbers, a flat and a mask of n×n pixels as files of npy, and returns their names.
func plates(t *testing.T, dir string, n int) (dark, flat, mask string) {
	t.Helper()
	values := make([][]float32, 3)
	for i := range n * n {
		used := float32(1)
		if i == 3*n+5 || i == 8*n+2 {
			used = 0
		}
		values[0], values[1], values[2] = append(values[0], float32(i%7)/8), append(values[1], 1+float32(i%11)/16), append(values[2], used)
	}
	var names []string
	for i, name := range []string{"dark.npy", "flat.npy", "mask.npy"} {
		names = append(names, filepath.Join(dir, name))
		f, err := os.Create(names[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := npz.EncodeNPY(f, tensor.Must(values[i], n, n)); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return names[0], names[1], names[2]
}

// TestPrepareFlags_SolveAsConvertDoes solves scans with flags that prepare their patterns, and what ptycho convert makes of them with the
// same flags, to the same bits.
func TestPrepareFlags_SolveAsConvertDoes(t *testing.T) {
	fixture.Long(t)
	dir := t.TempDir()
	npzScan, h5 := filepath.Join(dir, "scan.npz"), filepath.Join(dir, "scan.h5")
	must(t, "simulate", "--n", "24", "--object-size", "48", "--n-images", "32", "--nphotons", "1e5", "--output", npzScan)
	must(t, "convert", npzScan, h5, "--energy", "10keV", "--distance", "1m", "--detector-pixel-size", "75um")
	dark, flat, mask := plates(t, dir, 24)
	image := func(scan string, flags ...string) string {
		out := filepath.Join(dir, "out")
		must(t, append([]string{"solve", "--data", scan, "--output-dir", out, "--iterations", "1", "--trust-data", "--quiet", "--no-geometry", "--overwrite"}, flags...)...)
		b, err := os.ReadFile(filepath.Join(out, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, scan := range []string{npzScan, h5} {
		plain := image(scan)
		all := [][]string{
			{"--dark", dark, "--flat", flat, "--gain", "0.7", "--mask", mask, "--mask-polarity", "good"},
			{"--patterns", "exchange,flip-rows", "--centre", "11,13", "--crop", "20", "--hot-pixels", "11,13;5,6"},
			{"--centre", "auto", "--crop", "16", "--pad", "24"},
			{"--zero-frequency", "corner", "--offset", "-1.5", "--pad", "40", "--flat", flat},
			{"--bin", "3", "--crop", "18", "--pad", "16", "--mask", mask, "--mask-polarity", "good", "--rows", "0:31"},
			{"--patterns", "flip-columns", "--bin", "2", "--pad", "20", "--dark", dark, "--positions", "exchange,flip-columns"},
		}
		if testing.Short() {
			all = all[1:2]
		}
		for _, flags := range all {
			for _, form := range []string{".npz", ".cxi"} {
				if form == ".cxi" && scan == npzScan {
					continue // in object pixels of unknown size
				}
				out := filepath.Join(dir, "converted"+form)
				must(t, slices.Concat([]string{"convert", scan, out, "--overwrite"}, flags)...)
				direct := image(scan, flags...)
				if direct != image(out) {
					t.Errorf("%s %s: the converted file %s gives another image than the flags", filepath.Base(scan), flags, form)
				}
				if direct == plain {
					t.Errorf("%s: the flags change nothing", flags)
				}
			}
		}
	}
}

// TestPrepareFlags_MistakesAreAnswered gives wrong values: each answer is one sentence that names the flag.
func TestPrepareFlags_MistakesAreAnswered(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	must(t, "simulate", "--n", "24", "--object-size", "48", "--n-images", "32", "--nphotons", "1e5", "--output", scan)
	_, _, mask := plates(t, dir, 24)
	small := t.TempDir()
	other, _, _ := plates(t, small, 16)
	for _, c := range []struct {
		code  int
		says  string
		flags []string
	}{
		{10, `--bin "-2" must be an integer from 1 to 32`, []string{"--bin", "-2"}},
		{10, `--gain "0" must be a number above 0`, []string{"--gain", "0"}},
		{10, `--gain "NaN" must be a number`, []string{"--gain", "NaN"}},
		{10, `--pad 25 must be an even number of pixels`, []string{"--pad", "25"}},
		{10, `--centre "12" must be auto, or row,column`, []string{"--centre", "12"}},
		{10, `--centre auto needs --crop`, []string{"--centre", "auto"}},
		{10, `--zero-frequency corner exclude each other`, []string{"--centre", "12,12", "--zero-frequency", "corner"}},
		{10, `--hot-pixels "1,2;3" must be row,column`, []string{"--hot-pixels", "1,2;3"}},
		{10, `--patterns "flip" must be one or more`, []string{"--patterns", "flip"}},
		{11, `the centre (40, 3) (row, column) is outside`, []string{"--centre", "40,3"}},
		{11, `20×20 pixels around the centre (3, 12) (row, column) leave the patterns' 24×24`, []string{"--centre", "3,12", "--crop", "20"}},
		{10, `--crop 26 cannot be taken`, []string{"--crop", "26"}},
		{11, `does not give an even number of pixels with --bin 4: give a multiple of 8`, []string{"--crop", "20", "--bin", "4"}},
		{11, `patterns of 24×24 pixels cannot be padded to 16`, []string{"--pad", "16"}},
		{11, `--hot-pixels has (24, 0) (row, column), and patterns have 24×24 pixels`, []string{"--hot-pixels", "24,0"}},
		{11, `has the shape [16 16], and the patterns have 24×24 pixels`, []string{"--dark", other}},
		{11, `none.npy is neither a file nor an array of the scan's file`, []string{"--flat", filepath.Join(dir, "none.npy")}},
		{11, `no value above the dark and the offset`, []string{"--offset", "1e6"}},
		{11, `does not say what its numbers mean: give --mask-polarity`, []string{"--mask", mask}},
		{11, `of the counts, the beam among them; if it is inverted, give --mask-polarity good`, []string{"--mask", mask, "--mask-polarity", "bad"}},
	} {
		_, stderr, code := run(t, append([]string{"convert", scan, filepath.Join(dir, "out.npz")}, c.flags...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(strings.TrimSpace(stderr), "\n") > 0 {
			t.Errorf("%s: code %d, want %d with %q: %s", c.flags, code, c.code, c.says, stderr)
		}
	}
}
