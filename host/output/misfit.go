package output

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
)

// misfitArrays returns how badly the image explains each frame [n] and each pixel of the detector [N, N]: (√λ − √k)² over what photon noise
// gives, 0 where nothing was compared; and the rows of the frames in the scan's file.
func misfitArrays(r Result) []npz.Named {
	if len(r.Misfits.Frames) == 0 {
		return nil
	}
	rows := make([]int64, r.Scan.Len())
	for j := range rows {
		rows[j] = int64(j)
		if r.Scan.Index != nil {
			rows[j] = int64(r.Scan.Index[j])
		}
	}
	return []npz.Named{
		{Name: "frames", Tensor: tensor.Must(rows, len(rows))},
		{Name: "misfit_frames", Tensor: tensor.Must(ratios(r.Misfits.Frames), len(rows))},
		{Name: "misfit_pixels", Tensor: tensor.Must(ratios(r.Misfits.Pixels), r.Scan.N, r.Scan.N)},
	}
}

func ratios(of []metrics.Misfit) []float64 {
	out := make([]float64, len(of))
	for i, m := range of {
		if m.Expected > 0 {
			out[i] = m.Ratio()
		}
	}
	return out
}

// eachMisfit draws the misfits of the frames, at their positions, and of the detector's pixels, and passes each to visit as a PNG file.
func eachMisfit(r Result, visit func(name string, file []byte) error) error {
	if len(r.Misfits.Frames) == 0 {
		return nil
	}
	pixels := picture{h: r.Scan.N, w: r.Scan.N, unit: 1, title: "misfit of the pixels, log10", caption: "detector pixels: 0 is photon noise"}.of(logarithms(r.Misfits.Pixels))
	for _, p := range []struct {
		name string
		picture
	}{{MisfitPixelsFile, pixels}, {MisfitFramesFile, misfitMap(r.Scan.Rows, r.Scan.Cols, logarithms(r.Misfits.Frames))}} {
		var b bytes.Buffer
		if err := png.Encode(&b, p.draw()); err != nil {
			return fmt.Errorf("picture: %w", err)
		}
		if err := visit(p.name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// of returns the picture of the values [h, w], with colours from 0 to the largest of them, at least 1.
func (p picture) of(values []float64) picture {
	p.hi = max(slices.Max(values), 1)
	p.value = func(i int) float64 { return values[i] }
	return p
}

// logarithms returns log10 of the ratios; −Inf where nothing was compared.
func logarithms(of []metrics.Misfit) []float64 {
	out := ratios(of)
	for i, v := range out {
		out[i] = math.Log10(v) // −Inf of 0
	}
	return out
}

// mapSide is the longer side of a map of the frames, in pixels.
const mapSide = 384

// misfitMap draws a square at each position. Squares overlap where positions are close; the worst frame is on top.
func misfitMap(rows, cols, misfits []float64) picture {
	top, left := slices.Min(rows), slices.Min(cols)
	height, width := slices.Max(rows)-top, slices.Max(cols)-left
	half := max(int(mapSide/math.Sqrt(float64(len(rows)))/2), 1) // of the side of a square
	unit := float64(mapSide) / max(height, width, 1)
	p := picture{h: int(height*unit) + 2*half + 1, w: int(width*unit) + 2*half + 1, unit: unit, title: "misfit of the frames, log10", caption: "positions in scan pixels: 0 is photon noise"}
	p.origin = [2]float64{top - float64(half)/unit, left - float64(half)/unit}
	values := slices.Repeat([]float64{math.Inf(-1)}, p.h*p.w)
	for j, v := range misfits {
		y, x := int((rows[j]-top)*unit), int((cols[j]-left)*unit)
		for dy := range 2*half + 1 {
			for dx := range 2*half + 1 {
				at := (y+dy)*p.w + x + dx
				values[at] = max(values[at], v)
			}
		}
	}
	return p.of(values)
}
