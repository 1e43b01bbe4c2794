package acquisition_test

import (
	"context"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/hdf5"
)

// lit is a CXI file of 9 patterns whose counts and whose probe are times a factor.
func lit(t *testing.T, counts uint16, probe complex128) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "scan.cxi")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	frames, at, p := make([]uint16, 9*16*16), make([]float64, 0, 27), make([]complex128, 16*16)
	for i := range frames {
		frames[i] = counts * uint16(i%7)
	}
	for i := range p {
		y, x := float64(i/16-8), float64(i%16-8)
		p[i] = probe * complex(math.Exp(-(y*y+x*x)/10), 0)
	}
	for i := range 9 {
		at = append(at, 4e-8*float64(i%3), 4e-8*float64(i/3), 0)
	}
	w := hdf5.NewWriter(f)
	entry := w.Root().Group("entry_1")
	instrument := entry.Group("instrument_1")
	detector, source := instrument.Group("detector_1"), instrument.Group("source_1")
	data := entry.Group("data_1")
	for _, err := range []error{data.Dataset("data", frames, 9, 16, 16), data.Dataset("translation", at, 9, 3), source.Dataset("energy", 1.6e-15),
		source.Dataset("illumination", p, 16, 16), detector.Dataset("distance", 0.2), detector.Dataset("x_pixel_size", 75e-6), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// A file without light, or with a probe that no computation can use, is refused for this reason, and not later for another one.
func TestRead_NamesScansWithoutLight(t *testing.T) {
	for want, c := range map[string]struct {
		counts uint16
		probe  complex128
	}{
		"they have no photons":         {0, 1},
		"the probe is (NaN":            {1, cmplx.NaN()},
		"the probe is zero everywhere": {1, 0},
	} {
		name := lit(t, c.counts, c.probe)
		if _, err := format.ReadScan(context.Background(), name, format.ScanOptions{}); err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), name) != 1 {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The scale of a probe has no effect, also where its square exceeds float32.
func TestRead_ProbeOfAnyScale(t *testing.T) {
	for _, scale := range []complex128{1e-40, 1e-20, 1e30, 1e200} {
		s, err := format.ReadScan(context.Background(), lit(t, 1, scale), format.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if centre, beside := s.Probe[8*16+8], s.Probe[8*16+9]; centre != 1 || math.Abs(float64(real(beside))-math.Exp(-0.1)) > 1e-6 {
			t.Errorf("scale %g: the centre of the probe is %v, beside it %v", scale, centre, beside)
		}
	}
}
