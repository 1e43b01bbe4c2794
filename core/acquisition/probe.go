package acquisition

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/scan"
)

// Limits of a probe's amplitudes for which the squares, and their sum over a window, fit into float32. Package format has the same.
const smallestAmplitude, largestAmplitude = 1e-12, 1e12

// setProbe copies the file's probe if its size is that of the patterns, or of the largest square of which the patterns are made.
func (a *Acquisition) setProbe(s *scan.Scan) error {
	probe, shape, n := a.Probe, a.probeShape, a.plan.N
	if from := a.largest(); shape == [2]int{from, from} && a.plan.Changes(from) {
		var err error
		var note string
		if probe, note, err = a.plan.Probe(probe, from); err != nil {
			return fmt.Errorf("%s: the probe: %w", a.Path, err)
		}
		s.Notes = append(s.Notes, "the file's probe "+note)
		shape = [2]int{n, n}
	}
	if shape != [2]int{n, n} {
		s.Notes = append(s.Notes, fmt.Sprintf("the file's probe of %d×%d pixels is not used, because patterns have %d×%d", shape[0], shape[1], n, n))
		return nil
	}
	most, err := a.brightest(probe, n)
	if err != nil {
		return err
	}
	scale := complex(1, 0)
	if most < smallestAmplitude || most > largestAmplitude {
		scale = complex(most, 0)
		s.Notes = append(s.Notes, fmt.Sprintf("the file's probe is divided by its largest value, %.3g; its scale has no effect", most))
	}
	s.Modes = a.Modes
	s.Probe = make([]complex64, len(probe))
	for i, v := range probe {
		if scale != 1 {
			v /= scale
		}
		s.Probe[i] = complex64(v)
	}
	return nil
}

// brightest returns the largest real or imaginary part of a probe of n×n pixels. A probe that is not finite, or dark, is an error.
func (a *Acquisition) brightest(probe []complex128, n int) (float64, error) {
	const fix = "correct it, or give another with --probe-path"
	most := 0.0
	for i, v := range probe {
		if cmplx.IsNaN(v) || cmplx.IsInf(v) {
			return 0, fmt.Errorf("%s: the probe is %v in mode %d at pixel (%d, %d) (row, column); %s", a.Path, v, i/(n*n), i%(n*n)/n, i%n, fix)
		}
		most = max(most, math.Abs(real(v)), math.Abs(imag(v)))
	}
	if most == 0 {
		return 0, fmt.Errorf("%s: the probe is zero everywhere; %s", a.Path, fix)
	}
	return most, nil
}
