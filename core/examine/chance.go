package examine

import "math"

// poissonChance returns Chernoff's upper bound of ln P(K ≥ k) for k above the mean, of ln P(K ≤ k) below it.
func poissonChance(k, mean float64) float64 {
	switch {
	case !(mean > 0):
		if k > 0 {
			return math.Inf(-1)
		}
		return 0
	case k == 0:
		return -mean
	}
	return k - mean - k*math.Log(k/mean)
}

// aboveChance returns P(K > most) of a Poisson count.
func aboveChance(most, mean float64) float64 {
	term, upTo := math.Exp(-mean), 0.0
	for k := 0.0; k <= most; k++ {
		upTo += term
		term *= mean / (k + 1)
	}
	return max(1-upTo, 0)
}

// binomialChance returns Chernoff's upper bound of ln P(at least k of n) for a probability below k/n; 0 otherwise.
func binomialChance(k, n, probability float64) float64 {
	f := k / n
	if f <= probability {
		return 0
	}
	d := f * math.Log(f/probability)
	if f < 1 {
		d += (1 - f) * math.Log((1-f)/(1-probability))
	}
	return -n * d
}

// sameChance bounds ln P that two Poisson counts of a mean are equal: e^-2λ·I₀(2λ) ≤ (1+4λ)^-½.
func sameChance(mean float64) float64 { return -0.5 * math.Log1p(4*mean) }

// logAlpha is ln Alpha.
var logAlpha = math.Log(Alpha)

// blocks is the number of parts whose differences give a standard error. Student's t with 19 degrees of freedom exceeds surely with a
// chance of 6e-7.
const blocks, surely = 20, 7

// With manyBlocks parts, t with 59 degrees of freedom exceeds surelyMany with that chance.
const manyBlocks, surelyMany = 60, 5.4

// meanOverError returns the mean of the values over its standard error, from the means of consecutive parts. It is 0 if there are too few.
func meanOverError(values []float64) float64 { return meanOverErrorOf(values, blocks) }

// exceeds returns meanOverError, and whether it is beyond chance. Many values are divided into more parts, whose standard error is surer.
func exceeds(values []float64) (t float64, is bool) {
	if len(values) >= 2*manyBlocks {
		t = meanOverErrorOf(values, manyBlocks)
		return t, t >= surelyMany
	}
	t = meanOverError(values)
	return t, t >= surely
}

func meanOverErrorOf(values []float64, blocks int) float64 {
	if len(values) < 2*blocks {
		return 0
	}
	var mean, square float64
	part := make([]float64, blocks)
	for b := range part {
		from, to := b*len(values)/blocks, (b+1)*len(values)/blocks
		for _, v := range values[from:to] {
			part[b] += v / float64(to-from)
		}
		mean += part[b] / float64(blocks)
	}
	for _, v := range part {
		square += (v - mean) * (v - mean) / float64(blocks-1)
	}
	if square == 0 {
		return 0
	}
	return mean / math.Sqrt(square/float64(blocks))
}
