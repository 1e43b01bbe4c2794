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
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
)

func read(t *testing.T, name string) *scan.Scan {
	t.Helper()
	s, err := format.ReadScan(context.Background(), filepath.Join("testdata", name), format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each layout must give the counts, positions, mask and probe of the same scan as npz.
func TestRead_EqualsTheNPZ(t *testing.T) {
	want := read(t, "expected.npz")
	for _, name := range []string{"plain.cxi", "nxcxi.cxi", "i08.h5", "prepared.ptyd", "ptylab.hdf5", "nsls.h5"} {
		t.Run(name, func(t *testing.T) {
			got := read(t, name)
			if !slices.Equal(got.Counts, want.Counts) {
				t.Error("other counts")
			}
			if !slices.Equal(got.Mask, want.Mask) {
				t.Error("another mask")
			}
			for i := range want.Rows {
				if math.Abs(got.Rows[i]-want.Rows[i]) > 1e-9 || math.Abs(got.Cols[i]-want.Cols[i]) > 1e-9 {
					t.Fatalf("pattern %d is at (%v, %v) (row, column), want (%v, %v)", i, got.Rows[i], got.Cols[i], want.Rows[i], want.Cols[i])
				}
			}
			if strings.HasSuffix(name, ".cxi") && !slices.Equal(got.Probe, want.Probe) {
				t.Error("another probe")
			}
			if size := 1.24e-10 * 1.9 / (24 * 75e-6); math.Abs(got.PixelSize/size-1) > 1e-9 {
				t.Errorf("object pixels of %v m, want %v", got.PixelSize, size)
			}
		})
	}
}

func TestRead_SelectsPatterns(t *testing.T) {
	all := read(t, "prepared.ptyd")
	s, err := format.ReadScan(context.Background(), "testdata/prepared.ptyd", format.ScanOptions{Rows: "5:9,11"})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range []int{5, 6, 7, 8, 11} {
		if !slices.Equal(s.Pattern(i), all.Pattern(r)) || s.Rows[i] != all.Rows[r] {
			t.Errorf("pattern %d is not number %d of the file", i, r)
		}
	}
}

func TestOpen_ListsWhatAnUnknownFileContains(t *testing.T) {
	_, err := acquisition.Open("testdata/unknown.h5", acquisition.Given{})
	if err == nil {
		t.Fatal("a file of an unknown layout was read")
	}
	for _, want := range []string{"ptycho convert testdata/unknown.h5 OUT.npz --data-path /scan/frames --y-path /scan/motors:1 --x-path /scan/motors:0 --position-units UNIT --energy ENERGY", "/scan/frames [12 24 24] uint32", "/scan/motors [12 2] float64"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestRead_DamagedFileIsNamedOnce(t *testing.T) {
	b, err := os.ReadFile("testdata/plain.cxi")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "cut.cxi")
	if err := os.WriteFile(name, b[:len(b)-4000], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = format.ReadScan(context.Background(), name, format.ScanOptions{})
	if err == nil || strings.Count(err.Error(), name) != 1 || !strings.Contains(err.Error(), "damaged HDF5 file") {
		t.Errorf("a file that is cut off: %v", err)
	}
}

func TestRead_NamesFaults(t *testing.T) {
	for name, want := range map[string]string{"negative.hdf5": "576 of 576 pixels are masked", "bright.hdf5": "more than float32 can hold",
		"nan.hdf5": "pixel (3, 0) (row, column) is NaN", "broken.cxi": "a link to the file nowhere.h5"} {
		_, err := format.ReadScan(context.Background(), "testdata/"+name, format.ScanOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), name) != 1 {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestRead_RefusesWhatTheFileSays(t *testing.T) {
	for _, o := range []format.ScanOptions{{Units: format.Normalised}, {Photons: 1e5}, {Layout: format.LayoutHWN}} {
		if _, err := format.ReadScan(context.Background(), "testdata/plain.cxi", o); err == nil {
			t.Errorf("options %+v were accepted", o)
		}
	}
}

// A damaged file must give an error or a scan.
func TestRead_SurvivesDamagedFiles(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	name := filepath.Join(t.TempDir(), "damaged.h5")
	for _, original := range []string{"plain.cxi", "nxcxi.cxi", "prepared.ptyd", "nsls.h5", "ptylab.hdf5"} {
		b, err := os.ReadFile("testdata/" + original)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			damaged := slices.Clone(b)
			for range 1 + r.IntN(8) {
				damaged[r.IntN(len(damaged))] = byte(r.IntN(256))
			}
			if err := os.WriteFile(name, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := format.ReadScan(context.Background(), name, format.ScanOptions{})
			if err != nil && (!strings.HasPrefix(err.Error(), name+": ") || len(err.Error()) > 2000) {
				t.Errorf("%s damaged: %v", original, err)
			}
		}
	}
}
