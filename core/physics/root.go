package physics

import (
	"math"
	"sync"
)

// The range of the table in ExpectedMisfit, in λ, and its step in √λ, with which the cubic interpolation has a relative error below 1e-6.
// Above the range the error of the series is below 2e-6.
const (
	misfitHigh = 50
	misfitStep = 0.01
)

// ExpectedMisfit returns the mean of (√λ − √K)² over Poisson counts K of mean λ: the part of the residual R that photon noise leaves. It
// approaches 1/4 for large λ and 2λ for small. The relative error is below 1e-5. It is NaN for a negative λ.
func ExpectedMisfit(lambda float64) float64 {
	switch {
	case !(lambda >= 0):
		return math.NaN()
	case lambda >= misfitHigh:
		q := 1 / lambda
		return 1./4 + q*(7./64+q*(75./512+q*3675./16384))
	}
	u := math.Sqrt(lambda)
	if u < misfitStep {
		return 2 * lambda * (1 - u*(1-(2-math.Sqrt2)/2*lambda)) // E√K = λ − (1 − 1/√2)·λ² + O(λ³)
	}
	table := misfitTable()
	t := u * (1 / misfitStep)
	i := min(int(t), len(table)-2)
	t -= float64(i)
	a, b := table[i], table[i+1]
	d := b.value - a.value
	return a.value + t*(a.slope+t*(3*d-2*a.slope-b.slope+t*(a.slope+b.slope-2*d)))
}

// misfitTable holds ExpectedMisfit, and its slope per step, at the points i·misfitStep of √λ.
var misfitTable = sync.OnceValue(func() []deviancePoint {
	table := make([]deviancePoint, int(math.Sqrt(misfitHigh)/misfitStep)+2)
	for i := range table {
		u := float64(i) * misfitStep
		lambda := u * u
		var root, slope float64 // E√K, and its derivative by λ, E(√(K+1) − √K)
		p := math.Exp(-lambda)
		for k := range int(lambda+15*u) + 25 { // then the probabilities are negligible
			at, next := math.Sqrt(float64(k)), math.Sqrt(float64(k+1))
			root += p * at
			slope += p * (next - at)
			p *= lambda / float64(k+1)
		}
		table[i] = deviancePoint{value: 2*lambda - 2*u*root, slope: (4*u - 2*root - 4*lambda*slope) * misfitStep}
	}
	return table
})
