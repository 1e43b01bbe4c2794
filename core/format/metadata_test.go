package format

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/scan"
)

// TestDescribe_ChecksTheMetadata reads sizes that are possible, and notes the others.
func TestDescribe_ChecksTheMetadata(t *testing.T) {
	all := scan.Geometry{Wavelength: 1e-10, Distance: 2, DetectorPixel: 1e-4}
	for _, c := range []struct {
		text  string
		pixel float64
		want  scan.Geometry
		notes int
	}{
		{`{"pixel_size_m": 1.25e-7, "wavelength_m": 1e-10, "distance_m": 2, "detector_pixel_size_m": 1e-4}`, 1.25e-7, all, 0},
		{`{"pixel_size_m": 0, "wavelength_m": 0, "distance_m": null, "other": [1]}`, 0, scan.Geometry{}, 0},
		{`{"pixel_size_m": 3e-8, "wavelength_m": 1e-10, "distance_m": 2, "detector_pixel_size_m": 1e-4}`, 3e-8, scan.Geometry{}, 1},
		{`{"pixel_size_m": 3e-8, "wavelength_m": "1nm", "distance_m": 1e300, "detector_pixel_size_m": -1}`, 3e-8, scan.Geometry{}, 3},
		{`{"pixel_size_m": 1e30}`, 0, scan.Geometry{}, 1},
		{`[1, 2]`, 0, scan.Geometry{}, 1},
		{`{`, 0, scan.Geometry{}, 1},
	} {
		s := &scan.Scan{N: 16, Counts: make([]float32, 2*256), Rows: []float64{1, 5}, Cols: []float64{2, 9}, Metadata: c.text}
		s.Counts[5], s.Counts[300] = 3, 4
		path := filepath.Join(t.TempDir(), "scan.npz")
		if err := WriteScan(path, s, Counts); err != nil {
			t.Fatal(err)
		}
		d, err := Describe(path, LayoutAuto, acquisition.Given{})
		if err != nil {
			t.Fatal(err)
		}
		if d.PixelSize != c.pixel || d.Geometry != c.want || len(d.Notes) != c.notes {
			t.Errorf("%s: %v m, %v, notes:\n%s", c.text, d.PixelSize, d.Geometry, strings.Join(d.Notes, "\n"))
		}
	}
}
