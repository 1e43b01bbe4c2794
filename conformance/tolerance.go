package conformance

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Quantity is a quantity that is compared, with its own tolerance.
type Quantity string

// The quantities.
const (
	OperationValue    Quantity = "value of an operation"       // in a small random program
	OperationGradient Quantity = "gradient in a program"       // of a parameter of a small random program
	NetworkValue      Quantity = "value of a network"          // patches, λ and scalars
	SmallGradient     Quantity = "gradient, small network"     // per parameter
	FullGradient      Quantity = "gradient, full size"         // per parameter, at N = 64 and 128
	LossValue         Quantity = "loss"                        // the weighted loss
	StepWeights       Quantity = "weights after one step"      // of gradient descent
	RunWeights        Quantity = "weights after some steps"    // of gradient descent
	RunLoss           Quantity = "loss of a later step"        // at weights that differ by rounding
	RunNorm           Quantity = "gradient norm"               // of any step
	RunMoments        Quantity = "moments after some steps"    // sums of gradients
	AdaptiveWeights   Quantity = "weights after steps of Adam" // Adam divides by |g|, so noise of a tiny gradient changes a weight by up to the rate
	Identity          Quantity = "identity"                    // two results of the backend that are equal by mathematics
)

// tolerances are relative L2 errors, compared in float64. The measured distributions are in docs/conformance.md (make
// tolerances). single is at least 4 times the largest error of Gorgonia there and above XLA's, whose approximations of exp
// and log1p are coarser: its closest is a loss of a random program at 0.7 of the limit. Quantities computed from gradients
// (norms, moments, later losses) have about the tolerance of SmallGradient and are further from it. double allows another
// order of summation and nothing more: float32 anywhere is a thousand times above it.
var tolerances = []struct {
	quantity       Quantity
	single, double float64
}{
	{OperationValue, 3e-6, 1e-10},
	{OperationGradient, 3e-5, 1e-10},
	{NetworkValue, 1e-5, 1e-10},
	{SmallGradient, 3e-5, 1e-10},
	{FullGradient, 2e-4, 1e-10}, // allows for one ReLU that rounding reverses
	{LossValue, 1e-5, 1e-10},
	{StepWeights, 1e-6, 1e-10},
	{RunWeights, 1e-5, 1e-10},
	{RunLoss, 3e-5, 1e-10},
	{RunNorm, 1e-4, 1e-10},
	{RunMoments, 1e-4, 1e-10},
	{AdaptiveWeights, 2e-5, 1e-10},
	{Identity, 1e-5, 1e-10},
}

func limit(q Quantity, d tensor.DType) float64 {
	for _, t := range tolerances {
		if t.quantity == q {
			if d == tensor.Float64 {
				return t.double
			}
			return t.single
		}
	}
	return 0 // a quantity without a tolerance must agree in every bit
}

// measurement is a relative L2 error, against the norm of the expected value or the comparison's floor, and against the
// norm only.
type measurement struct{ error, bare float64 }

type measurements map[Quantity][]measurement

// Distribution describes the errors of a backend over all comparisons of one quantity: relative L2 errors. Unfloored is the
// largest error against the norm only, where the expected value may be a sum of cancelling terms.
type Distribution struct {
	Quantity    Quantity `json:"quantity"`
	Limit       float64  `json:"limit"`
	Comparisons int      `json:"comparisons"`
	Median      float64  `json:"median"`
	Percentile  float64  `json:"percentile99"`
	Largest     float64  `json:"largest"`
	Unfloored   float64  `json:"unfloored"`
}

// closest returns the largest error as a part of its tolerance.
func (m measurements) closest(d tensor.DType) float64 {
	largest := 0.0
	for q, list := range m {
		for _, one := range list {
			largest = max(largest, one.error/limit(q, d))
		}
	}
	return min(largest, math.MaxFloat64)
}

// distributions summarises the measurements in the order of the tolerances. An error that is not finite is replaced by the
// largest number, because JSON cannot represent it.
func distributions(measured measurements, d tensor.DType) []Distribution {
	out := []Distribution{}
	for _, t := range tolerances {
		var all []float64
		bare := 0.0
		for _, m := range measured[t.quantity] {
			all = append(all, min(m.error, math.MaxFloat64))
			bare = max(bare, min(m.bare, math.MaxFloat64))
		}
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		at := func(share float64) float64 { return all[int(share*float64(len(all)-1)+0.5)] }
		out = append(out, Distribution{Quantity: t.quantity, Limit: limit(t.quantity, d), Comparisons: len(all),
			Median: at(0.5), Percentile: at(0.99), Largest: all[len(all)-1], Unfloored: bare})
	}
	return out
}
