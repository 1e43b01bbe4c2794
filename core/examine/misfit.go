package examine

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// A frame or pixel is out of line if its misfit, in units of photon noise, is so many times that of the others, so many times their
// spread, and so many standard errors above it. An image that does not fit yet has a larger spread, and its bright pixels fit worse than
// dark ones: a pixel is compared with those around, near and next to it.
const (
	farFrame, farSpread, farErrors = 10, 8, 10
	farPixel, nextPixel            = 5, 3
	aroundPixel                    = 3
)

// Misfits returns findings about frames and pixels that an image of the scan explains far worse than the rest.
func Misfits(m metrics.Misfits, s *scan.Scan) []Finding {
	return append(frameMisfit(m.Frames, s), pixelMisfit(m.Pixels, s)...)
}

func frameMisfit(frames []metrics.Misfit, s *scan.Scan) []Finding {
	var logs []float64
	for _, f := range frames {
		if r := f.Ratio(); r > 0 {
			logs = append(logs, math.Log(r))
		}
	}
	if len(logs) < fewestFrames {
		return nil
	}
	middle := median(logs)
	apart := make([]float64, len(logs))
	for i, l := range logs {
		apart[i] = math.Abs(l - middle)
	}
	limit := max(math.Log(farFrame), farSpread*1.4826*median(apart)) // 1.4826: from a median distance to a standard deviation
	var far []int
	worst := 0.0
	for j, f := range frames {
		r := f.Ratio() / math.Exp(middle)
		if math.Log(r) > limit && aboveBy(f, math.Exp(middle)) > farErrors {
			far = append(far, j)
			worst = max(worst, r)
		}
	}
	if len(far) == 0 {
		return nil
	}
	rows := far
	if s.Index != nil {
		rows = s.FileRows(far)
	}
	return []Finding{{
		ID: FrameMisfit, Severity: Warning, Frames: rows,
		What:     fmt.Sprintf("the image explains %s far worse than the others, up to %.3g times as badly, the first is frame %d", words.Of(len(far), "frame"), worst, rows[0]),
		Fix:      "look at their patterns and positions, and leave them out with --rows if they are bad",
		Evidence: map[string]float64{"worst_ratio": worst, "median_ratio": math.Exp(middle)},
	}}
}

func pixelMisfit(pixels []metrics.Misfit, s *scan.Scan) []Finding {
	var far [][2]int
	worst := 0.0
	for i, p := range pixels {
		if p.Expected == 0 {
			continue
		}
		usual := max(aroundOf(pixels, s.N, i, aroundPixel), 1)
		if r := p.Ratio() / usual; r > farPixel && p.Ratio() > nextPixel*aroundOf(pixels, s.N, i, 1) && aboveBy(p, usual) > farErrors {
			far = append(far, [2]int{i / s.N, i % s.N})
			worst = max(worst, r)
		}
	}
	if len(far) == 0 {
		return nil
	}
	return []Finding{{
		ID: PixelMisfit, Severity: Warning, Pixels: far,
		What:     fmt.Sprintf("the image explains %s of the detector far worse than those around, up to %.3g times as badly, the first is (%d, %d) (row, column)", words.Of(len(far), "pixel"), worst, far[0][0], far[0][1]),
		Fix:      "mask them if they are bad",
		Evidence: map[string]float64{"worst_ratio": worst},
	}}
}

// aboveBy returns the distance of a misfit from usual times its expectation, in standard errors. The variance of (√λ − √K)² is at most
// its mean; 1 more keeps single counts in the dark from being far.
func aboveBy(m metrics.Misfit, usual float64) float64 {
	return (m.Measured/usual - m.Expected) / math.Sqrt(m.Expected+1)
}

// aroundOf returns the median ratio of the pixels around i, up to reach pixels away; 0 if there are none.
func aroundOf(pixels []metrics.Misfit, n, i, reach int) float64 {
	var ratios []float64
	for y := max(i/n-reach, 0); y <= min(i/n+reach, n-1); y++ {
		for x := max(i%n-reach, 0); x <= min(i%n+reach, n-1); x++ {
			if r := pixels[y*n+x].Ratio(); y*n+x != i && r > 0 {
				ratios = append(ratios, r)
			}
		}
	}
	if len(ratios) == 0 {
		return 0
	}
	return median(ratios)
}

// An image of fewer photons per pixel has an amplitude noise of a sixth and more, 1/(2√n) of n photons. A residual below this share of that
// of photon noise shows that the image follows the noise.
//
// An image that leaves more than unexplained of what it could explain, the difference of the residuals of a flat object and of photon noise,
// was made with wrong positions, frames or probe. Sound simulated scans leave 0.02, a good measured one 0.12. The difference itself must be a
// part of the photon noise.
const (
	fewPhotons  = 10
	overfitting = 0.7
	unexplained = 0.2
	leastToSee  = 0.1
)

// Image describes an image of a scan.
type Image struct {
	R, Expected     float64 // residual, and that of photon noise
	PhotonsPerPixel float64 // of the covered part of the image
	Flat            float64 // residual of a flat object; 0: an image that is not fitted to its patterns
}

// FewData returns findings about images that the scan does not determine.
func FewData(i Image) []Finding {
	var found []Finding
	if i.PhotonsPerPixel < fewPhotons {
		noise := 1 / (2 * math.Sqrt(i.PhotonsPerPixel))
		found = append(found, Finding{
			ID: FewPhotons, Severity: Warning,
			What:     fmt.Sprintf("the scan has only %.2g photons per pixel of the image, whose amplitude therefore has a noise of about %.0f %%", i.PhotonsPerPixel, 100*noise),
			Fix:      "expose longer or more often, or bin the image",
			Evidence: map[string]float64{"photons_per_pixel": i.PhotonsPerPixel, "amplitude_noise": noise},
		})
	}
	if i.R < overfitting*i.Expected {
		found = append(found, Finding{
			ID: Overfit, Severity: Warning,
			What:     fmt.Sprintf("the residual %.5f is far below the %.5f of photon noise: the image follows the noise of too few patterns", i.R, i.Expected),
			Fix:      "take more patterns with more overlap, or make fewer iterations",
			Evidence: map[string]float64{"R": i.R, "R_expected": i.Expected},
		})
	}
	if see := i.Flat - i.Expected; see > leastToSee*i.Expected && i.R-i.Expected > unexplained*see {
		found = append(found, Finding{
			ID: PoorFit, Severity: Warning,
			What:     fmt.Sprintf("the image leaves %.0f %% of what an image of this scan can explain: residual %.5f, flat object %.5f, photon noise %.5f", 100*(i.R-i.Expected)/see, i.R, i.Flat, i.Expected),
			Fix:      "look for wrong positions, frames that belong elsewhere, a beam that moves or a wrong probe (misfit-frames.png); or make more iterations",
			Evidence: map[string]float64{"unexplained": (i.R - i.Expected) / see, "R": i.R, "R_flat": i.Flat, "R_expected": i.Expected},
		})
	}
	return found
}
