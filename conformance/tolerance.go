package conformance

import "github.com/ptychogo/ptycho/core/tensor"

// Quantity is something that is compared, with a tolerance of its own.
type Quantity int

// The quantities.
const (
	OperationValue    Quantity = iota // of one operation in a small random program
	OperationGradient                 // of its parameters
	NetworkValue                      // patches, λ and scalars of a whole network
	NetworkGradient                   // per parameter
	LossValue                         // the weighted loss
	StepWeights                       // weights after one step of gradient descent
	RunWeights                        // weights after some steps of gradient descent
	AdaptiveWeights                   // weights after steps of Adam: it divides by |g|, so noise of a tiny gradient moves a weight by up to the rate
	Identity                          // two answers of the backend itself that mathematics makes equal
)

// tolerances are relative L2 errors, compared in float64. Those of float32 are the design's starting values; they are
// never loosened without a written reason. Those of float64 leave room for another order of summation.
var tolerances = map[Quantity]struct{ single, double float64 }{
	OperationValue:    {3e-6, 1e-10},
	OperationGradient: {3e-5, 1e-10},
	NetworkValue:      {1e-5, 1e-10},
	NetworkGradient:   {5e-4, 1e-9},
	LossValue:         {1e-5, 1e-10},
	StepWeights:       {1e-6, 1e-10},
	RunWeights:        {1e-5, 1e-9},
	AdaptiveWeights:   {2e-4, 1e-7},
	Identity:          {1e-5, 1e-10},
}

func limit(q Quantity, d tensor.DType) float64 {
	if d == tensor.Float64 {
		return tolerances[q].double
	}
	return tolerances[q].single
}
