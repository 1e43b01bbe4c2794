package reference

import (
	"math"

	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/program"
)

var lossMeanings = map[program.OpKind]meaning{
	program.MeanPixels:      meanImage,
	program.PoissonDeviance: poissonDeviance,
	program.PoissonNLL:      poissonNLL,
	program.AmplitudeLoss:   amplitudeLoss,
	program.AmplitudeMAE: kinked(amplitudeMAE, func(in []*Value, _ *Value, near func(float64)) {
		eachPixel(in[0], in[2], func(i, _ int, _ float64) { near(math.Sqrt(in[0].Real[i]) - math.Sqrt(in[1].Real[i])) })
	}),
	program.ExpectedDeviance: expectedDeviance,
}

// perPattern returns the mean over valid pixels of f(λ, k) for each pattern: Σ m·f/Σ m with the mask m.
func perPattern(f, df func(lambda, k float64) float64) meaning {
	return meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			eachPixel(in[0], in[2], func(i, pattern int, w float64) { out.Real[pattern] += w * f(in[0].Real[i], in[1].Real[i]) })
		},
		backward: func(_ program.Op, in []*Value, _, g *Value, din []*Value) {
			eachPixel(in[0], in[2], func(i, pattern int, w float64) {
				din[0].Real[i] += g.Real[pattern] * w * df(in[0].Real[i], in[1].Real[i])
			})
		},
	}
}

// eachPixel visits the valid pixels with their weight in the pattern's mean.
func eachPixel(lambda, mask *Value, visit func(i, pattern int, w float64)) {
	area := lambda.Shape[2] * lambda.Shape[3]
	for pattern := range len(lambda.Real) / area {
		m := mask.Real[pattern*area%len(mask.Real):][:area]
		total := 0.0
		for _, v := range m {
			total += v
		}
		for j, v := range m {
			if v != 0 {
				visit(pattern*area+j, pattern, v/total)
			}
		}
	}
}

var (
	poissonDeviance = perPattern(physics.PoissonDeviance, func(lambda, k float64) float64 { return 2 * (1 - k/lambda) })

	// poissonNLL is −ln of the Poisson probability of k, including the factorial, so that values can be compared between
	// programs.
	poissonNLL = perPattern(func(lambda, k float64) float64 {
		factorial, _ := math.Lgamma(k + 1)
		if k == 0 {
			return lambda
		}
		return lambda - k*math.Log(lambda) + factorial
	}, func(lambda, k float64) float64 { return 1 - k/lambda })

	amplitudeLoss = perPattern(func(lambda, k float64) float64 {
		d := math.Sqrt(lambda) - math.Sqrt(k)
		return d * d
	}, func(lambda, k float64) float64 { return 1 - math.Sqrt(k/lambda) })

	amplitudeMAE = perPattern(func(lambda, k float64) float64 { return math.Abs(math.Sqrt(lambda) - math.Sqrt(k)) },
		func(lambda, k float64) float64 {
			switch {
			case lambda > k:
				return 1 / (2 * math.Sqrt(lambda))
			case lambda < k:
				return -1 / (2 * math.Sqrt(lambda))
			}
			return 0
		})

	expectedDeviance = meaning{forward: func(_ program.Op, in []*Value, out *Value) {
		eachPixel(in[0], in[1], func(i, pattern int, w float64) { out.Real[pattern] += w * physics.ExpectedDeviance(in[0].Real[i]) })
	}}
)
