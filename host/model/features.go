package model

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
)

// FeatureSample limits the number of patterns from which the constants of the input features are measured. Their statistical
// error is then far too small to affect training.
const FeatureSample = 1024

// features measures the constants that the program's input features need, on the training patterns.
func features(p *program.Program, s *scan.Scan, rows []int, pr Probe) (map[string]tensor.Tensor, error) {
	out := map[string]tensor.Tensor{}
	scalar := func(v float64) tensor.Tensor { return tensor.Must([]float32{float32(v)}) }
	rows = scan.Thin(rows, FeatureSample)
	for _, b := range p.Buffers {
		switch b.Name {
		case arch.LogMean, arch.LogDeviation:
			var m moments
			for _, r := range rows {
				for _, k := range s.Pattern(r) {
					m.add(math.Log1p(float64(k)))
				}
			}
			out[arch.LogMean], out[arch.LogDeviation] = scalar(m.mean()), scalar(m.deviation())
		case arch.BackProjectionDeviation:
			first := make([]complex128, pr.N*pr.N)
			for i := range first {
				first[i] = complex128(pr.Modes[i])
			}
			bp := physics.NewBackProjector(first, pr.N, backProjectionEpsilon(p))
			var m moments
			counts, image := make([]float64, len(first)), make([]complex128, len(first))
			for _, r := range rows {
				for i, k := range s.Pattern(r) {
					counts[i] = float64(k)
				}
				bp.Project(image, counts)
				for _, v := range image {
					m.add(real(v) - 1)
					m.add(imag(v))
				}
			}
			// The network's input is divided by the deviation about the centre, not about zero.
			out[b.Name] = scalar(m.deviation())
		case arch.AmplitudeScale:
			total := 0.0
			for _, r := range rows {
				for _, k := range s.Pattern(r) {
					total += float64(k)
				}
			}
			out[b.Name] = scalar(float64(pr.N) / 2 / math.Sqrt(total/float64(len(rows))))
		case arch.AmplitudeMean, arch.AmplitudeDeviation:
			if out[b.Name].IsZero() {
				out[arch.AmplitudeMean], out[arch.AmplitudeDeviation] = amplitudes(s, rows)
			}
		case arch.FirstImageDeviation, arch.FirstCorrectionDeviation: // measured where the image is cut
		default:
			return nil, fmt.Errorf("program %s: unknown constant %s", p.Name, b.Name)
		}
	}
	return out, nil
}

// amplitudes returns mean and deviation of sqrt(counts) in each pixel, [N, N].
func amplitudes(s *scan.Scan, rows []int) (mean, deviation tensor.Tensor) {
	pixels := make([]moments, s.N*s.N)
	for _, r := range rows {
		for i, k := range s.Pattern(r) {
			pixels[i].add(math.Sqrt(float64(k)))
		}
	}
	means, deviations := make([]float32, len(pixels)), make([]float32, len(pixels))
	for i := range pixels {
		means[i] = float32(pixels[i].mean())
		deviations[i] = float32(max(math.Sqrt(pixels[i].variance()), arch.LeastDeviation))
	}
	return tensor.Must(means, s.N, s.N), tensor.Must(deviations, s.N, s.N)
}

func backProjectionEpsilon(p *program.Program) float64 {
	for _, op := range p.Ops {
		if op.Kind == program.BackProject {
			return op.Attr("epsilon")
		}
	}
	return 0
}

// moments accumulates mean and standard deviation.
type moments struct{ n, sum, square float64 }

func (m *moments) add(v float64) { m.n++; m.sum += v; m.square += v * v }

func (m *moments) mean() float64 { return m.sum / m.n }

func (m *moments) variance() float64 { return max(m.square/m.n-m.mean()*m.mean(), 0) }

// deviation returns the standard deviation, or 1 where it is zero, because it is a divisor.
func (m *moments) deviation() float64 {
	d := math.Sqrt(m.variance())
	if !(d > 1e-12) { // rounding of a constant
		return 1
	}
	return d
}
