package output

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// TestWriteImage_AFailedExportKeepsTheImage writes a product with a source's name that HDF5 does not hold.
func TestWriteImage_AFailedExportKeepsTheImage(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out")
	d, err := Create(ImageRequest(target, false, Exports{"ptychodus", "tiff"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	object, err := raster.FromComplex64(2, 2, []complex64{1, 1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	image := raster.Stitched{Object: object, Coverage: raster.Real{H: 2, W: 2, Data: []float64{1, 1, 1, 1}}}
	data := &scan.Scan{N: 2, Source: "scan\x00.npz", Counts: make([]float32, 4), Rows: []float64{0}, Cols: []float64{0}, Index: []int{0}, Probe: make([]complex64, 4), Modes: 1, PixelSize: 1e-8}
	err = d.WriteImage(Result{Image: image, Command: "solve", Data: data, Scan: data, Losses: []float64{math.NaN()}, Exports: Exports{"ptychodus", "tiff"}})
	var failure *host.Failure
	if !errors.As(err, &failure) || failure.Code != host.ExitPartial {
		t.Errorf("%v", err)
	}
	for name, want := range map[string]bool{ReconstructionFile: true, reportFile: true, "product.h5": false} {
		if _, err := os.Stat(filepath.Join(target, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
