// Package physics defines the conventions of far-field ptychography, each formula once and in float64: sub-pixel
// translation of patches and its adjoint, merging of a group, the Fourier transform to the detector, the probe's
// weights, and the Poisson deviance of counts. Coordinates are (row y, column x); λ and counts are photons per pixel.
package physics

import (
	"math"
	"sync"
)

// PoissonDeviance returns 2(λ − k + k·ln(k/λ)) for k measured and λ expected counts: twice the log likelihood ratio
// between λ = k and λ. It is 0 at λ = k, 2λ at k = 0, +Inf at λ = 0 < k and NaN for a negative value.
func PoissonDeviance(lambda, k float64) float64 {
	switch {
	case !(lambda >= 0) || !(k >= 0):
		return math.NaN()
	case k == 0:
		return 2 * lambda
	case lambda == 0:
		return math.Inf(1)
	}
	// With x = (k−λ)/λ this is 2λ((1+x)ln(1+x) − x): log1p keeps the digits if k is close to λ.
	x := (k - lambda) / lambda
	if math.Abs(x) < 1e-3 {
		// x²/2 − x³/6 + x⁴/12 − x⁵/20 + x⁶/30, the rest is below 1e-18.
		return 2 * lambda * x * x * (1./2 - x*(1./6-x*(1./12-x*(1./20-x/30))))
	}
	return 2 * (lambda - k + k*math.Log(k/lambda))
}

// The range of the table in ExpectedDeviance, and its step in ln λ. Below it the series of two terms has a relative
// error below λ² = 1e-12; above it the first omitted term is 4925/λ⁹ < 3e-12. The step gives the cubic interpolation an
// error, step⁴/384 times the fourth derivative, of about 1e-10.
const (
	devianceLow  = 1e-6
	devianceHigh = 50
	devianceStep = 0.01

	logDevianceLow = -6 * math.Ln10
)

// ExpectedDeviance returns the mean of PoissonDeviance(λ, K) over Poisson counts K of mean λ: the score of a perfect
// model per pixel. It approaches 1 for large λ and 2λ·ln(1/λ) for small. The relative error is below 1e-9. It is NaN
// for a negative λ.
func ExpectedDeviance(lambda float64) float64 {
	switch {
	case !(lambda >= 0):
		return math.NaN()
	case lambda == 0:
		return 0
	case lambda < devianceLow:
		// 2λ(E ln(K+1) − ln λ), see deviancePoint; E ln(K+1) = λ·ln 2 + O(λ²).
		return 2 * lambda * (lambda*math.Ln2 - math.Log(lambda))
	case lambda >= devianceHigh:
		// With μ_m the central moments of the counts the mean is 2 Σ_{m≥2} (−1)^m μ_m / (m(m−1) λ^(m−1)), sorted by
		// powers of 1/λ (recursion μ_{m+1} = λ(μ'_m + m·μ_{m−1})).
		q, sum := 1/lambda, 0.0
		for i := len(devianceLarge) - 1; i >= 0; i-- {
			sum = devianceLarge[i] + q*sum
		}
		return sum
	}
	table := devianceTable()
	t := (math.Log(lambda) - logDevianceLow) * (1 / devianceStep)
	i := min(max(int(t), 0), len(table)-2)
	t -= float64(i)
	a, b := table[i], table[i+1]
	// Cubic Hermite interpolation; slopes are per step.
	d := b.value - a.value
	return a.value + t*(a.slope+t*(3*d-2*a.slope-b.slope+t*(a.slope+b.slope-2*d)))
}

// devianceLarge are the coefficients of the series in 1/λ for large λ, the constant first.
var devianceLarge = [...]float64{1, 1. / 6, 1. / 6, 19. / 60, 9. / 10, 863. / 252, 1375. / 84, 33953. / 360, 57281. / 90}

// DevianceTable lets an engine compute ExpectedDeviance. Below Low it is 2λ(λ·ln 2 − ln λ), from High on Σ
// Large[i]/λ^i, between them a cubic Hermite interpolation of Values with Slopes at the points i·Step + LogLow of ln λ;
// slopes are per step.
type DevianceTable struct {
	Low, High      float64
	LogLow, Step   float64
	Values, Slopes []float64
	Large          []float64
}

// Deviance returns the table of ExpectedDeviance, for an engine that computes it with its operations.
func Deviance() DevianceTable {
	t := DevianceTable{Low: devianceLow, High: devianceHigh, LogLow: logDevianceLow, Step: devianceStep, Large: devianceLarge[:]}
	for _, p := range devianceTable() {
		t.Values, t.Slopes = append(t.Values, p.value), append(t.Slopes, p.slope)
	}
	return t
}

type deviancePoint struct{ value, slope float64 }

var devianceTable = sync.OnceValue(func() []deviancePoint {
	n := int(math.Ceil(math.Log(devianceHigh/devianceLow)/devianceStep)) + 1
	table := make([]deviancePoint, n)
	for i := range table {
		u := logDevianceLow + float64(i)*devianceStep
		lambda := math.Exp(u)
		// E[K·g(K)] = λ·E[g(K+1)] gives the mean as 2λ(h(λ) − ln λ) with h = E ln(K+1), and h' = E ln((K+2)/(K+1)). The
		// sum ends when the probabilities are negligible.
		var h, dh float64
		last := int(lambda + 15*math.Sqrt(lambda) + 25)
		p := math.Exp(-lambda)
		for k := range last {
			h += p * math.Log1p(float64(k))
			dh += p * math.Log1p(1/float64(k+1))
			p *= lambda / float64(k+1)
		}
		value := 2 * lambda * (h - u)
		table[i] = deviancePoint{value: value, slope: (value + 2*lambda*(lambda*dh-1)) * devianceStep}
	}
	return table
})
