package main_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
)

// TestUnits_GiveOneImage converts a scan with its positions, energy and distance in several units: the positions and the object
// pixel are the same. Two of the units are solved too: one image and one R.
func TestUnits_GiveOneImage(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile(data + "motors.csv")
	if err != nil {
		t.Fatal(err)
	}
	var first *scan.Scan
	for i, c := range []struct {
		unit, header, energy, distance string
		per                            float64 // of a micrometre
	}{
		{"um", "", "9.9987259714263kev", "1900mm", 1},
		{"A", "", "9.9987259714263keV", "1.9m", 1e4},
		{"m", "trigger,x,y\n", "9998.7259714263eV", "1.9m", 1e-6},
		{"mm", "# trigger,x,y\n", "0.0099987259714263MeV", "1900000um", 1e-3},
		{"nm", "# by the beamline\n", "1.6019725134e-15J", "1.9m", 1e3},
	} {
		table, npz := filepath.Join(dir, c.unit+".csv"), filepath.Join(dir, c.unit+".npz")
		if err := os.WriteFile(table, []byte(c.header+scaledTable(t, string(b), c.per)), 0o600); err != nil {
			t.Fatal(err)
		}
		flags := []string{"--y-path", table + ":2", "--x-path", table + ":1", "--position-units", c.unit, "--energy", c.energy, "--distance", c.distance, "--detector-pixel-size", "75um"}
		must(t, append([]string{"convert", data + "stack.npy", npz}, flags...)...)
		s, err := format.ReadScan(context.Background(), npz, format.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = s
		}
		if math.Abs(s.PixelSize/first.PixelSize-1) > 1e-6 || !near(s.Rows, first.Rows) || !near(s.Cols, first.Cols) {
			t.Errorf("%s: object pixel %v m, in um %v m; positions %v and %v", c.unit, s.PixelSize, first.PixelSize, s.Rows[:3], first.Rows[:3])
		}
		if i < 2 && !testing.Short() {
			must(t, append([]string{"solve", "--data", data + "stack.npy", "--output-dir", filepath.Join(dir, c.unit), "--iterations", "2", "--quiet", "--no-geometry"}, flags...)...)
		}
	}
	if testing.Short() {
		return
	}
	um, a := imageOf(t, filepath.Join(dir, "um")), imageOf(t, filepath.Join(dir, "A"))
	for i, v := range um {
		if d := v - a[i]; math.Hypot(float64(real(d)), float64(imag(d))) > 1e-3 {
			t.Fatalf("pixel %d is %v in um and %v in A", i, v, a[i])
		}
	}
}

// scaledTable returns the lines of a table, but for its first, with all columns but the first multiplied by a factor.
func scaledTable(t *testing.T, table string, factor float64) string {
	t.Helper()
	text := ""
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
		v := strings.Split(line, ",")
		text += v[0]
		for _, field := range v[1:] {
			f, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintf(",%.17g", f*factor)
		}
		text += "\n"
	}
	return text
}

// near reports whether positions are equal but for rounding.
func near(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-6 })
}

// imageOf returns the image of an output folder.
func imageOf(t *testing.T, dir string) []complex64 {
	t.Helper()
	image, err := format.ReadReconstruction(filepath.Join(dir, "reconstruction.npz"))
	if err != nil {
		t.Fatal(err)
	}
	return image.Object
}

// TestConvert_NamesAnExtensionOfAnotherForm converts to a form that is not that of the name.
func TestConvert_NamesAnExtensionOfAnotherForm(t *testing.T) {
	dir := t.TempDir()
	for out, form := range map[string]string{"scan.cxi": "npz", "scan.npz": "cxi", "scan.dat": "npz", "plain.npz": ""} {
		args := []string{"convert", cxi, filepath.Join(dir, out)}
		if form != "" {
			args = append(args, "--to", form)
		}
		_, stderr, code := run(t, args...)
		if says := strings.Contains(stderr, "is written as "+form+", although its extension is that of"); code != 0 || says != (out == "scan.cxi" || out == "scan.npz") {
			t.Errorf("%s: code %d: %s", args, code, stderr)
		}
	}
	// Amplitudes of a file that does not say so are converted to their squares.
	counts, amplitudes := filepath.Join(dir, "counts.npz"), filepath.Join(dir, "amplitudes.npz")
	must(t, "convert", cxi, counts)
	must(t, "convert", cxi, amplitudes, "--diffraction-units", "amplitude")
	a, err := os.ReadFile(counts)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(amplitudes); err != nil || bytes.Equal(a, b) {
		t.Errorf("--diffraction-units amplitude changes nothing: %v", err)
	}
}
