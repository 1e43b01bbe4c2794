package acquisition_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/prepare"
	"github.com/ptychogo/ptycho/core/scan"
)

// unknown is what must be said of testdata/unknown.h5.
func unknown() acquisition.Given {
	return acquisition.Given{Data: "/scan/frames", Y: "/scan/motors:1", X: "/scan/motors:0", PositionUnit: 1, Wavelength: 1.24e-10, Distance: 1.9, DetectorSize: 75e-6}
}

func readGiven(t *testing.T, name string, g acquisition.Given) *scan.Scan {
	t.Helper()
	a, err := acquisition.Open("testdata/"+name, g)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	rows := make([]int, a.Patterns)
	for i := range rows {
		rows[i] = i
	}
	s, err := a.Read(context.Background(), rows, true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func near(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-6 })
}

func TestOpen_ReadsByPaths(t *testing.T) {
	want := read(t, "expected.npz")
	got := readGiven(t, "unknown.h5", unknown())
	if !near(got.Rows, want.Rows) || !near(got.Cols, want.Cols) {
		t.Error("other positions")
	}
	for i, k := range want.Counts {
		if m := i % (want.N * want.N); want.Mask[m] == 1 && got.Counts[i] != k {
			t.Fatalf("count %d is %v, want %v", i, got.Counts[i], k)
		}
	}
	g := unknown()
	g.Data, g.Y, g.X, g.Wavelength, g.Distance, g.DetectorSize, g.PositionUnit = "", "testdata/nsls.h5:/points:1", "testdata/nsls.h5:/points:0", 0, 0, 0, 1e-6
	if got := readGiven(t, "plain.cxi", g); !near(got.Rows, want.Rows) || !near(got.Cols, want.Cols) {
		t.Error("other positions from another file, in µm")
	}
}

func TestOpen_ChangesPositions(t *testing.T) {
	want := read(t, "expected.npz")
	mirrored := func(v []float64) []float64 {
		out := make([]float64, len(v))
		for i, x := range v {
			out[i] = slices.Max(v) - x
		}
		return out
	}
	for name, c := range map[string]struct {
		exchange, flipRows, flipColumns bool
		rows, cols                      []float64
	}{
		"exchange":               {true, false, false, want.Cols, want.Rows},
		"flip-rows":              {false, true, false, mirrored(want.Rows), want.Cols},
		"flip-columns":           {false, false, true, want.Rows, mirrored(want.Cols)},
		"exchange and flip-rows": {true, true, false, mirrored(want.Cols), want.Rows},
	} {
		g := acquisition.Given{Exchange: c.exchange, FlipRows: c.flipRows, FlipColumns: c.flipColumns}
		if got := readGiven(t, "plain.cxi", g); !near(got.Rows, c.rows) || !near(got.Cols, c.cols) {
			t.Errorf("%s: other positions", name)
		}
	}
}

func TestOpen_CropsTheMiddle(t *testing.T) {
	whole := readGiven(t, "plain.cxi", acquisition.Given{})
	got := readGiven(t, "plain.cxi", acquisition.Given{Prepare: cropped(16)})
	for r := range 16 {
		for c := range 16 {
			if got.Counts[16*r+c] != whole.Counts[24*(r+4)+c+4] {
				t.Fatalf("pixel (%d, %d) (row, column) is not that of the middle", r, c)
			}
		}
	}
	if !near([]float64{got.PixelSize * 16e9}, []float64{whole.PixelSize * 24e9}) {
		t.Errorf("object pixels of %v m from 16, %v from 24 detector pixels", got.PixelSize, whole.PixelSize)
	}
}

func TestOpen_RefusesWhatIsMissingOrContradicts(t *testing.T) {
	for want, change := range map[string]func(*acquisition.Given){
		"needs --y-path":                 func(g *acquisition.Given) { g.Y = "" },
		"needs --position-units":         func(g *acquisition.Given) { g.PositionUnit = 0 },
		"needs --energy or --wavelength": func(g *acquisition.Given) { g.Wavelength = 0 },
		"needs --distance":               func(g *acquisition.Given) { g.Distance = 0 },
		"needs --detector-pixel-size":    func(g *acquisition.Given) { g.DetectorSize = 0 },
		"are the same":                   func(g *acquisition.Given) { g.X = g.Y },
		"say which column":               func(g *acquisition.Given) { g.X = "/scan/motors" },
		"no column 2":                    func(g *acquisition.Given) { g.X = "/scan/motors:2" },
		"has no entry":                   func(g *acquisition.Given) { g.Data = "/scan/nothing" },
		"patterns need [patterns, rows":  func(g *acquisition.Given) { g.Data = "/scan/motors" },
		"number must be even":            func(g *acquisition.Given) { g.Prepare.Side = 11 },
		"which no ptychography has":      func(g *acquisition.Given) { g.Distance = 1e6 },
		"want the number of a column":    func(g *acquisition.Given) { g.X = "/scan/motors:x" },
		"no such file":                   func(g *acquisition.Given) { g.Probe = "nothing.h5:/probe" },
	} {
		g := unknown()
		change(&g)
		if _, err := acquisition.Open("testdata/unknown.h5", g); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if a, err := acquisition.Open("testdata/plain.cxi", acquisition.Given{Distance: 2, Override: true}); err != nil || a.Distance != 2 {
		t.Errorf("a value that replaces the file's: %v", err)
	}
	if _, err := acquisition.Open("testdata/plain.cxi", acquisition.Given{Distance: 2}); err == nil || !strings.Contains(err.Error(), "the file says distance 1.9 m, and 2 m was given") {
		t.Errorf("another distance than the file's: %v", err)
	}
}

// TestPreparation_RefusesDarkScan checks that an offset above all numbers is an error, and not a scan without photons.
func TestPreparation_RefusesDarkScan(t *testing.T) {
	a, err := acquisition.Open("testdata/plain.cxi", acquisition.Given{Prepare: acquisition.Preparation{Steps: prepare.Steps{Offset: 1e6}}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Read(t.Context(), []int{0, 1, 2}, false); err == nil || !strings.Contains(err.Error(), "no value is above the dark and the offset") {
		t.Errorf("error %v", err)
	}
}

// cropped is the preparation that takes the middle.
func cropped(side int) acquisition.Preparation {
	return acquisition.Preparation{Steps: prepare.Steps{Side: side}}
}
