package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cxi is a scan of 12 patterns of 24×24 pixels.
const cxi = "../../core/acquisition/testdata/plain.cxi"

func TestConvert_SolvesToTheSameBits(t *testing.T) {
	dir := t.TempDir()
	npz := filepath.Join(dir, "scan.npz")
	must(t, "convert", cxi, npz)
	var images []string
	for name, scan := range map[string]string{"direct": cxi, "converted": npz} {
		must(t, "solve", "--data", scan, "--output-dir", filepath.Join(dir, name), "--iterations", "3", "--quiet")
		b, err := os.ReadFile(filepath.Join(dir, name, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, string(b))
	}
	if images[0] != images[1] {
		t.Error("the converted file gives another image than the CXI file")
	}
}

func TestConvert_MistakesAreNamed(t *testing.T) {
	dir := t.TempDir()
	npz, copied := filepath.Join(dir, "scan.npz"), filepath.Join(dir, "copy.cxi")
	must(t, "convert", cxi, npz)
	b, err := os.ReadFile(cxi)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out.npz")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{10, "exists", []string{cxi, npz}},
		{10, "is an HDF5 file", []string{copied, copied, "--overwrite"}},
		{10, "want two", []string{cxi}},
		{10, "want an energy", []string{cxi, out, "--energy", "10"}},
		{10, "exclude each other", []string{cxi, out, "--energy", "10keV", "--wavelength", "1A"}},
		{10, "want m, mm", []string{cxi, out, "--position-units", "furlong"}},
		{10, "go together", []string{cxi, out, "--y-path", "/y"}},
		{10, "--positions", []string{cxi, out, "--positions", "upside-down"}},
		{10, "--n-images", []string{cxi, out, "--n-images", "0"}},
		{11, "is not an npz archive", []string{"convert_test.go", out}},
		{11, "/scan/frames [12 24 24] uint32", []string{"../../core/acquisition/testdata/unknown.h5", out}},
		{11, "the file says distance", []string{cxi, out, "--distance", "2m"}},
		{11, "selects none", []string{cxi, out, "--rows", "50:60"}},
	} {
		_, stderr, code := run(t, append([]string{"convert"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(strings.TrimSpace(stderr), "\n") != 0 {
			t.Errorf("convert %s: code %d, want %d with %q: %s", c.args, code, c.code, c.says, stderr)
		}
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("convert %s left a file", c.args)
		}
	}
}

// The file with the positions must not be replaced by the result.
func TestConvert_KeepsOtherInputs(t *testing.T) {
	motors := filepath.Join(t.TempDir(), "motors.h5")
	b, err := os.ReadFile("../../core/acquisition/testdata/unknown.h5")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(motors, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := run(t, "convert", cxi, motors, "--overwrite", "--y-path", motors+":/scan/motors:1", "--x-path", motors+":/scan/motors:0")
	if after, err := os.ReadFile(motors); code != 10 || err != nil || string(after) != string(b) {
		t.Errorf("code %d, %v: %s", code, err, stderr)
	}
}
