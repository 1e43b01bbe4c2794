package format

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
)

// lopsided writes a scan in which no two rows, columns or values are the same, and returns it with its file.
func lopsided(t *testing.T, change func(*scan.Scan)) (string, *scan.Scan) {
	t.Helper()
	s := &scan.Scan{N: 24, Modes: 1, Mask: make([]uint8, 24*24), Rows: []float64{10, 13, 11, 17}, Cols: []float64{40, 32, 51, 35}}
	for i := range 4 * 24 * 24 {
		s.Counts = append(s.Counts, float32(i%977))
	}
	for i := range s.Mask {
		s.Mask[i] = 1
	}
	s.Mask[5*24+7] = 0
	for i := range 4 {
		s.Counts[i*576+5*24+7] = 0
	}
	for i := range 576 {
		y, x := float64(i/24-12), float64(i%24-11)
		s.Probe = append(s.Probe, complex(float32(math.Exp(-(y*y+2*x*x)/40)), float32(0.1*math.Exp(-(y*y+x*x)/30))))
	}
	s.Object, s.ObjectHeight, s.ObjectWidth = make([]complex64, 60*60), 60, 60
	if change != nil {
		change(s)
	}
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := WriteScan(path, s, Counts); err != nil {
		t.Fatal(err)
	}
	return path, s
}

func given(t *testing.T, path string, g acquisition.Given) *scan.Scan {
	t.Helper()
	s, err := ReadScan(context.Background(), path, ScanOptions{Given: g})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func close64(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-9 })
}

func TestReadScan_PositionsWithUnits(t *testing.T) {
	_, want := lopsided(t, nil)
	const pixel = 30e-9
	for name, unit := range map[string]float64{"m": 1, "mm": 1e-3, "um": 1e-6, "nm": 1e-9} {
		path, _ := lopsided(t, func(s *scan.Scan) {
			for i := range s.Rows {
				s.Rows[i], s.Cols[i] = s.Rows[i]*pixel/unit, s.Cols[i]*pixel/unit
			}
		})
		for how, g := range map[string]acquisition.Given{
			"pixel size": {PositionUnit: unit, PixelSize: pixel},
			"geometry":   {PositionUnit: unit, Wavelength: 1.2e-10, Distance: 0.6, DetectorSize: 1e-4},
		} {
			s := given(t, path, g)
			size := pixel
			if how == "geometry" {
				size = 1.2e-10 * 0.6 / (24 * 1e-4) // the same 30 nm
			}
			rows, cols := []float64{0, 3, 1, 7}, []float64{8, 0, 19, 3}
			if !close64(s.Rows, rows) || !close64(s.Cols, cols) || math.Abs(s.PixelSize/size-1) > 1e-12 || !slices.Equal(s.Counts, want.Counts) {
				t.Errorf("%s in %s: rows %v, columns %v, pixel %v", how, name, s.Rows, s.Cols, s.PixelSize)
			}
			if s.Object != nil {
				t.Errorf("%s in %s keeps the object", how, name)
			}
		}
	}
}

func TestReadScan_ChangesPositions(t *testing.T) {
	path, _ := lopsided(t, nil)
	for name, c := range map[string]struct {
		g          acquisition.Given
		rows, cols []float64
	}{
		"exchange":               {acquisition.Given{Exchange: true}, []float64{8, 0, 19, 3}, []float64{0, 3, 1, 7}},
		"flip-rows":              {acquisition.Given{FlipRows: true}, []float64{7, 4, 6, 0}, []float64{8, 0, 19, 3}},
		"flip-columns":           {acquisition.Given{FlipColumns: true}, []float64{0, 3, 1, 7}, []float64{11, 19, 0, 16}},
		"exchange and flip-rows": {acquisition.Given{Exchange: true, FlipRows: true}, []float64{11, 19, 0, 16}, []float64{0, 3, 1, 7}},
	} {
		if s := given(t, path, c.g); !close64(s.Rows, c.rows) || !close64(s.Cols, c.cols) {
			t.Errorf("%s: rows %v, columns %v", name, s.Rows, s.Cols)
		}
	}
}

func TestReadScan_CropsTheMiddle(t *testing.T) {
	path, whole := lopsided(t, nil)
	s := given(t, path, acquisition.Given{Prepare: cropped(16), PixelSize: 30e-9})
	if s.N != 16 || len(s.Counts) != 4*256 || s.Validate() != nil {
		t.Fatalf("N %d, %d counts, %v", s.N, len(s.Counts), s.Validate())
	}
	for i := range s.Len() {
		for p := range 256 {
			if at := (p/16+4)*24 + p%16 + 4; s.Pattern(i)[p] != whole.Pattern(i)[at] || s.Mask[p] != whole.Mask[at] {
				t.Fatalf("pattern %d, pixel %d is not that of the middle", i, p)
			}
		}
	}
	if !close64(s.Rows, []float64{10 * 16. / 24, 13 * 16. / 24, 11 * 16. / 24, 17 * 16. / 24}) || s.PixelSize != 30e-9 || s.Object != nil {
		t.Errorf("rows %v, pixel %v", s.Rows, s.PixelSize)
	}
	if a, b := scan.ProbeDiameter(whole.Probe, 24)/24, scan.ProbeDiameter(s.Probe, 16)/16; math.Abs(a-b) > 0.03 {
		t.Errorf("the probe fills %.3f of the window, before %.3f", b, a)
	}
	d, err := Describe(path, LayoutAuto, acquisition.Given{Prepare: cropped(16)})
	if err != nil || d.N != 16 {
		t.Errorf("described with %d pixels, %v", d.N, err)
	}
}

func TestReadScan_RefusesContradictions(t *testing.T) {
	sized, _ := lopsided(t, func(s *scan.Scan) {
		s.Metadata = `{"pixel_size_m": 3e-8, "wavelength_m": 1.2e-10, "distance_m": 0.6, "detector_pixel_size_m": 1e-4}`
	})
	bare, _ := lopsided(t, nil)
	for _, c := range []struct {
		path, says string
		g          acquisition.Given
	}{
		{bare, "need the object pixel; give --pixel-size, or --energy", acquisition.Given{PositionUnit: 1e-6}},
		{bare, "--y-path does not reach", acquisition.Given{Y: "/y", X: "/x"}},
		{bare, "--crop 26 cannot be taken", acquisition.Given{Prepare: cropped(26)}},
		{bare, "--crop 15 cannot be taken", acquisition.Given{Prepare: cropped(15)}},
		{bare, "which no ptychography has", acquisition.Given{PixelSize: 0.03}},
		{sized, "the file says distance 0.6 m, and 0.7 m was given", acquisition.Given{Distance: 0.7}},
		{sized, "object pixels have 3e-08 m", acquisition.Given{PixelSize: 40e-9}},
	} {
		if _, err := ReadScan(context.Background(), c.path, ScanOptions{Given: c.g}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.g, err, c.says)
		}
	}
	if s := given(t, sized, acquisition.Given{Distance: 0.9, Override: true}); math.Abs(s.PixelSize/45e-9-1) > 1e-12 {
		t.Errorf("a distance that replaces the file's gives %v m", s.PixelSize)
	}
	if s := given(t, sized, acquisition.Given{PixelSize: 40e-9, Override: true}); s.PixelSize != 40e-9 || s.Geometry.Known() {
		t.Errorf("an object pixel that replaces the file's: %v m, %+v", s.PixelSize, s.Geometry)
	}
}

// cropped is the preparation that takes the middle.
func cropped(side int) acquisition.Preparation {
	return acquisition.Preparation{Steps: prepare.Steps{Side: side}}
}
