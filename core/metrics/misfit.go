package metrics

import "math"

// Misfit is a sum of (√λ − √k)², and its mean for Poisson counts k of the expected λ.
type Misfit struct{ Measured, Expected float64 }

// Ratio returns the reduced χ² of the square roots: 1 where only photon noise is left, NaN where no counts are expected.
func (m Misfit) Ratio() float64 {
	if !(m.Expected > 0) {
		return math.NaN()
	}
	return m.Measured / m.Expected
}

// Misfits are the parts of the residual R: the sum of Measured over all frames, or over all pixels, is R·Σk.
type Misfits struct {
	Frames []Misfit // [n]
	Pixels []Misfit // [N·N], 0 at masked ones
}

// Totals returns the sums over all frames.
func (m Misfits) Totals() Misfit {
	var t Misfit
	for _, f := range m.Frames {
		t.Measured += f.Measured
		t.Expected += f.Expected
	}
	return t
}

// MisfitStripes is the number of parts of a scan, every so many patterns, whose misfits per pixel are added separately by one worker each.
// Sums then do not depend on the number of workers.
const MisfitStripes = 16

// AddStripes adds the misfits per pixel of all stripes to those of m.
func (m *Misfits) AddStripes(stripes [][]Misfit) {
	for _, s := range stripes {
		for i, v := range s {
			m.Pixels[i].Measured += v.Measured
			m.Pixels[i].Expected += v.Expected
		}
	}
}
