package infer

import (
	"encoding/binary"
	"math"
	"math/cmplx"
	"os"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/model"
)

// corrects returns a model of two networks for patterns of 16×16 pixels with a probe of two modes.
func corrects(t *testing.T) *model.Model {
	t.Helper()
	c := arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 1, Modes: 2, FirstPass: true}
	p, err := arch.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	m := &model.Model{Config: c, Program: p, Probe: model.Probe{N: 16, Count: 2}, Background: 0.25}
	for i := range 2 * 256 {
		y, x := float64(i/16%16-8), float64(i%16-8)
		m.Probe.Modes = append(m.Probe.Modes, complex64(cmplx.Rect(20*math.Exp(-(y*y+x*x)/20), float64(i/256)*y/3)))
	}
	return m
}

// expected returns the counts of an object [16·16] in the model. Masked pixels have a wrong one.
func expected(m *model.Model, object []complex128, mask []uint8) []float32 {
	counts := slices.Repeat([]float32{float32(m.Background)}, len(object))
	for _, mode := range m.Probe.Each() {
		field := make([]complex128, len(object))
		for i, p := range mode {
			field[i] = p * object[i]
		}
		physics.NewFourier(16, 16).Forward(field)
		for i, v := range field {
			counts[i] += float32(real(v)*real(v) + imag(v)*imag(v))
		}
	}
	for i, valid := range mask {
		if valid == 0 {
			counts[i] = 1e6
		}
	}
	return counts
}

// planes reads an array of complex64 of the dataset.
func planes(t *testing.T, d backend.Dataset, input string) []complex128 {
	t.Helper()
	at := slices.IndexFunc(d.Arrays, func(a backend.Array) bool { return a.Input == input })
	b, err := os.ReadFile(d.Arrays[at].File.Path)
	if err != nil {
		t.Fatal(err)
	}
	part := func(k int) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))) }
	out := make([]complex128, len(b)/8)
	for i := range out {
		out[i] = complex(part(2*i), part(2*i+1))
	}
	return out
}

// Each pattern receives its part of the image in the scale of the second network's probe, 1 where no pattern has seen the object, and a
// correction of 0 where its valid pixels are those of this part. The constants are those of the given patterns.
func TestFirstPass_InputsOfEachPattern(t *testing.T) {
	const h, w, factor = 21, 24, 0.5i
	m, mask := corrects(t), slices.Repeat([]uint8{1}, 256)
	mask[8*16+8] = 0
	image := raster.Stitched{Object: raster.NewComplex(h, w), Coverage: raster.NewReal(h, w), Origin: [2]float64{-3, 5}}
	scaled := make([]complex128, h*w)
	for i := range scaled {
		scaled[i] = 1
		if i%w < 20 {
			scaled[i] = cmplx.Rect(1+0.02*float64(i/w), 0.05*float64(i%w))
			image.Object.Data[i], image.Coverage.Data[i] = scaled[i]/factor, 1
		}
	}
	data := &scan.Scan{N: 16, Modes: 1, Mask: mask, Rows: []float64{-3 + 8, -3 + 13}, Cols: []float64{5 + 8, 5 + 16}}
	var parts [][]complex128
	for j := range data.Rows {
		top, left := []int{0, 5}[j], []int{0, 8}[j]
		part := make([]complex128, 256)
		for i := range part {
			part[i] = scaled[(top+i/16)*w+left+i%16]
		}
		parts = append(parts, part)
		data.Counts = append(data.Counts, expected(m, part, mask)...)
	}
	spool, d := dataset.NewSpool(), backend.Dataset{Patterns: 2}
	defer spool.Remove()
	f := FirstPass{Model: m, Spool: spool}
	constants, err := f.inputs(t.Context(), &d, data, []int{1}, image, factor, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, corrections := planes(t, d, arch.FirstImage), planes(t, d, arch.FirstCorrection)
	var values []float64
	for i, z := range slices.Concat(parts...) {
		if cmplx.Abs(got[i]-z) > 1e-6 || cmplx.Abs(corrections[i]) > 1e-4 {
			t.Fatalf("pattern %d, pixel %d: image %v, want %v; correction %v, want 0", i/256, i%256, got[i], z, corrections[i])
		}
		if i >= 256 {
			values = append(values, real(z)-1, imag(z))
		}
	}
	mean, square := 0.0, 0.0
	for _, v := range values {
		mean, square = mean+v/float64(len(values)), square+v*v/float64(len(values))
	}
	spread, err := tensor.Data[float32](constants[arch.FirstImageDeviation])
	if want := math.Sqrt(square - mean*mean); err != nil || math.Abs(float64(spread[0])-want) > 1e-6 {
		t.Errorf("deviation %v, %v, want %v", spread, err, want)
	}
}
