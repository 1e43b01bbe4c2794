package acquisition_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/hdf5"
)

// unitFile is a CXI file whose positions are numbers in a unit; stated is its attribute, "" for none.
func unitFile(t *testing.T, unit float64, stated string, energy float64, energyUnit string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "scan.cxi")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	frames, at := make([]uint16, 9*16*16), make([]float64, 0, 27)
	for i := range frames {
		frames[i] = uint16(i % 7)
	}
	for i := range 9 {
		at = append(at, 1e-6*float64(i%3)/unit, 2e-6*float64(i/3)/unit, 0)
	}
	attributes := func(name string) []any {
		if name == "" {
			return nil
		}
		return []any{"units", name}
	}
	w := hdf5.NewWriter(f)
	entry := w.Root().Group("entry_1")
	instrument := entry.Group("instrument_1")
	detector := instrument.Group("detector_1")
	data := entry.Group("data_1")
	for _, err := range []error{data.Dataset("data", frames, 9, 16, 16), data.DatasetWith("translation", at, []uint64{9, 3}, attributes(stated)...),
		instrument.Group("source_1").DatasetWith("energy", energy, nil, attributes(energyUnit)...),
		detector.DatasetWith("distance", 2000.0, nil, "units", "mm"), detector.DatasetWith("x_pixel_size", 75.0, nil, "units", "um"), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// Positions in any unit, which the file states or the caller, and energies in any unit give the same scan.
func TestOpen_UnitsGiveTheSamePositions(t *testing.T) {
	pixel := 1.239841984e-10 * 2 / (16 * 75e-6)
	for name, c := range map[string]struct {
		unit       float64
		stated     string
		energy     float64
		energyUnit string
		given      float64 // with Override
		notes      string
	}{
		"m":                    {1, "", 1.602176634e-15, "", 0, ""},
		"m, stated":            {1, "m", 10, "keV", 0, ""},
		"mm, stated":           {1e-3, "mm", 1e4, "eV", 0, "is in mm, as its attribute says; files of this layout usually have m"},
		"um, stated":           {1e-6, "µm", 1e4, "", 0, "taken as eV"},
		"nm, stated":           {1e-9, "nanometers", 10, "", 0, "taken as keV"},
		"A, stated":            {1e-10, "angstrom", 10, "keV", 0, "is in A"},
		"um, not stated":       {1e-6, "", 10, "keV", 1e-6, "taken in um in place of the file's m, because of --override"},
		"nm, stated wrongly":   {1e-9, "m", 10, "keV", 1e-9, "taken in nm in place of the file's m"},
		"m, stated as um":      {1, "um", 10, "keV", 1, "taken in m in place of the file's um"},
		"m, of unknown name":   {1, "furlong", 10, "keV", 0, `the unit "furlong" of /entry_1/data_1/translation is not known; positions are taken in m`},
		"mm, given as it says": {1e-3, "mm", 10, "keV", 1e-3, ""},
	} {
		a, err := acquisition.Open(unitFile(t, c.unit, c.stated, c.energy, c.energyUnit), acquisition.Given{PositionUnit: c.given, Override: c.given != 0})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, err := a.Frame([]int{0, 1, 2, 3, 4, 5, 6, 7, 8}, false)
		a.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range 9 {
			if !near([]float64{s.Rows[i], s.Cols[i]}, []float64{2e-6 * float64(i/3) / pixel, 1e-6 * float64(i%3) / pixel}) {
				t.Errorf("%s: position %d is (%v, %v)", name, i, s.Rows[i], s.Cols[i])
			}
		}
		if !near([]float64{s.PixelSize / pixel}, []float64{1}) || !strings.Contains(strings.Join(s.Notes, "\n"), c.notes) {
			t.Errorf("%s: pixel %v, want %v; notes %q, want %q", name, s.PixelSize, pixel, s.Notes, c.notes)
		}
	}
}

// A unit that contradicts the file's is an error of the flag unless it may replace it.
func TestOpen_UnitContradictsTheFile(t *testing.T) {
	var flag *acquisition.FlagError
	for stated, says := range map[string]string{"": "are in m in this CXI file, and --position-units is nm", "mm": "are in mm in this CXI file, and --position-units is nm"} {
		_, err := acquisition.Open(unitFile(t, 1, stated, 10, "keV"), acquisition.Given{PositionUnit: 1e-9})
		if err == nil || !errors.As(err, &flag) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", stated, err, says)
		}
	}
}

// Positions that a path names are in the unit that their attribute states, where none is given.
func TestOpen_PathsHaveTheirUnit(t *testing.T) {
	motors := filepath.Join(t.TempDir(), "motors.h5")
	f, err := os.Create(motors)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	y, x := []float64{0, 0, 0, 2, 2, 2, 4, 4, 4}, []float64{0, 1, 2, 0, 1, 2, 0, 1, 2}
	for _, err := range []error{w.Root().DatasetWith("y", y, nil, "units", "um"), w.Root().DatasetWith("x", x, nil, "units", "micron"), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	scan := unitFile(t, 1, "", 10, "keV")
	g := acquisition.Given{Y: motors + ":/y", X: motors + ":/x"}
	a, err := acquisition.Open(scan, g)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if !near([]float64{1e6 * a.Y[8], 1e6 * a.X[8]}, []float64{4, 2}) {
		t.Errorf("the last position is (%v, %v) m", a.Y[8], a.X[8])
	}
	g.PositionUnit = 1e-9
	if _, err := acquisition.Open(scan, g); err == nil || !strings.Contains(err.Error(), "are in um") {
		t.Errorf("another unit than the file's: %v", err)
	}
}

// Amplitudes in a file that does not say so give the counts that they are the roots of.
func TestReadScan_TakesAmplitudes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "stack.npy")
	want := read(t, "expected.npz")
	header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 24, 24), }", want.Len())
	header += strings.Repeat(" ", 128-11-len(header)) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00v\x00"), header...)
	for i := range want.Counts {
		b = append(b, byte(i%251))
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := format.ReadScan(context.Background(), name, format.ScanOptions{Units: format.Amplitude, Given: geometry(csv+":2", csv+":1", 1e-6)})
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range s.Counts {
		if a := i % 251; k != float32(a*a) {
			t.Fatalf("count %d is %v, want %d", i, k, a*a)
		}
	}
	if !strings.Contains(strings.Join(s.Notes, "\n"), "amplitudes, because of --diffraction-units") {
		t.Errorf("notes %q", s.Notes)
	}
}

// Counts that float32 rounds are noted, for files that are not npz too.
func TestReadScan_NotesCountsAboveFloat32(t *testing.T) {
	s := read(t, "plain.cxi")
	for _, n := range s.Notes {
		if strings.Contains(n, "float32 rounds") {
			t.Errorf("note %q for small counts", n)
		}
	}
	var err error
	s, err = format.ReadScan(context.Background(), bright(t), format.ScanOptions{Given: geometry(csv+":2", csv+":1", 1e-6)})
	if err != nil || !slices.ContainsFunc(s.Notes, func(n string) bool {
		return strings.Contains(n, "the brightest pixel has 16777219 counts; above 16777216 float32 rounds them")
	}) {
		t.Errorf("%v, %+v", err, s)
	}
}

// bright is an npy file with one count above 2²⁴.
func bright(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bright.npy")
	header := "{'descr': '<u4', 'fortran_order': False, 'shape': (12, 24, 24), }"
	b := append([]byte("\x93NUMPY\x01\x00v\x00"), header+strings.Repeat(" ", 128-11-len(header))+"\n"...)
	values := make([]byte, 4*12*24*24)
	copy(values[4000:], []byte{3, 0, 0, 1})
	if err := os.WriteFile(name, append(b, values...), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The comment before the first numbers names the columns, as numpy.savetxt writes it, and a table is not held as text.
func TestOpen_CommentNamesColumns(t *testing.T) {
	b, err := os.ReadFile(csv)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\n")
	name := filepath.Join(t.TempDir(), "positions.txt")
	if err := os.WriteFile(name, []byte("# by the beamline\n# trigger x_um y_um\n"+strings.ReplaceAll(rest, ",", " ")), 0o600); err != nil {
		t.Fatal(err)
	}
	want := readGiven(t, "stack.npy", geometry(csv+":2", csv+":1", 1e-6))
	if got := readGiven(t, "stack.npy", geometry(name+":/y_um", name+":/x_um", 1e-6)); !near(got.Rows, want.Rows) || !near(got.Cols, want.Cols) {
		t.Error("other positions")
	}
	_, err = acquisition.Open("testdata/stack.npy", geometry(name+":/y", name+":/x_um", 1e-6))
	if err == nil || !strings.Contains(err.Error(), "(trigger, x_um, y_um)") {
		t.Errorf("an unknown column: %v", err)
	}
	if err := os.WriteFile(name, []byte(strings.Repeat("1 ", 40000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = acquisition.Open("testdata/stack.npy", geometry(name+":1", csv+":1", 1e-6)); err == nil || !strings.Contains(err.Error(), "neither a text") {
		t.Errorf("an endless line: %v", err)
	}
	if err := os.WriteFile(name, []byte("\xff\xfe1\x00,\x002\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = acquisition.Open("testdata/stack.npy", geometry(name, csv+":1", 1e-6)); err == nil || !strings.Contains(err.Error(), "neither a text") {
		t.Errorf("a text in UTF-16: %v", err)
	}
}
