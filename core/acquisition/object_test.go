package acquisition_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
)

// The layers of ptypy's object are multiplied, and it begins half a probe before the smallest position.
func TestReadObject_Ptyr(t *testing.T) {
	name := filepath.Join(t.TempDir(), "result.ptyr")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	content := w.Root().Group("content")
	object := content.Group("obj").Group("S00G00")
	layers := []complex64{1, 2, 3, 4, 5, 6, 1i, 1, 1, 1, 1, 2}
	for _, err := range []error{object.Dataset("data", layers, 2, 2, 3), object.Dataset("_psize", []float64{3e-8, 3e-8}),
		content.Group("probe").Group("S00G00").Dataset("data", make([]complex64, 8*10), 1, 8, 10), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	o, err := acquisition.ReadObject(name)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.Values, []complex64{1i, 2, 3, 4, 5, 12}) || o.Height != 2 || o.Width != 3 || o.Origin != [2]float64{-4, -5} || o.PixelSize != 3e-8 {
		t.Errorf("%+v", o)
	}
}

// A product has its object's centre in m; the scan's smallest position, which is 0 in object pixels, is at (−3, 5) µm (y, x).
func TestReadObject_Product(t *testing.T) {
	o, err := acquisition.ReadObject("testdata/layouts/batch/product.h5")
	if err != nil {
		t.Fatal(err)
	}
	pixel := 1.24e-10 * 1.9 / (24 * 75e-6)
	want := [2]float64{3e-6/pixel - 20, -5e-6/pixel - 26}
	if o.Height != 40 || o.Width != 52 || math.Abs(o.Origin[0]-want[0]) > 1e-9 || math.Abs(o.Origin[1]-want[1]) > 1e-9 {
		t.Errorf("%d×%d at %v, want 40×52 at %v", o.Height, o.Width, o.Origin, want)
	}
}

// TestReadObject_ProductOfSomePatterns reads a product that ptycho wrote of patterns of which none is at the position 0. Its attribute says
// what is at 0.
func TestReadObject_ProductOfSomePatterns(t *testing.T) {
	name := filepath.Join(t.TempDir(), "product.h5")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	const pixel = 1e-8
	for _, err := range []error{
		w.Root().SetAttribute(acquisition.OriginAttribute, []float64{0, 0}),
		w.Root().Dataset("probe_position_indexes", []int64{3, 4}, 2),
		w.Root().Dataset("probe_position_x_m", []float64{30 * pixel, 40 * pixel}, 2),
		w.Root().Dataset("probe_position_y_m", []float64{20 * pixel, 20 * pixel}, 2),
		w.Root().DatasetWith("object", make([]complex64, 6*8), []uint64{1, 6, 8}, "pixel_width_m", pixel, "pixel_height_m", pixel, "center_x_m", 36*pixel, "center_y_m", 21*pixel),
		w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	o, err := acquisition.ReadObject(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := [2]float64{21 - 3, 36 - 4}; math.Abs(o.Origin[0]-want[0]) > 1e-6 || math.Abs(o.Origin[1]-want[1]) > 1e-6 {
		t.Errorf("the object begins at %v, want %v", o.Origin, want)
	}
}

func TestReadObject_SurvivesDamagedFiles(t *testing.T) {
	b, err := os.ReadFile("testdata/layouts/batch/product.h5")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	name := filepath.Join(t.TempDir(), "product.h5")
	for range 300 {
		damaged := slices.Clone(b)
		for range 1 + r.IntN(8) {
			damaged[r.IntN(len(damaged))] = byte(r.IntN(256))
		}
		if err := os.WriteFile(name, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := acquisition.ReadObject(name); err != nil && !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v", err)
		}
	}
}
