package acquisition_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// separate are the positions of files that have none.
var separate = acquisition.Given{Y: "testdata/layouts/positions.h5:/y_nm", X: "testdata/layouts/positions.h5:/x_nm", PositionUnit: 1e-9}

// twin is a file with the scan of testdata/expected.npz in the layout of another program, written by testdata/layouts.py.
type twin struct {
	name, format string
	lacks        string // p positions, w wavelength, z distance, d detector pixel, s a detector that is larger
	raster       float64
	probe        bool
}

var twins = []twin{
	{name: "eiger_master.h5", format: "Eiger", lacks: "p"},
	{name: "centred_master.h5", format: "Eiger", lacks: "ps"},
	{name: "fold.h5", format: "fold_slice"},
	{name: "slice_dp.hdf5", format: "fold_slice"},
	{name: "vit_dp.hdf5", format: "ptycho-vit", probe: true},
	{name: "matlab.mat", format: "NSLS-II MATLAB", probe: true},
	{name: "batch", format: "Ptychodus", probe: true},
	{name: "batch/diffraction.h5", format: "Ptychodus", probe: true},
	{name: "aps04.h5", format: "APS 4-ID", lacks: "d"},
	{name: "aps09.h5", format: "APS 9-ID", lacks: "wzd"},
	{name: "aps12.h5", format: "APS 12-ID", lacks: "pzd"},
	{name: "aps12p.h5", format: "APS 12-ID processed", lacks: "wzd"},
	{name: "aps19.h5", format: "APS 19-ID", lacks: "pzd"},
	{name: "aps31.h5", format: "APS 31-ID", lacks: "ps"},
	{name: "aps31a.h5", format: "APS 31-ID areaDetector", lacks: "p"},
	{name: "hxn.h5", format: "NSLS-II HXN", lacks: "zd"},
	{name: "nanomax.h5", format: "NanoMAX", lacks: "wzd"},
	{name: "softimax.h5", format: "SoftiMAX", lacks: "pwzd"},
	{name: "csaxs.h5", format: "cSAXS", lacks: "p"},
	{name: "lcls.h5", format: "LCLS XPP", lacks: "wzd"},
	{name: "nexus.h5", format: "NeXus", lacks: "pwzd"},
	{name: "i13.nxs", format: "Diamond I13", lacks: "pwzd"},
	{name: "i08.nxs", format: "Diamond I08", lacks: "pwzd"},
	{name: "i14.nxs", format: "Diamond I14", lacks: "wd", raster: 2.5},
	{name: "datacube.h5", format: "py4DSTEM", raster: 2.5},
}

// given says what the file of a twin does not.
func (w twin) given() acquisition.Given {
	var g acquisition.Given
	if strings.Contains(w.lacks, "p") {
		g = separate
	}
	if strings.Contains(w.lacks, "w") {
		g.Wavelength = 1.24e-10
	}
	if strings.Contains(w.lacks, "z") {
		g.Distance = 1.9
	}
	if strings.Contains(w.lacks, "d") {
		g.DetectorSize = 75e-6
	}
	if strings.Contains(w.lacks, "s") {
		g.Prepare.Side = 24
	}
	return g
}

// Each layout must give the counts, positions, mask and probe of the same scan as npz.
func TestLayouts_EqualTheNPZ(t *testing.T) {
	want := read(t, "expected.npz")
	for _, w := range twins {
		t.Run(w.name, func(t *testing.T) {
			a, err := acquisition.Open("testdata/layouts/"+w.name, w.given())
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if a.Format != w.format {
				t.Errorf("read as %s, want %s", a.Format, w.format)
			}
			rows := make([]int, a.Patterns)
			for i := range rows {
				rows[i] = i
			}
			got, err := a.Read(context.Background(), rows, true)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Counts, want.Counts) {
				t.Error("other counts")
			}
			if !slices.Equal(got.Mask, want.Mask) {
				t.Error("another mask")
			}
			for i := range want.Rows {
				y, x := want.Rows[i], want.Cols[i]
				if w.raster > 0 {
					y, x = w.raster*float64(i/4), w.raster*float64(i%4)
				}
				if math.Abs(got.Rows[i]-y) > 1e-9 || math.Abs(got.Cols[i]-x) > 1e-9 {
					t.Fatalf("pattern %d is at (%v, %v) (row, column), want (%v, %v)", i, got.Rows[i], got.Cols[i], y, x)
				}
			}
			if w.probe && !slices.Equal(got.Probe, want.Probe) {
				t.Error("another probe")
			}
			if size := 1.24e-10 * 1.9 / (24 * 75e-6); math.Abs(got.PixelSize/size-1) > 1e-9 {
				t.Errorf("object pixels of %v m, want %v", got.PixelSize, size)
			}
		})
	}
}

// A part of a scan of two dimensions begins and ends within its rows.
func TestLayouts_SelectPatterns(t *testing.T) {
	for _, w := range twins {
		a, err := acquisition.Open("testdata/layouts/"+w.name, w.given())
		if err != nil {
			t.Fatal(err)
		}
		want := read(t, "expected.npz")
		rows := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 11}
		got, err := a.Read(context.Background(), rows, false)
		a.Close()
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			if !slices.Equal(got.Pattern(i), want.Pattern(r)) {
				t.Errorf("%s: pattern %d is not number %d of the file", w.name, i, r)
			}
		}
	}
}

// Each file must have one layout, whatever the order of the table.
func TestLayouts_ExcludeEachOther(t *testing.T) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("testdata/layouts/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range append(files, more...) {
		if acquisition.Kind(name) != "HDF5" || strings.Contains(name, "_data_") || strings.Contains(name, "_para") || slices.Contains([]string{"unknown.h5", "positions.h5"}, filepath.Base(name)) {
			continue
		}
		if filepath.Base(name) == "batch" {
			name += "/diffraction.h5"
		}
		f, err := hdf5.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		found, err := acquisition.Matching(f)
		f.Close()
		if err != nil || len(found) != 1 {
			t.Errorf("%s has the layouts %q, %v; want one", name, found, err)
		}
		for _, l := range found {
			seen[l] = true
		}
	}
	for _, l := range acquisition.Formats() {
		if !seen[l] {
			t.Errorf("no file of the layout %s is tested", l)
		}
	}
}

// What a file lacks is said with the place where the facility has it and the flags that give it.
func TestLayouts_SayWhatIsMissing(t *testing.T) {
	for name, want := range map[string]string{"eiger_master.h5": "master file has none; give 12 of them with", "aps31.h5": "Orchestra", "i08.nxs": "/entry1/Counter1/MOTOR",
		"aps19.h5": "/entry/data/Y_Position", "nexus.h5": "--y-path FILE:/PATH"} {
		if _, err := acquisition.Open("testdata/layouts/"+name, acquisition.Given{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// Data files that are missing are all named.
func TestEiger_NamesMissingFiles(t *testing.T) {
	dir := t.TempDir()
	copyFile(t, "testdata/layouts/eiger_master.h5", filepath.Join(dir, "eiger_master.h5"))
	_, err := acquisition.Open(filepath.Join(dir, "eiger_master.h5"), acquisition.Given{})
	if err == nil || !strings.Contains(err.Error(), "eiger_data_000001.h5") || !strings.Contains(err.Error(), "eiger_data_000002.h5") {
		t.Errorf("%v", err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A link to a file that was copied is followed, and that is said.
func TestEiger_NotesFilesThatWereMoved(t *testing.T) {
	a, err := acquisition.Open("testdata/layouts/eiger_master.h5", separate)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if all := strings.Join(a.Notes, "\n"); !strings.Contains(all, "/beamline/raw/eiger_data_000002.h5 is taken to the file of that name in the folder of the scan") {
		t.Errorf("the notes are %s", all)
	}
}

func TestOpen_FormatReplacesRecognition(t *testing.T) {
	g := separate
	g.Format, g.Wavelength, g.Distance, g.DetectorSize = "nexus", 1.24e-10, 1.9, 75e-6
	a, err := acquisition.Open("testdata/layouts/aps12.h5", g)
	if err != nil || a.Format != "NeXus" {
		t.Fatalf("read as %+v, %v", a, err)
	}
	a.Close()
	g.Format = "HDF6"
	if _, err := acquisition.Open("testdata/layouts/aps12.h5", g); err == nil || !strings.Contains(err.Error(), "want one of cxi, ") {
		t.Errorf("%v", err)
	}
}

// A product that says it is near field is believed.
func TestPtychodus_RefusesNearField(t *testing.T) {
	dir := t.TempDir()
	copyFile(t, "testdata/layouts/batch/diffraction.h5", filepath.Join(dir, "diffraction.h5"))
	f, err := os.Create(filepath.Join(dir, "product.h5"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	numbers := make([]float64, 12)
	for _, err := range []error{w.Root().SetAttribute("far_field", []int8{0}), w.Root().Dataset("probe_position_indexes", numbers, 12),
		w.Root().Dataset("probe_position_x_m", numbers, 12), w.Root().Dataset("probe_position_y_m", numbers, 12), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := acquisition.Open(dir, acquisition.Given{}); err == nil || !strings.Contains(err.Error(), "the scan is near field: its product file") {
		t.Errorf("a product with far_field = false: %v", err)
	}
}

// A damaged file of any layout must give an error that names it once, or a scan.
func TestLayouts_SurviveDamagedFiles(t *testing.T) {
	fixture.Long(t)
	r := rand.New(rand.NewPCG(5, 6))
	for _, w := range twins {
		dir := t.TempDir()
		for _, beside := range []string{"eiger_data_000001.h5", "eiger_data_000002.h5", "slice_para.hdf5", "vit_para.hdf5", "batch/product.h5"} {
			copyFile(t, "testdata/layouts/"+beside, filepath.Join(dir, filepath.Base(beside)))
		}
		original := "testdata/layouts/" + w.name
		if w.name == "batch" {
			original += "/diffraction.h5"
		}
		b, err := os.ReadFile(original)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.Base(original))
		g := w.given()
		for range 30 {
			damaged := slices.Clone(b)
			for range 1 + r.IntN(8) {
				damaged[r.IntN(len(damaged))] = byte(r.IntN(256))
			}
			if err := os.WriteFile(name, damaged[:len(damaged)-r.IntN(2)*r.IntN(len(damaged))], 0o600); err != nil {
				t.Fatal(err)
			}
			a, err := acquisition.Open(name, g)
			if err == nil {
				_, err = a.Read(context.Background(), []int{0, 1, 2}, true)
				a.Close()
			}
			if err != nil && (!strings.HasPrefix(err.Error(), dir) || len(err.Error()) > 3000) {
				t.Errorf("%s damaged: %v", w.name, err)
			}
		}
	}
}
