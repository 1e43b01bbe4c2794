package dataset

import (
	"fmt"
	"strings"

	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// leastExplained is the share of what an image could explain, the difference of the residuals of an empty object and of photon noise,
// below which it explains nothing. Where that difference is below leastContrast of the noise, the patterns show no object.
const leastExplained, leastContrast = 0.05, 0.1

// wellCovered is the coverage, relative to one probe's peak, of the pixels that share the photons.
const wellCovered = 0.1

// Outcome is how well an image explains its scan.
type Outcome struct {
	Data              *scan.Scan
	Image             raster.Stitched
	R, Expected, Flat float64 // residual, that of photon noise, and that of an empty object
	Misfits           metrics.Misfits
	Fitted            bool // the image was fitted to its patterns, not predicted from them
}

// Conclude adds the findings of a finished reconstruction to r, which is nil without an examination.
func (r *Examined) Conclude(o Outcome, notice func(format string, args ...any)) {
	if r == nil {
		return
	}
	pixels := 0
	for _, c := range o.Image.Coverage.Data {
		if c >= wellCovered {
			pixels++
		}
	}
	var found []examine.Finding
	if photons := o.Misfits.Totals().Measured / o.R; photons > 0 && pixels > 0 {
		image := examine.Image{R: o.R, Expected: o.Expected, PhotonsPerPixel: photons / float64(pixels)}
		if o.Fitted {
			image.Flat = o.Flat
		}
		found = examine.FewData(image)
	}
	for _, f := range append(found, examine.Misfits(o.Misfits, o.Data)...) {
		r.Findings = append(r.Findings, Finding{Finding: f})
		notice("%s", Finding{Finding: f})
	}
}

// Flat returns an error if the image in the folder explains the patterns no better than an empty object. It names the findings that are likely causes.
func (r *Examined) Flat(o Outcome, folder string) error {
	if !(o.R > 0) {
		return nil
	}
	if most := o.Flat - o.Expected; o.Flat-o.R > leastExplained*most || most < leastContrast*o.Expected && o.R <= o.Flat {
		return nil
	}
	text := []string{fmt.Sprintf("%s: the image in %s explains the patterns no better than an empty object: residual R %.5f, flat object %.5f, photon noise %.5f",
		o.Data.Source, folder, o.R, o.Flat, o.Expected)}
	if likely := r.Likely(); likely != "" {
		text = append(text, likely)
	}
	return host.Failf(host.ExitDiverged, "%s", strings.Join(text, "; "))
}
