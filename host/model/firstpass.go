package model

import (
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/bundle"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host"
)

// FirstPassDir is the folder of a model in which the network of its first pass is stored.
const FirstPassDir = "first"

// FirstPassFiles returns the names of the files of a first pass in the folder of a model.
func FirstPassFiles() []string {
	return []string{FirstPassDir + "/" + bundle.ManifestFile, FirstPassDir + "/" + bundle.WeightsFile}
}

// mostProbeMisfit is the misfit of two probes above which the image of one does not fit the other. Probes of one scan that were
// calibrated twice differ by less than 0.05.
const mostProbeMisfit = 0.2

// ReadFirst reads the model of --first-pass, which may not have a first pass itself.
func ReadFirst(path string) (*Model, error) {
	m, err := read(path)
	if err == nil && m.Config.FirstPass {
		err = host.Failf(host.ExitUsage, "%s corrects the image of another model: give a model of one network as --first-pass, such as %s", path, filepath.Join(path, FirstPassDir))
	}
	return m, err
}

// WriteFirst writes the model of a first pass, as ReadFirst read it, into the folder of the model that corrects its image. The folder that
// it was read from may have changed since.
func (m *Model) WriteFirst(dir string) error {
	into := filepath.Join(dir, FirstPassDir)
	if err := os.MkdirAll(into, 0o777); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return bundle.Write(into, m.stored)
}

// Gauge returns the factor that turns the image of the first pass into an image for the probe of the model: the two probes may differ
// in scale and phase. Probes of different form are an error.
func (m *Model) Gauge() (complex128, error) {
	own, first := m.Probe.Each()[0], m.First.Probe.Each()[0]
	var overlap complex128
	a, b := 0.0, 0.0
	for i, p := range own {
		overlap += cmplx.Conj(p) * first[i]
		a, b = a+abs2(p), b+abs2(first[i])
	}
	if misfit := math.Sqrt(max(1-abs2(overlap)/(a*b), 0)); !(misfit <= mostProbeMisfit) {
		return 0, host.Failf(host.ExitData, "the probe of --first-pass differs from that of this run (misfit %.2f, at most %.2f): train both networks with the same scan and the same --calibrate", misfit, mostProbeMisfit)
	}
	return overlap / complex(a, 0), nil
}

// Corrector returns what computes the input arch.FirstCorrection, with the regularisation of the network's back-projection.
func (m *Model) Corrector() *physics.Corrector {
	return physics.NewCorrector(m.Probe.Each(), m.Probe.N, backProjectionEpsilon(m.Program))
}

// Each returns the modes of the probe, each [N·N].
func (p Probe) Each() [][]complex128 {
	modes := make([][]complex128, p.Count)
	for m := range modes {
		modes[m] = make([]complex128, p.N*p.N)
		for i := range modes[m] {
			modes[m][i] = complex128(p.Modes[m*p.N*p.N+i])
		}
	}
	return modes
}

// FirstPassSpread measures the constants of the inputs of a network that corrects the image of a first pass.
type FirstPassSpread struct{ image, correction moments }

// Add adds the image and the correction of a pattern.
func (s *FirstPassSpread) Add(image, correction []complex128) {
	for i, v := range image {
		s.image.add(real(v) - 1)
		s.image.add(imag(v))
		s.correction.add(real(correction[i]))
		s.correction.add(imag(correction[i]))
	}
}

// Constants returns the constants by the names of the program's buffers.
func (s *FirstPassSpread) Constants() map[string]tensor.Tensor {
	scalar := func(v float64) tensor.Tensor { return tensor.Must([]float32{float32(v)}) }
	return map[string]tensor.Tensor{arch.FirstImageDeviation: scalar(s.image.deviation()), arch.FirstCorrectionDeviation: scalar(s.correction.deviation())}
}
