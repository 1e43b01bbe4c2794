package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
)

// TestUnits_GiveOneImage solves a scan with its positions, energy and distance in other units: one image and one R.
func TestUnits_GiveOneImage(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile(data + "motors.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")[1:]
	var first *format.Reconstruction
	var r float64
	for _, c := range []struct {
		unit, header, energy, distance string
		per                            float64 // of a micrometre
	}{
		{"um", "", "9.9987259714263kev", "1900mm", 1},
		{"m", "trigger,x,y\n", "9998.7259714263eV", "1.9m", 1e-6},
		{"mm", "# trigger,x,y\n", "0.0099987259714263MeV", "1900000um", 1e-3},
		{"nm", "# by the beamline\n", "1.6019725134e-15J", "1.9m", 1e3},
		{"A", "", "9.9987259714263keV", "1.9m", 1e4},
	} {
		text := c.header
		for _, line := range lines {
			v := strings.Split(line, ",")
			text += v[0]
			for _, field := range v[1:] {
				f, err := strconv.ParseFloat(field, 64)
				if err != nil {
					t.Fatal(err)
				}
				text += fmt.Sprintf(",%.17g", f*c.per)
			}
			text += "\n"
		}
		table, out := filepath.Join(dir, c.unit+".csv"), filepath.Join(dir, c.unit)
		if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var report struct {
			R float64 `json:"R"`
		}
		if err := json.Unmarshal([]byte(must(t, "solve", "--data", data+"stack.npy", "--y-path", table+":2", "--x-path", table+":1", "--position-units", c.unit, "--energy", c.energy,
			"--distance", c.distance, "--detector-pixel-size", "75um", "--output-dir", out, "--iterations", "2", "--quiet", "--no-geometry", "--json")), &report); err != nil {
			t.Fatal(err)
		}
		image, err := format.ReadReconstruction(filepath.Join(out, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, r = image, report.R
		}
		if !(report.R > 0) || math.Abs(report.R/r-1) > 1e-5 || len(image.Object) != len(first.Object) {
			t.Fatalf("%s: R %v and %d pixels, in um %v and %d", c.unit, report.R, len(image.Object), r, len(first.Object))
		}
		for i, v := range image.Object {
			if d := v - first.Object[i]; math.Hypot(float64(real(d)), float64(imag(d))) > 1e-3 {
				t.Fatalf("%s: pixel %d is %v, in um %v", c.unit, i, v, first.Object[i])
			}
		}
	}
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
