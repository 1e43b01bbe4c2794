package acquisition_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
)

// geometry is what files say that hold patterns only, of the scan of expected.npz.
func geometry(y, x string, unit float64) acquisition.Given {
	return acquisition.Given{Y: y, X: x, PositionUnit: unit, Wavelength: 1.24e-10, Distance: 1.9, DetectorSize: 75e-6}
}

const csv, txt = "testdata/motors.csv", "testdata/motors.txt"

// Each file must give the counts and positions of the same scan as npz, from a table of positions or its own.
func TestOpen_FilesThatAreNotHDF5EqualTheNPZ(t *testing.T) {
	want := read(t, "expected.npz")
	for name, given := range map[string][]acquisition.Given{
		"stack.npy":      {geometry(csv+":2", csv+":1", 1e-6), geometry(csv+":/y_um", csv+":/x_um", 1e-6), geometry(txt+":0", txt+":1", 1e-3)},
		"bigendian.npy":  {geometry("testdata/columns.npz:/y_um", "testdata/columns.npz:/x_um", 1e-6)},
		"columns.npz":    {geometry("position:0", "/position:1", 1e-6), geometry("y_um", "x_um", 1e-6)},
		"fold_slice.mat": {geometry("outputs.probe_positions:1", "/outputs/probe_positions:0", 1e-6), geometry("testdata/plain.mat:/outputs/probe_positions:1", csv+":1", 1e-6)},
		"plain.mat":      {geometry(csv+":2", csv+":1", 1e-6)},
		"stack.tif":      {geometry(csv+":2", csv+":1", 1e-6)},
		"bigendian.tif":  {geometry(csv+":2", csv+":1", 1e-6)},
		"tiles.tif":      {geometry(csv+":2", csv+":1", 1e-6)},
		"floats.tif":     {geometry(csv+":2", csv+":1", 1e-6)},
		"imagej.tif":     {geometry(csv+":2", csv+":1", 1e-6)},
		"frames":         {geometry(csv+":2", csv+":1", 1e-6)},
		"complete.npz":   {{}},
		"ptychodus.npz":  {geometry("testdata/product.npz:/probe_position_y_m", "testdata/product.npz:/probe_position_x_m", 1)},
	} {
		for _, g := range given {
			got := readGiven(t, name, g)
			if !near(got.Rows, want.Rows) || !near(got.Cols, want.Cols) {
				t.Errorf("%s: other positions from %s", name, g.Y)
			}
			for i, k := range want.Counts {
				if got.Counts[i] != k {
					t.Fatalf("%s: count %d is %v, want %v", name, i, got.Counts[i], k)
				}
			}
			if (name == "columns.npz" || name == "complete.npz" || name == "fold_slice.mat") && !slices.Equal(got.Probe, want.Probe) {
				t.Errorf("%s: another probe", name)
			}
			if strings.HasSuffix(name, ".npz") && string(got.Mask) != string(want.Mask) {
				t.Errorf("%s: another mask", name)
			}
		}
	}
}

func TestOpen_NamesWhatAFileLacks(t *testing.T) {
	for name, says := range map[string]string{
		"fold_slice.mat": "this MAT file (dp [24 24 12], probe [24 24 1], outputs.probe_positions [12 2], p.lambda [1 1])",
		"frames":         "this folder of TIFF (12 images of 24×24 pixels, uint16) does",
		"stack.npy":      "one array [12 24 24] uint16) does not say all positions and geometry; it is read with --y-path",
		"ptychodus.npz":  "patterns [12 24 24] u2, indexes [12] i8",
	} {
		_, err := acquisition.Open("testdata/"+name, acquisition.Given{})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Count(err.Error(), name) != 1 {
			t.Errorf("%v, want %q", err, says)
		}
	}
	for change, says := range map[string]string{
		csv: "say which column", csv + ":3": "no column 3", csv + ":/z": "no column /z; it has 12 rows of 3 numbers (trigger, x_um, y_um)", "nothing.csv:1": "has one array, without a name, and no nothing.csv",
		"testdata/product.npz:/probe": "12 positions are expected", "testdata/generate.py:1": "not a number",
	} {
		_, err := acquisition.Open("testdata/stack.npy", geometry(change, csv+":1", 1e-6))
		if err == nil || !strings.Contains(err.Error(), says) || len(err.Error()) > 400 {
			t.Errorf("%s: %v, want %q", change, err, says)
		}
	}
}
