package feed

import (
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
)

// Active lists the losses with a weight other than 0, in a fixed order.
func Active(weights map[string]float64) []string {
	var out []string
	for name, w := range weights {
		if w != 0 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Weigh returns the loss of backend.Step: the sum over the losses of weight · scalar's sum / norm.
func Weigh(weights map[string]float64, scalars map[string]backend.Sum, norm float64) float64 {
	sum := 0.0
	for _, l := range Active(weights) {
		sum += weights[l] * scalars[l].Sum / norm
	}
	return sum
}

// AddScalars adds the weighted scalars of a batch, given the values [B·C] behind them. Values of patterns with weight zero
// are ignored, because padding may hold anything.
func AddScalars[T float32 | float64](into map[string]backend.Sum, of *program.Program, b backend.Batch, value func(name string) []T) {
	for _, sc := range of.Scalars {
		sum := into[sc.Name]
		for i, x := range value(sc.Value) {
			w := 1.0
			if b.Weights != nil {
				w = float64(b.Weights[i])
			}
			if w != 0 {
				sum.Sum += w * float64(x)
				sum.Count += w
			}
		}
		into[sc.Name] = sum
	}
}
