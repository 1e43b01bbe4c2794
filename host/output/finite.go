package output

import (
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/host"
)

// checkFinite returns an error for an image with NaN or infinity, which must not replace a good image.
func checkFinite(image raster.Stitched) error {
	for i, exact := range image.Object.Data {
		v := complex64(exact) // as it is written
		if z := complex128(v); cmplx.IsNaN(z) || cmplx.IsInf(z) {
			return host.Failf(host.ExitDiverged, "the image is not finite: %v at row %d, column %d; nothing was written; use another model or other settings", v, i/image.Object.W, i%image.Object.W)
		}
	}
	return nil
}
