package result

import (
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/host"
)

// checkFinite refuses an image that holds NaN or infinity: it must not take the place of a good one.
func checkFinite(image stitch.Image) error {
	for i, v := range image.Object.Complex64() {
		if z := complex128(v); cmplx.IsNaN(z) || cmplx.IsInf(z) {
			return host.Failf(host.ExitDiverged, "the image is %v at row %d, column %d: it is not finite, and nothing was written; use another model, or other settings", v, i/image.Object.W, i%image.Object.W)
		}
	}
	return nil
}
