package workflow

import (
	"fmt"
	"math"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
)

// probe is the illumination in the gauge of the forward model.
type probe struct {
	Modes  []complex64 // [modes, N, N], scaled: an object of amplitude 1 gives the mean counts
	N      int
	Count  int     // modes
	Factor float64 // what the file's probe was multiplied by
}

// gaugeProbe scales the probe so that an object of amplitude 1 gives the mean counts: by Parseval Σ|P|² is then the mean
// number of photons in a pattern. A file's own scale of the probe is never trusted.
func gaugeProbe(modes []complex64, n int, meanTotal float64) (probe, error) {
	power := 0.0
	for _, v := range modes {
		power += abs2(complex128(v))
	}
	if !(power > 0) || math.IsInf(power, 0) {
		return probe{}, fmt.Errorf("the probe is zero or not finite: Σ|P|² = %v", power)
	}
	if !(meanTotal > 0) {
		return probe{}, fmt.Errorf("the patterns hold no photons")
	}
	factor := math.Sqrt(meanTotal / power)
	p := probe{Modes: make([]complex64, len(modes)), N: n, Count: len(modes) / (n * n), Factor: factor}
	for i, v := range modes {
		p.Modes[i] = complex64(complex(factor, 0) * complex128(v))
	}
	return p, nil
}

// maskProbe multiplies the modes [modes, n, n] by a disk around pixel (n/2, n/2) of a diameter in pixels whose edge is
// softened by a Gaussian: Φ((diameter/2 − r)/σ), with Φ the normal distribution's integral. With σ = 0 it is sharp; a
// diameter of 0 is n/2.
func maskProbe(modes []complex64, n int, diameter, sigma float64) []complex64 {
	if diameter == 0 {
		diameter = float64(n) / 2
	}
	out := make([]complex64, len(modes))
	for i, v := range modes {
		y, x := i/n%n-n/2, i%n-n/2
		inside := diameter/2 - math.Hypot(float64(y), float64(x))
		weight := 0.0
		switch {
		case sigma > 0:
			weight = math.Erfc(-inside/(sigma*math.Sqrt2)) / 2
		case inside >= 0:
			weight = 1
		}
		out[i] = v * complex(float32(weight), 0)
	}
	return out
}

// intensity is Σ_modes|P|², [N·N].
func (p probe) intensity() []float64 {
	out := make([]float64, p.N*p.N)
	for i, v := range p.Modes {
		out[i%len(out)] += abs2(complex128(v))
	}
	return out
}

// flatPattern is the pattern of an object of amplitude 1: Σ_modes|FFT(P)|² + background [N·N], counts.
func (p probe) flatPattern(background []float32) []float64 {
	out := make([]float64, p.N*p.N)
	for i := range out {
		out[i] = float64(background[i])
	}
	for m := range p.Count {
		field := make([]complex128, p.N*p.N)
		for i := range field {
			field[i] = complex128(p.Modes[m*len(field)+i])
		}
		physics.NewFourier(p.N, p.N).Forward(field)
		for i, v := range field {
			out[i] += abs2(v)
		}
	}
	return out
}

// flatDeviance is the deviance per pixel of an empty object on the patterns.
func flatDeviance(s *scan.Scan, p probe, background []float32) float64 {
	lambda := p.flatPattern(background)
	sum := 0.0
	for i := range s.Len() {
		for j, k := range s.Pattern(i) {
			sum += physics.PoissonDeviance(lambda[j], float64(k))
		}
	}
	return sum / float64(s.Len()*len(lambda))
}

// featureSample bounds the patterns that the constants of the input features are measured on: their statistical error is
// then far below anything that training could notice.
const featureSample = 1024

// features measures the constants that the program's input features need, on the training patterns.
func features(p *program.Program, s *scan.Scan, rows []int, pr probe) (map[string]tensor.Tensor, error) {
	out := map[string]tensor.Tensor{}
	scalar := func(v float64) tensor.Tensor { return tensor.Must([]float32{float32(v)}) }
	rows = thin(rows, featureSample)
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
		default:
			return nil, fmt.Errorf("program %s: nothing is known about its constant %s", p.Name, b.Name)
		}
	}
	return out, nil
}

func backProjectionEpsilon(p *program.Program) float64 {
	for _, op := range p.Ops {
		if op.Kind == program.BackProject {
			return op.Attr("epsilon")
		}
	}
	return 0
}

// thin keeps at most n of the rows, evenly spread.
func thin(rows []int, n int) []int {
	if len(rows) <= n {
		return rows
	}
	out := make([]int, n)
	for i := range out {
		out[i] = rows[i*len(rows)/n]
	}
	return out
}

// moments accumulates mean and standard deviation.
type moments struct{ n, sum, square float64 }

func (m *moments) add(v float64) { m.n++; m.sum += v; m.square += v * v }

func (m *moments) mean() float64 { return m.sum / m.n }

// deviation is never zero, since it divides.
func (m *moments) deviation() float64 {
	d := math.Sqrt(max(m.square/m.n-m.mean()*m.mean(), 0))
	if !(d > 1e-12) { // rounding of a constant
		return 1
	}
	return d
}

// uniform is a background that is the same in every pixel [n, n].
func uniform(n int, counts float64) []float32 {
	out := make([]float32, n*n)
	for i := range out {
		out[i] = float32(counts)
	}
	return out
}

// spoolDataset writes the patterns once, in file order, for the backend to map, and gives the dataset that names them.
func spoolDataset(dir, name string, s *scan.Scan, p probe, background []float32) (backend.Dataset, error) {
	path := filepath.Join(dir, name+".npy")
	ref, err := format.WriteNPY(path, tensor.Must(s.Counts, s.Len(), s.N, s.N))
	if err != nil {
		return backend.Dataset{}, err
	}
	mask := make([]float32, s.N*s.N)
	for i := range mask {
		mask[i] = 1
		if s.Mask != nil && s.Mask[i] == 0 {
			mask[i] = 0
		}
	}
	whole := func(input string, t tensor.Tensor) backend.Array {
		return backend.Array{Input: input, Gather: backend.Whole, Value: t}
	}
	return backend.Dataset{Patterns: s.Len(), Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, File: ref},
		whole(program.Probe, tensor.Must(p.Modes, p.Count, s.N, s.N)),
		whole(program.Mask, tensor.Must(mask, s.N, s.N)),
		whole(program.Background, tensor.Must(background, s.N, s.N)),
	}}, nil
}
