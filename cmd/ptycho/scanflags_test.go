package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestScanFlags_SolveAsConvertDoes solves scans with flags, and what ptycho convert makes of them with the same flags, to the same bits.
func TestScanFlags_SolveAsConvertDoes(t *testing.T) {
	long(t)
	dir := t.TempDir()
	npz := filepath.Join(dir, "scan.npz")
	must(t, "convert", cxi, npz)
	image := func(scan, name string, flags ...string) string {
		out := filepath.Join(dir, name)
		must(t, append([]string{"solve", "--data", scan, "--output-dir", out, "--iterations", "2", "--quiet", "--no-geometry", "--overwrite"}, flags...)...)
		b, err := os.ReadFile(filepath.Join(out, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	plain := image(cxi, "plain")
	unknown := []string{"--data-path", "/scan/frames", "--y-path", "/scan/motors:1", "--x-path", "/scan/motors:0", "--position-units", "m"}
	for i, c := range [][]string{
		{cxi, "--crop", "16"},
		{npz, "--crop", "16"},
		{cxi, "--positions", "exchange,flip-rows"},
		{npz, "--positions", "flip-columns"},
		{npz, "--distance", "2.1m", "--override"},
		{"../../core/acquisition/testdata/unknown.h5", "--energy", "10keV", "--distance", "1.9m", "--detector-pixel-size", "75um"},
		{"../../core/acquisition/testdata/unknown.h5", "--pixel-size", "131nm", "--crop", "20"},
	} {
		flags := c[1:]
		if strings.HasSuffix(c[0], ".h5") {
			flags = slices.Concat(unknown, flags)
		}
		out := filepath.Join(dir, "converted"+string(rune('a'+i))+".npz")
		must(t, append([]string{"convert", c[0], out}, flags...)...)
		direct := image(c[0], "direct", flags...)
		if direct != image(out, "twostep") {
			t.Errorf("%s: the converted file gives another image than the flags", c)
		}
		if direct == plain {
			t.Errorf("%s: the flags change nothing", c)
		}
	}
}

// TestScanFlags_MistakesAreAnswered gives wrong and missing units to commands: each answer says what to write.
func TestScanFlags_MistakesAreAnswered(t *testing.T) {
	dir := t.TempDir()
	npz := filepath.Join(dir, "scan.npz")
	must(t, "convert", cxi, npz)
	bare := filepath.Join(dir, "bare.npz")
	must(t, "simulate", "--n", "16", "--object-size", "48", "--n-images", "32", "--output", bare)
	for _, c := range []struct {
		code  int
		says  string
		flags []string
	}{
		{10, `has no unit: write it behind the number, as in 10keV`, []string{cxi, "--energy", "10"}},
		{10, `the unit "mev" is unknown, write eV, keV, MeV or J`, []string{cxi, "--energy", "8mev"}},
		{10, `is not an energy`, []string{cxi, "--electron-energy", "75um"}},
		{10, `has no unit: write it behind the number, as in 75um or 1.9m`, []string{cxi, "--distance", "1.9"}},
		{10, `must be above 0`, []string{cxi, "--detector-pixel-size", "-75um"}},
		{10, `write m, mm, um, nm, pm or A`, []string{bare, "--position-units", "inch"}},
		{10, `exclude each other`, []string{cxi, "--energy", "10keV", "--wavelength", "1A"}},
		{10, `must be one or more, joined by commas, of none, exchange, flip-rows, flip-columns`, []string{bare, "--positions", "upside-down"}},
		{10, `must be an even number of pixels, at least 16`, []string{bare, "--crop", "17"}},
		{10, `is for a file of numbers, which needs --format raw too`, []string{bare, "--shape", "12,24,24"}},
		{10, `needs --shape and --dtype`, []string{bare, "--format", "raw", "--shape", "12,24,24"}},
		{10, `must be two to four whole numbers above 0`, []string{bare, "--format", "raw", "--shape", "12,-24,24", "--dtype", "u2"}},
		{10, `must be a type such as uint8`, []string{bare, "--format", "raw", "--shape", "12,24,24", "--dtype", "complex64"}},
		{10, `correct --shape, --dtype, --skip-bytes or --gap-bytes`, []string{bare, "--format", "raw", "--shape", "12,24,24", "--dtype", "u2"}},
		{10, `positions with --position-units need the object pixel; give --pixel-size, or --energy, --distance and --detector-pixel-size`, []string{bare, "--position-units", "um"}},
		{10, `are in m in this CXI file, and --position-units is um; leave the flag out, or let it replace the file's unit with --override`, []string{cxi, "--position-units", "um"}},
		{11, `the positions are in another unit, such as metres or micrometres`, []string{cxi, "--position-units", "nm", "--override"}},
		{11, `are the same 12 numbers`, []string{cxi, "--y-path", data + "motors.csv:1", "--x-path", data + "motors.csv:/x_um", "--position-units", "um"}},
		{10, `is an npz archive, and --format cxi names a layout of HDF5 files; leave the flag out`, []string{npz, "--format", "cxi"}},
		{10, `the file says distance 1.9 m, and 190 m was given`, []string{cxi, "--distance", "190m"}},
		{10, `--pixel-size is 5 nm; leave it out, or let it replace the others with --override`, []string{cxi, "--pixel-size", "5nm"}},
		{11, `the positions are in another unit, such as nanometres`, []string{bare, "--position-units", "um", "--pixel-size", "1nm"}},
		{11, `the positions are in another unit, such as metres or micrometres`, []string{bare, "--position-units", "nm", "--pixel-size", "1um"}},
		{10, `gives a distance of 1.9e+06 m, which no ptychography has`, []string{cxi, "--distance", "1900000m", "--override"}},
		{10, `gives a wavelength of 1.24e-317 m`, []string{bare, "--energy", "1e308keV"}},
		{10, `gives a wavelength of 0 m`, []string{bare, "--electron-energy", "1e308keV", "--distance", "1m", "--detector-pixel-size", "75um"}},
		{10, `gives pixels of 1e+24 m`, []string{bare, "--detector-pixel-size", "1e30um"}},
		{10, `gives object pixels of 1e-39 m`, []string{bare, "--pixel-size", "1e-30nm"}},
	} {
		_, stderr, code := run(t, append([]string{"solve", "--output-dir", filepath.Join(dir, "out"), "--data"}, c.flags...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("solve %s: code %d, want %d with %q: %s", c.flags, code, c.code, c.says, stderr)
		}
		if c.code == 10 {
			_, stderr, code = run(t, append([]string{"train", "--output-dir", filepath.Join(dir, "run"), "--train-data-file"}, c.flags...)...)
			if code != 10 || !strings.Contains(stderr, c.says) {
				t.Errorf("train %s: code %d, want 10 with %q: %s", c.flags, code, c.says, stderr)
			}
		}
	}
}

// TestInfer_ReadsAsTheTrainingDid trains with changes of the scan. infer must make them too, say so, and let flags replace them.
func TestInfer_ReadsAsTheTrainingDid(t *testing.T) {
	dir := t.TempDir()
	scan, model, as := filepath.Join(dir, "scan.npz"), filepath.Join(dir, "run"), filepath.Join(dir, "as.npz")
	must(t, "simulate", "--n", "32", "--object-size", "64", "--n-images", "40", "--nphotons", "1e5", "--output", scan)
	flags := []string{"--crop", "16", "--pixel-size", "30nm"}
	must(t, append([]string{"train", "--train-data-file", scan, "--output-dir", model, "--max-steps", "1", "--n-filters-scale", "1", "--divergence-factor", "0", "--no-check-geometry"}, flags...)...)
	image := func(data, name string, flags ...string) (string, string) {
		out := filepath.Join(dir, name)
		_, stderr, code := run(t, append([]string{"infer", "--trust-data", "--model-path", model, "--test-data", data, "--output-dir", out}, flags...)...)
		if code != 0 {
			t.Fatalf("infer %s %s: code %d: %s", data, flags, code, stderr)
		}
		b, err := os.ReadFile(filepath.Join(out, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b), stderr
	}
	remembered, says := image(scan, "remembered")
	if !strings.Contains(says, "read as that of the training was, with --pixel-size 30nm --crop 16") {
		t.Error(says)
	}
	must(t, append([]string{"convert", scan, as}, flags...)...)
	if direct, _ := image(as, "direct", "--crop", "0"); direct != remembered {
		t.Error("the remembered flags give another image than the file that convert wrote with them")
	}
	if other, _ := image(scan, "other", "--positions", "exchange", "--pixel-size", "31nm"); other == remembered {
		t.Error("a flag given again changes nothing")
	}
	_, stderr, code := run(t, "infer", "--model-path", model, "--test-data", scan, "--output-dir", filepath.Join(dir, "none"), "--crop", "0")
	if code != 11 || !strings.Contains(stderr, "32×32") {
		t.Errorf("without the crop: code %d: %s", code, stderr)
	}
	_, stderr, code = run(t, "infer", "--model-path", model, "--test-data", cxi, "--output-dir", filepath.Join(dir, "none"))
	if code != 11 || !strings.Contains(stderr, "trained on a scan of the format npz, read with --pixel-size 30nm --crop 16") || !strings.Contains(stderr, "is CXI") {
		t.Errorf("a scan of another format: code %d: %s", code, stderr)
	}
}

// TestConvert_WarnsOfWrongUnits converts a scan whose positions are not in the unit that is given.
func TestConvert_WarnsOfWrongUnits(t *testing.T) {
	dir := t.TempDir()
	bare := filepath.Join(dir, "bare.npz")
	must(t, "simulate", "--n", "16", "--object-size", "48", "--n-images", "32", "--output", bare)
	geometry := []string{"--wavelength", "1.24nm", "--distance", "1m", "--detector-pixel-size", "77.5um"} // object pixels of 1 µm
	for _, out := range []string{"out.npz", "out.cxi"} {
		for unit, warns := range map[string]bool{"nm": true, "um": false} {
			_, stderr, code := run(t, append([]string{"convert", bare, filepath.Join(dir, unit+out), "--position-units", unit}, geometry...)...)
			if code != 0 || strings.Contains(stderr, "warning: other commands will refuse this scan: the positions span only") != warns {
				t.Errorf("%s in %s: code %d: %s", out, unit, code, stderr)
			}
		}
	}
}
