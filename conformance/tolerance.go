package conformance

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Quantity is something that is compared, with a tolerance of its own.
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
	RunMoments        Quantity = "moments after some steps"    // they are made of gradients
	AdaptiveWeights   Quantity = "weights after steps of Adam" // it divides by |g|, so noise of a tiny gradient moves a weight by up to the rate
	Identity          Quantity = "identity"                    // two answers of the backend itself that mathematics makes equal
)

// tolerances are relative L2 errors, compared in float64. The distributions that were measured are in docs/conformance.md
// (make tolerances). single is at least 4 times the largest error of Gorgonia there and above XLA's, whose approximations
// of exp and log1p are coarser: its nearest is a loss of a random program at 0.7 of the limit; what follows from gradients (norms,
// moments, later losses) is held to about what SmallGradient allows, which is further away. double leaves room for
// another order of summation and no more: a float32 anywhere is a thousand times above it.
var tolerances = []struct {
	quantity       Quantity
	single, double float64
}{
	{OperationValue, 3e-6, 1e-10},
	{OperationGradient, 3e-5, 1e-10},
	{NetworkValue, 1e-5, 1e-10},
	{SmallGradient, 3e-5, 1e-10},
	{FullGradient, 2e-4, 1e-10}, // room for one ReLU that rounding turns
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
	return 0 // a quantity without a tolerance has to agree in every bit
}

// measurement is a relative L2 error, against the norm of what is right or the comparison's floor, and against the norm
// alone.
type measurement struct{ error, bare float64 }

type measurements map[Quantity][]measurement

// Distribution is how far a backend was from the expected, over all comparisons of one quantity: relative L2 errors.
// Unfloored is the largest error against the norm alone, where what is right may be a sum of parts that cancel.
type Distribution struct {
	Quantity    Quantity `json:"quantity"`
	Limit       float64  `json:"limit"`
	Comparisons int      `json:"comparisons"`
	Median      float64  `json:"median"`
	Percentile  float64  `json:"percentile99"`
	Largest     float64  `json:"largest"`
	Unfloored   float64  `json:"unfloored"`
}

// distributions sums up what was measured, in the order of the tolerances. An error that is not finite counts as the
// largest number, which JSON can hold.
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
