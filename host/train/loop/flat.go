package loop

import (
	"fmt"
	"math"
)

// A flat object is the most frequent failure of training without labels: the network learns only that an empty sample
// explains most of the counts. The loss does not show this, because a flat object's deviance depends on the scan. Therefore
// the guard checks, after each epoch, the objects that the network predicts for a few patterns.

// Thresholds of the guard. The weakest objects reconstructed so far have a contrast of a few per cent; a collapsed
// network's patches differ from each other and from their mean by less than a tenth of that.
const (
	flatContrast  = 0.005
	flatResponse  = 0.005
	flatTolerance = 1.2 // a flat object within this factor of the expected deviance explains the data
	flatLooks     = 2   // consecutive flat looks before a run ends
)

// Look is one check of the guard.
type Look struct {
	Contrast float64 `json:"contrast"` // standard deviation of a patch over its pixels, weighted by |P|², mean over patches
	Response float64 `json:"response"` // standard deviation over patterns at a pixel, weighted by |P|²
	Flat     bool    `json:"flat"`
	Reason   string  `json:"reason,omitempty"`
}

// lookAt checks patches [n][N·N] of different patterns. The weight [N·N] is Σ_modes|P|². A patch's global phase is arbitrary
// and is removed first. flat and expected are deviances per pixel: of a flat object on the data, and of Poisson counts under
// the model's λ.
func lookAt(patches [][]complex64, weight []float64, flat, expected float64) Look {
	if len(patches) == 0 {
		return Look{}
	}
	pixels := len(weight)
	total := 0.0
	for _, w := range weight {
		total += w
	}
	mean := make([]complex128, pixels) // over patches
	square := make([]float64, pixels)
	var look Look
	for _, p := range patches {
		var sum complex128
		for i, v := range p {
			sum += complex(weight[i], 0) * complex128(v)
		}
		sum /= complex(total, 0)
		turn := complex(1, 0)
		if a := math.Hypot(real(sum), imag(sum)); a > 0 {
			turn = complex(real(sum)/a, -imag(sum)/a)
		}
		centre, spread := sum*turn, 0.0
		for i, v := range p {
			o := complex128(v) * turn
			spread += weight[i] * abs2(o-centre)
			mean[i] += o
			square[i] += abs2(o)
		}
		look.Contrast += math.Sqrt(spread/total) / float64(len(patches))
	}
	n, spread := float64(len(patches)), 0.0
	for i := range mean {
		spread += weight[i] * max(square[i]/n-abs2(mean[i]/complex(n, 0)), 0)
	}
	look.Response = math.Sqrt(spread / total)
	if math.IsNaN(look.Contrast + look.Response) { // patches of NaN have no contrast
		look.Contrast, look.Response = 0, 0
	}
	switch {
	case flat <= flatTolerance*expected:
	case look.Contrast < flatContrast:
		look.Flat = true
		look.Reason = fmt.Sprintf("the object's amplitude and phase do not vary (contrast %.2g, want at least %g)", look.Contrast, flatContrast)
	case len(patches) > 1 && look.Response < flatResponse:
		look.Flat = true
		look.Reason = fmt.Sprintf("the object does not depend on the diffraction pattern (response %.2g, want at least %g)", look.Response, flatResponse)
	}
	return look
}

func abs2(z complex128) float64 { return real(z)*real(z) + imag(z)*imag(z) }
