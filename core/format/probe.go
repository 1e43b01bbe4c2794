package format

import (
	"fmt"
	"math"
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// estimated is the fix for an unusable probe.
const estimated = "correct it, or leave it out to have a probe estimated from the patterns"

// Limits of a probe's amplitudes for which the squares, and their sum over a window, fit into float32.
const smallestAmplitude, largestAmplitude = 1e-12, 1e12

// readProbe reads the probe in float64, centres it and scales it to a range that all later code expects. Its scale is
// arbitrary: a probe in units of 1e-30 is divided by its largest amplitude before it becomes float32.
func (z scanFile) readProbe(s *scan.Scan, d *Description) error {
	v, _, err := z.Complex128(keyProbe)
	if err != nil {
		return err
	}
	most, bad, first := 0.0, 0, 0
	for i, p := range v {
		if cmplx.IsNaN(p) || cmplx.IsInf(p) {
			if bad++; bad == 1 {
				first = i
			}
			continue
		}
		most = max(most, math.Abs(real(p)), math.Abs(imag(p)))
	}
	switch {
	case bad > 0:
		return npz.Errorf(z.Path(), "%s has %s not finite, the first in mode %d at pixel (%d, %d) (row, column)", keyProbe,
			words.Of(bad, "value")+" that "+words.Verb(bad, "is", "are"), first/(s.N*s.N), first%(s.N*s.N)/s.N, first%s.N).Hint(estimated)
	case most == 0:
		return npz.Errorf(z.Path(), "%s is zero everywhere", keyProbe).Hint(estimated)
	}
	scale := complex(1, 0)
	if most < smallestAmplitude || most > largestAmplitude {
		scale = complex(most, 0)
		d.Notes = append(d.Notes, fmt.Sprintf("%s is divided by its largest value, %.3g; its scale has no effect", keyProbe, most))
	}
	s.Probe, s.Modes = make([]complex64, len(v)), d.Modes
	for i, p := range v {
		s.Probe[i] = complex64(p / scale)
	}
	if scan.ProbeAtCorner(s.Probe, s.N) {
		s.Probe = shifted(s.Probe, s.N)
		d.Notes = append(d.Notes, fmt.Sprintf("%s has its centre at the corner, pixel (0, 0): it is shifted by numpy.fft.fftshift(%s, (-2, -1)) to the centre (%d, %d)", keyProbe, keyProbe, s.N/2, s.N/2))
	}
	return nil
}

// shifted moves pixel (0, 0) of images [_, n, n] to (n/2, n/2).
func shifted(images []complex64, n int) []complex64 {
	out := make([]complex64, len(images))
	for i, v := range images {
		y, x := i%(n*n)/n, i%n
		out[i-i%(n*n)+(y+n/2)%n*n+(x+n/2)%n] = v
	}
	return out
}

// readObject reads the object, which serves only for comparison. An object with NaN, as for pixels without patterns, is
// skipped with a note.
func (z scanFile) readObject(s *scan.Scan, d *Description) error {
	object, _, err := z.Complex64(keyObject)
	if err != nil {
		return err
	}
	bad := 0
	for _, v := range object {
		if cmplx.IsNaN(complex128(v)) || cmplx.IsInf(complex128(v)) {
			bad++
		}
	}
	if bad > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%s is not used: %d of its %d values are not finite", keyObject, bad, len(object)))
		return nil
	}
	s.Object, s.ObjectHeight, s.ObjectWidth = object, d.ObjectHeight, d.ObjectWidth
	return nil
}
