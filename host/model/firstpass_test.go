package model

import (
	"math"
	"math/cmplx"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
)

func pair(own, first []complex64) *Model {
	return &Model{Probe: Probe{N: 2, Count: 1, Modes: own}, First: &Model{Probe: Probe{N: 2, Count: 1, Modes: first}}}
}

// The image of a first pass whose probe has another scale and phase gives the same patterns after Gauge.
func TestGauge_ScaleAndPhaseOfTheProbe(t *testing.T) {
	factor, err := pair([]complex64{2i, 4i, 0, -2}, []complex64{1, 2, 0, 1i}).Gauge()
	if err != nil || cmplx.Abs(factor-1/2i) > 1e-6 {
		t.Errorf("factor %v, error %v, want %v", factor, err, 1/2i)
	}
	if factor, err = pair([]complex64{3, 1i, 0.7, 0}, []complex64{3, 1i, 0.7, 0}).Gauge(); err != nil || factor != 1 {
		t.Errorf("the same probe gives the factor %v, error %v, want exactly 1", factor, err)
	}
}

func TestGauge_RefusesAnotherProbe(t *testing.T) {
	for name, first := range map[string][]complex64{"other": {1, -1, 1, 0}, "dark": {0, 0, 0, 0}} {
		_, err := pair([]complex64{1, 1, 0, 1}, first).Gauge()
		if host.ExitCode(err) != host.ExitData || !strings.Contains(err.Error(), "--calibrate") {
			t.Errorf("%s probe: exit %d, %v", name, host.ExitCode(err), err)
		}
	}
}

// stored writes a small network, whose weights are drawn from the seed, into a folder.
func stored(t *testing.T, dir string, seed uint64) {
	t.Helper()
	c := arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Modes: 1}
	p, err := arch.Build(c)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := arch.Initial(p, seed)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]tensor.Tensor{}
	for _, b := range p.Buffers {
		if constants[b.Name], err = tensor.Zeros(tensor.Float32, b.Shape...); err != nil {
			t.Fatal(err)
		}
	}
	m := &Model{Config: c, Program: p, Background: 0.01, Probe: Probe{N: 16, Count: 1, Factor: 1, Modes: make([]complex64, 256)}}
	if err := m.Write(dir, host.WeightState(weights, constants), bundle.Manifest{}); err != nil {
		t.Fatal(err)
	}
}

// The run of --first-pass may be trained further, or be removed, while the second network is prepared. The copy is of the network that
// made the image.
func TestWriteFirst_WritesWhatWasRead(t *testing.T) {
	from, into := t.TempDir(), t.TempDir()
	stored(t, from, 1)
	first, err := ReadFirst(from)
	if err != nil {
		t.Fatal(err)
	}
	stored(t, from, 2)
	if err := first.WriteFirst(into); err != nil {
		t.Fatal(err)
	}
	copied, err := ReadFirst(filepath.Join(into, FirstPassDir))
	if err != nil || copied.Digest != first.Digest {
		t.Errorf("the copy is another network than the one that was read, error %v", err)
	}
	if changed, err := ReadFirst(from); err != nil || changed.Digest == first.Digest {
		t.Errorf("two networks have one digest, error %v", err)
	}
}

// The misfit of two probes is the sine of the angle between them: up to 0.2 the image of one fits the other.
func TestGauge_AllowsMisfitsUpToAFifth(t *testing.T) {
	for sine, fits := range map[float64]bool{0.19: true, 0.21: false} {
		_, err := pair([]complex64{1, 0, 0, 0}, []complex64{complex(float32(math.Sqrt(1-sine*sine)), 0), complex(0, float32(sine)), 0, 0}).Gauge()
		if (err == nil) != fits {
			t.Errorf("misfit %v: %v", sine, err)
		}
	}
}

// The constants are standard deviations about the means, of the image about an empty beam and of the correction, real and imaginary parts
// together.
func TestFirstPassSpread_DeviationsOfImageAndCorrection(t *testing.T) {
	var s FirstPassSpread
	s.Add([]complex128{3 + 1i, 3 + 3i}, []complex128{10 - 20i, 0})
	s.Add([]complex128{1 + 1i, 1 + 3i}, []complex128{10, -20i})
	got := s.Constants()
	for name, want := range map[string]float64{arch.FirstImageDeviation: math.Sqrt(1.25), arch.FirstCorrectionDeviation: math.Sqrt(125 - 2.5*2.5)} {
		v, err := tensor.Data[float32](got[name])
		if err != nil || math.Abs(float64(v[0])-want) > 1e-6 {
			t.Errorf("%s is %v, %v, want %v", name, v, err, want)
		}
	}
}
