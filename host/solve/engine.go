package solve

import (
	"github.com/ptychogo/ptycho/core/fft"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
)

// leastSpread is the spread of a probe from which LSQML fits factors of frames in fewer iterations than ePIE. Gaussian probes and disks have
// 1 to 2, aberrated ones at least 4.
const leastSpread = 3

// engineOf returns the engine that fits the quantities in the fewest iterations. Positions converge faster with LSQML, but not while the
// probe is far off. Factors of frames are nearly the same to the patterns as the slow part of the object's amplitude. Both converge faster with LSQML if the
// probe is spread in both planes, and else with ePIE: after 60 iterations images differ by 1 to 7 dB either way.
func engineOf(f iterative.Fit, data *scan.Scan) (iterative.Engine, error) {
	if !f.Intensity {
		if f.Positions && !f.Probe {
			return iterative.LSQML, nil
		}
		return iterative.EPIE, nil
	}
	wide, err := spread(data.Probe[:data.N*data.N], data.N)
	if err != nil || wide < leastSpread {
		return iterative.EPIE, err
	}
	return iterative.LSQML, nil
}

// spread returns the number of pixels that a mode [n, n] fills, times the number that its far field fills, over n²: 1 for a Gaussian, and
// more the more the phase of the mode varies. The number of pixels that values v fill is (Σv)²/Σv².
func spread(mode []complex64, n int) (float64, error) {
	plan, err := fft.New(n, n)
	if err != nil {
		return 0, err
	}
	far := make([]complex64, n*n)
	plan.Forward(far, mode, nil)
	return filled(mode) * filled(far) / float64(n*n), nil
}

// filled returns the number of pixels that the intensity of a field fills, 0 of a dark one.
func filled(field []complex64) float64 {
	var sum, squares float64
	for _, c := range field {
		v := float64(real(c))*float64(real(c)) + float64(imag(c))*float64(imag(c))
		sum += v
		squares += v * v
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / squares
}
