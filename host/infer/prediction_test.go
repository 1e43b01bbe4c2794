package infer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// TestPrediction_FullDiskOnlySkipsSynchronisation lets writes to the file of patches fail after the first.
func TestPrediction_FullDiskOnlySkipsSynchronisation(t *testing.T) {
	const n = 16
	data := &scan.Scan{N: n, Rows: []float64{20, 24, 28}, Cols: []float64{20, 25, 22}, Counts: make([]float32, 3*n*n)}
	weight, patch := make([]float32, n*n), make([]complex64, n*n)
	for i := range patch {
		weight[i], patch[i] = 1, complex(1, 0.5)
	}
	for how, lost := range map[string]bool{"auto": false, "on": true} {
		said := 0
		p, err := newPrediction(data, weight, config.InferenceSettings{PadEval: true, SynchronisePhases: how}, func(string, ...any) { said++ })
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for j := range 3 {
			if j == 1 {
				_ = p.file.Close()
			}
			if err = p.add(j, patch); err != nil {
				break
			}
		}
		if (err != nil) != lost {
			t.Errorf("%s: %v", how, err)
		}
		if err != nil {
			continue
		}
		image, err := p.Stitch(context.Background(), func(context.Context, raster.Stitched) (float64, error) { return 0.25, nil })
		if err != nil || len(image.Object.Data) == 0 || image.R != 0.25 || image.Synchronised || said != 1 {
			t.Errorf("%s: %v, %+v, said %d times", how, err, image.R, said)
		}
	}
}

// An error that says what to do about TMPDIR, and one that does not, are both reported with that advice once.
func TestPrediction_AdvisesOnce(t *testing.T) {
	for _, text := range []string{"disk full", "cannot create a temporary file of 80.0 GiB; set TMPDIR to a folder with enough space"} {
		said := ""
		p := &prediction{how: "auto", notice: func(format string, args ...any) { said = fmt.Sprintf(format, args...) }}
		if err := p.without(errors.New(text)); err != nil || strings.Count(said, "set TMPDIR") != 1 {
			t.Errorf("%q, %v", said, err)
		}
		p.how = "on"
		if err := p.without(errors.New(text)); err == nil || strings.Count(err.Error(), "set TMPDIR") != 1 {
			t.Errorf("with on: %v", err)
		}
	}
}

// predicted returns a prediction of three patches, constant ones of different phases, which are synchronised.
func predicted(t *testing.T) *prediction {
	t.Helper()
	const n = 16
	data := &scan.Scan{N: n, Rows: []float64{20, 24, 28}, Cols: []float64{20, 25, 22}, Counts: make([]float32, 3*n*n)}
	p, err := newPrediction(data, slices.Repeat([]float32{1}, n*n), config.InferenceSettings{PadEval: true, SynchronisePhases: "on"}, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	for j := range 3 {
		if err := p.add(j, slices.Repeat([]complex64{complex64(cmplx.Rect(1, float64(j)))}, n*n)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// Of a large image only one is in memory; the image that is kept is the same.
func TestPrediction_LargeImageIsStitchedAgain(t *testing.T) {
	defer func(n int) { oneImage = n }(oneImage)
	for _, improvement := range []float64{1, 1 - clearlyBetter/2, 0.5} {
		var images []stitched
		for _, oneImage = range []int{1 << 24, 0} {
			p, r := predicted(t), 0.25
			p.how = "auto"
			image, err := p.Stitch(t.Context(), func(context.Context, raster.Stitched) (float64, error) {
				defer func() { r *= improvement }()
				return r, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			images = append(images, image)
		}
		if !reflect.DeepEqual(images[0], images[1]) || images[0].Synchronised != (improvement == 0.5) || len(images[0].Object.Data) == 0 {
			t.Errorf("R times %v: the images differ, or the wrong one is kept", improvement)
		}
	}
}

// Patches that differ by their phases only give an image of amplitude 1.
func TestPrediction_SynchronisedPatchesAgree(t *testing.T) {
	image, err := predicted(t).Stitch(t.Context(), func(context.Context, raster.Stitched) (float64, error) { return 0.25, nil })
	if err != nil || !image.Synchronised {
		t.Fatalf("synchronised %v, %v", image.Synchronised, err)
	}
	for i, covered := range image.Coverage.Data {
		if a := cmplx.Abs(image.Object.Data[i]); covered > 0 && math.Abs(a-1) > 1e-5 {
			t.Fatalf("pixel %d has the amplitude %v, want 1", i, a)
		}
	}
}

// TestPrediction_ReportsWorkAfterThePatches: with many patterns, the phases take longer than the network.
func TestPrediction_ReportsWorkAfterThePatches(t *testing.T) {
	p, last := predicted(t), map[string]int{}
	p.report = func(r host.Progress) { last[r.Phase] = r.Step }
	if _, err := p.Stitch(t.Context(), func(context.Context, raster.Stitched) (float64, error) { return 0.25, nil }); err != nil {
		t.Fatal(err)
	}
	if last["synchronise"] != 3 || last["stitch"] != 3 {
		t.Errorf("reported %v, want 3 patterns of synchronise and of stitch", last)
	}
}

// TestPrediction_StopsWhileStitching: a run that was asked to stop after its last prediction does not finish the image first.
func TestPrediction_StopsWhileStitching(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	_, err := predicted(t).StitchUntilStop(t.Context(), host.Host{Stop: stop}, func(context.Context, raster.Stitched) (float64, error) { return 0.25, nil })
	if host.ExitCode(err) != host.ExitInterrupted {
		t.Errorf("%v, want exit code %d", err, host.ExitInterrupted)
	}
}
