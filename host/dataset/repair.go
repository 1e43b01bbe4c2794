package dataset

import (
	"context"
	"fmt"
	"slices"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// Repairs are the changes of a scan. Frames are named by their rows in the file.
type Repairs struct {
	Masked   [][2]int `json:"masked_pixels"`   // row, column
	LeftOut  []int    `json:"frames_left_out"` // ascending
	Replaced [][3]int `json:"values_replaced"` // frame, row, column
	Exposure bool     `json:"exposure_fitted"` // a factor for each frame is fitted
	Data     string   `json:"data,omitempty"`  // fingerprint of the scan before it was changed
}

// mostRepaired is the share of valid pixels, and of frames, above which they are not left out: too little would be left of the scan.
const mostRepaired = 0.5

// kinds says how a finding is repaired.
var kinds = map[string]string{
	examine.Marked: config.RepairPixels, examine.Dead: config.RepairPixels, examine.Stuck: config.RepairPixels, examine.Hot: config.RepairPixels,
	examine.Clipped: config.RepairPixels, examine.Stop: config.RepairPixels, examine.Cosmic: config.RepairCosmic, examine.Empty: config.RepairFrames, examine.Bright: config.RepairFrames,
	examine.Exposure: config.RepairExposure,
}

// decide chooses the repairs.
func (r *Examined) decide(data *scan.Scan, o Examination) {
	bad, valid := map[[2]int]bool{}, data.N*data.N
	for i, m := range data.Mask {
		if m == 0 {
			bad[[2]int{i / data.N, i % data.N}] = true
			valid--
		}
	}
	r.Masked, r.LeftOut, r.Replaced = [][2]int{}, []int{}, [][3]int{} // frame, row, column
	for i := range r.Findings {
		f := &r.Findings[i]
		kind := kinds[f.ID]
		if kind == config.RepairExposure && o.Fitted {
			f.Done = "a factor for each frame is fitted"
			continue
		}
		if kind == "" || !o.Repairs(kind) {
			continue
		}
		switch kind {
		case config.RepairPixels:
			var fresh [][2]int
			for _, p := range f.Pixels {
				if !bad[p] {
					fresh = append(fresh, p)
				}
			}
			if len(fresh) == 0 || float64(len(r.Masked)+len(fresh)) > mostRepaired*float64(valid) {
				continue
			}
			for _, p := range fresh {
				bad[p] = true
			}
			r.Masked = append(r.Masked, fresh...)
			f.Done = words.Of(len(fresh), "pixel") + " masked"
		case config.RepairFrames:
			if float64(len(r.LeftOut)+len(f.Frames)) > mostRepaired*float64(data.Len()) {
				continue
			}
			r.LeftOut = append(r.LeftOut, f.Frames...)
			f.Done = words.Of(len(f.Frames), "frame") + " left out"
		case config.RepairCosmic:
			r.Replaced = append(r.Replaced, f.Values...)
			f.Done = words.Of(len(f.Values), "value") + " replaced by the median of the values around"
		case config.RepairExposure:
			if o.Fits {
				r.Exposure, f.Done = true, "a factor for each frame is fitted"
			}
		}
	}
	slices.Sort(r.LeftOut)
	r.LeftOut = slices.Compact(r.LeftOut)
}

// apply returns the repaired scan. It changes patterns in memory in place.
func (r Repairs) apply(ctx context.Context, data *scan.Scan, create func(bytes int64) (scan.PatternFile, error)) (*scan.Scan, error) {
	if !r.changes() {
		return data, nil
	}
	if err := r.fits(data); err != nil {
		return nil, err
	}
	n := data.N
	mask := make([]uint8, n*n)
	for i := range mask {
		mask[i] = 1
	}
	copy(mask, data.Mask)
	for _, p := range r.Masked {
		mask[p[0]*n+p[1]] = 0
	}
	values := map[int][]int{} // pixels to be replaced, by pattern
	for _, v := range r.Replaced {
		i := patternOf(data, v[0])
		values[i] = append(values[i], v[1]*n+v[2])
	}
	var rows []int
	for i := range data.Len() {
		if _, left := slices.BinarySearch(r.LeftOut, rowOf(data, i)); !left {
			rows = append(rows, i)
		}
	}
	out, err := data.Rebuild(ctx, rows, func(i int, counts []float32) {
		replace(counts, mask, values[i], n)
		for q, m := range mask {
			if m == 0 {
				counts[q] = 0
			}
		}
	}, create)
	if err != nil {
		return nil, err
	}
	if data.Mask != nil || len(r.Masked) > 0 {
		out.Mask = mask
	}
	return out, nil
}

// changes reports whether patterns or mask change.
func (r Repairs) changes() bool { return len(r.Masked)+len(r.LeftOut)+len(r.Replaced) > 0 }

// fits returns an error for repairs of another scan.
func (r Repairs) fits(data *scan.Scan) error {
	for _, p := range r.Masked {
		if min(p[0], p[1]) < 0 || max(p[0], p[1]) >= data.N {
			return fmt.Errorf("%s: the mask of the examination has pixel (%d, %d), and the patterns are %d×%d", data.Source, p[0], p[1], data.N, data.N)
		}
	}
	for _, v := range r.Replaced {
		if min(v[1], v[2]) < 0 || max(v[1], v[2]) >= data.N || patternOf(data, v[0]) < 0 {
			return fmt.Errorf("%s: the examination replaces pixel (%d, %d) of frame %d, which does not exist", data.Source, v[1], v[2], v[0])
		}
	}
	for _, f := range r.LeftOut {
		if patternOf(data, f) < 0 {
			return fmt.Errorf("%s: the examination leaves out frame %d, which does not exist", data.Source, f)
		}
	}
	if !slices.IsSorted(r.LeftOut) || len(slices.Compact(slices.Clone(r.LeftOut))) >= data.Len() {
		return fmt.Errorf("%s: the examination leaves out %d of %d frames, or its list is not sorted", data.Source, len(r.LeftOut), data.Len())
	}
	return nil
}

// rowOf returns the row in the file of a pattern, patternOf the pattern of a row; −1 if there is none.
func rowOf(data *scan.Scan, i int) int {
	if data.Index == nil {
		return i
	}
	return data.Index[i]
}

func patternOf(data *scan.Scan, row int) int {
	if data.Index == nil {
		if row < 0 || row >= data.Len() {
			return -1
		}
		return row
	}
	if i, ok := slices.BinarySearch(data.Index, row); ok {
		return i
	}
	return -1
}

// widestPatch is the distance up to which pixels around a replaced value are looked for.
const widestPatch = 2

// replace sets pixels of a pattern to the median of the valid pixels around them that are not replaced too, 0 if there are none.
func replace(counts []float32, mask []uint8, pixels []int, n int) {
	fresh := make([]float32, len(pixels))
	for k, i := range pixels {
		for reach := 1; reach <= widestPatch; reach++ {
			var around []float32
			for y := max(i/n-reach, 0); y <= min(i/n+reach, n-1); y++ {
				for x := max(i%n-reach, 0); x <= min(i%n+reach, n-1); x++ {
					if q := y*n + x; mask[q] != 0 && !slices.Contains(pixels, q) {
						around = append(around, counts[q])
					}
				}
			}
			if len(around) > 0 {
				slices.Sort(around)
				fresh[k] = around[len(around)/2]
				break
			}
		}
	}
	for k, i := range pixels {
		counts[i] = fresh[k]
	}
}
