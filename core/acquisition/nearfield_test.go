package acquisition_test

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/raster"
)

// fieldSide is the side of the patterns of these tests, fieldPixel their object pixel in m.
const (
	fieldSide  = 64
	fieldPixel = 1e-10 * 1 / (fieldSide * 50e-6)
)

// fieldScan writes a CXI file with a pattern for each position of a grid of 6×6 with that step in object pixels.
func fieldScan(t *testing.T, step float64, pattern func(y, x float64) []float64) string {
	t.Helper()
	const n = 36
	r := rand.New(rand.NewPCG(1, 2))
	var counts []float64
	var translation []float64
	for i := range n {
		y, x := step*(float64(i/6)+0.2*r.Float64()), step*(float64(i%6)+0.2*r.Float64())
		counts = append(counts, pattern(y, x)...)
		translation = append(translation, x*fieldPixel, y*fieldPixel, 0)
	}
	name := filepath.Join(t.TempDir(), "field.cxi")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdf5.NewWriter(f)
	entry := w.Root().Group("entry_1")
	instrument := entry.Group("instrument_1")
	detector := instrument.Group("detector_1")
	for _, err := range []error{entry.Group("data_1").Dataset("data", counts, n, fieldSide, fieldSide), entry.Group("sample_1").Group("geometry_1").Dataset("translation", translation, n, 3),
		detector.Dataset("distance", []float64{1}), detector.Dataset("x_pixel_size", []float64{50e-6}), instrument.Group("source_1").Dataset("wavelength", []float64{1e-10}), w.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return name
}

// texture is an object of random waves with periods from 6 pixels on, values around 1.
func texture() func(y, x float64) float64 {
	r := rand.New(rand.NewPCG(3, 4))
	type wave struct{ ky, kx, phase float64 }
	var waves []wave
	for range 40 {
		k, angle := 2*math.Pi/(6+30*r.Float64()), 2*math.Pi*r.Float64()
		waves = append(waves, wave{k * math.Sin(angle), k * math.Cos(angle), 2 * math.Pi * r.Float64()})
	}
	return func(y, x float64) float64 {
		sum := 0.0
		for _, w := range waves {
			sum += math.Sin(w.ky*y + w.kx*x + w.phase)
		}
		return 1 + 0.05*sum
	}
}

func readField(t *testing.T, name string) error {
	t.Helper()
	a, err := acquisition.Open(name, acquisition.Given{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	_, err = a.Read(context.Background(), []int{0, 1, 2}, false)
	return err
}

// Shadows of a part of the object that the window of the far field has no room for are near field.
func TestRead_RefusesNearField(t *testing.T) {
	object := texture()
	const magnification = 0.4 // detector pixels for an object pixel: the beam is 100 object pixels wide, and the window 64
	name := fieldScan(t, 12, func(y, x float64) []float64 {
		pattern := make([]float64, fieldSide*fieldSide)
		for i := range pattern {
			r, c := float64(i/fieldSide-32), float64(i%fieldSide-32)
			pattern[i] = 1000 * math.Exp(-math.Pow(math.Hypot(r, c)/20, 8)) * object(y+r/magnification, x+c/magnification)
		}
		return pattern
	})
	err := readField(t, name)
	if err == nil || !strings.Contains(err.Error(), "near field") || !strings.Contains(err.Error(), "room for 2 µm") {
		t.Errorf("%v", err)
	}
}

// Far-field patterns are shadows too where the beam is out of focus, and must be read.
func TestRead_AcceptsDefocusedFarField(t *testing.T) {
	object := texture()
	probe := make([]complex128, fieldSide*fieldSide)
	const aperture, curvature = 14, 0.0212 // pixels of the detector; the probe is 38 object pixels wide
	for i := range probe {
		r, c := float64((i/fieldSide+32)%64-32), float64((i%fieldSide+32)%64-32)
		if math.Hypot(r, c) < aperture {
			probe[i] = cmplx.Rect(100, math.Pi*curvature*(r*r+c*c))
		}
	}
	f := raster.NewFourier(fieldSide, fieldSide)
	f.Inverse(probe)
	name := fieldScan(t, 4, func(y, x float64) []float64 {
		pattern, exit := make([]float64, fieldSide*fieldSide), make([]complex128, fieldSide*fieldSide)
		for i := range exit {
			r, c := float64((i/fieldSide+32)%64-32), float64((i%fieldSide+32)%64-32)
			exit[i] = probe[i] * complex(object(y+r, x+c), 0)
		}
		f.AddIntensity(pattern, exit)
		return pattern
	})
	if err := readField(t, name); err != nil {
		t.Error(err)
	}
}
