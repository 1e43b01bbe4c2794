package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/raster"
)

// Box is a rectangle in scan coordinates, edges included: rows Y0 … Y1, columns X0 … X1.
type Box struct {
	Y0 float64 `json:"y0"`
	Y1 float64 `json:"y1"`
	X0 float64 `json:"x0"`
	X1 float64 `json:"x1"`
}

// PositionsBox returns the box of the scan positions, rounded inwards to whole pixels: the region in which a
// reconstruction is evaluated. It is empty without positions.
func PositionsBox(rows, cols []float64) Box {
	b := Box{Y0: math.Inf(1), Y1: math.Inf(-1), X0: math.Inf(1), X1: math.Inf(-1)}
	for _, y := range rows {
		b.Y0, b.Y1 = min(b.Y0, y), max(b.Y1, y)
	}
	for _, x := range cols {
		b.X0, b.X1 = min(b.X0, x), max(b.X1, x)
	}
	return Box{Y0: math.Ceil(b.Y0), Y1: math.Floor(b.Y1), X0: math.Ceil(b.X0), X1: math.Floor(b.X1)}
}

// Extent returns the box of the pixel centres of an image with the given origin (row, column of pixel (0, 0)).
func Extent(img raster.Complex, origin [2]float64) Box {
	return Box{Y0: origin[0], Y1: origin[0] + float64(img.H-1), X0: origin[1], X1: origin[1] + float64(img.W-1)}
}

// Intersect returns the part common to both boxes; it may be empty.
func (b Box) Intersect(c Box) Box {
	return Box{Y0: max(b.Y0, c.Y0), Y1: min(b.Y1, c.Y1), X0: max(b.X0, c.X0), X1: min(b.X1, c.X1)}
}

// Empty reports whether the box has no points.
func (b Box) Empty() bool { return !(b.Y0 <= b.Y1 && b.X0 <= b.X1) }

func (b Box) String() string {
	return fmt.Sprintf("rows %g to %g, columns %g to %g", b.Y0, b.Y1, b.X0, b.X1)
}

// Options are the options of Evaluate. A global phase is always removed.
type Options struct {
	// Ramp also removes a linear phase ramp: for a reference that was reconstructed too, with another probe.
	Ramp bool
	// ScaleAmplitude multiplies the reconstruction by the least-squares amplitude factor: for a reference with a
	// relative amplitude, such as a simulated object.
	ScaleAmplitude bool
	// Register adds the figures after sub-pixel registration.
	Register bool
	// MaxShift bounds the registration in pixels; 0 means a quarter of the box's shorter side, at most 16.
	MaxShift float64
}

// Report is the result of Evaluate.
type Report struct {
	Box    Box    `json:"box"`
	Height int    `json:"height"` // of the compared region, pixels
	Width  int    `json:"width"`
	Raw    Scores `json:"raw"`
	// Registered is nil unless requested.
	Registered *Registered `json:"registered,omitempty"`
}

// Registered holds the scores after shifting the reconstruction onto the reference.
type Registered struct {
	Shift  [2]float64 `json:"shift_px"` // rows, columns
	Limit  float64    `json:"limit_px"` // largest shift that was tried, along each axis
	Border int        `json:"border_px"`
	Scores
}

// AtLimit reports whether the shift is the largest that was tried, so that the images may lie further apart.
func (r *Registered) AtLimit() bool {
	return max(math.Abs(r.Shift[0]), math.Abs(r.Shift[1])) > r.Limit-0.5
}

// Evaluate compares a reconstruction with a reference inside box. Both origins are the scan coordinates (row, column)
// of pixel (0, 0), including fractions. The comparison uses the reconstruction's pixels; the reference is interpolated
// there (bilinear, and exact if the grids agree). A half-pixel error of the reconstruction affects the raw scores, and
// the registered ones give its size. Evaluate stops at the end of ctx, within one metric or one transform.
func Evaluate(ctx context.Context, recon raster.Complex, reconOrigin [2]float64, reference raster.Complex, referenceOrigin [2]float64, box Box, opts Options) (Report, error) {
	o, t, err := regions(recon, reconOrigin, reference, referenceOrigin, box)
	if err != nil {
		return Report{}, err
	}
	report := Report{Box: box, Height: o.H, Width: o.W}
	if report.Raw, err = score(ctx, o, t, opts); err != nil {
		return Report{}, err
	}
	if !opts.Register {
		return report, nil
	}
	// Transforms of a length with a large prime factor are slow: a few rows and columns are excluded.
	h, w := smoothLength(o.H), smoothLength(o.W)
	if o, err = o.Crop(0, 0, h, w); err != nil {
		return Report{}, err
	}
	if t, err = t.Crop(0, 0, h, w); err != nil {
		return Report{}, err
	}
	limit := opts.MaxShift
	if limit <= 0 {
		limit = min(16, float64(min(o.H, o.W))/4)
	}
	// A ramp does not move content but disturbs the correlation: register without it.
	flat := report.Raw.Phase.Remove(o)
	shift, err := Register(ctx, flat, t, limit)
	if err != nil {
		return Report{}, err
	}
	// Exclude two pixels, and those that the shift moved in over the edge.
	border := 2 + int(math.Ceil(max(math.Abs(shift[0]), math.Abs(shift[1]))))
	if o.H-2*border < ssimWindow || o.W-2*border < ssimWindow {
		return Report{}, fmt.Errorf("the region of %d×%d pixels is too small to register; give a larger box", o.H, o.W)
	}
	moved, err := fourierShift(flat, shift[0], shift[1]).Crop(border, border, o.H-2*border, o.W-2*border)
	if err != nil {
		return Report{}, err
	}
	fixed, err := t.Crop(border, border, moved.H, moved.W)
	if err != nil {
		return Report{}, err
	}
	r := Registered{Shift: shift, Limit: limit, Border: border}
	if r.Scores, err = score(ctx, moved, fixed, opts); err != nil {
		return Report{}, err
	}
	// The phases removed before and after add up. Both are relative to the cropped corner, whose content came from
	// border − shift.
	before, after := report.Raw.Phase, r.Phase
	corner := float64(before.Y)*(float64(border)-shift[0]) + float64(before.X)*(float64(border)-shift[1])
	r.Phase = Plane{
		Offset: Number(math.Remainder(float64(before.Offset+after.Offset)+corner, 2*math.Pi)),
		Y:      before.Y + after.Y, X: before.X + after.X,
	}
	report.Registered = &r
	return report, nil
}

// regions crops the reconstruction to box, and samples the reference there.
func regions(recon raster.Complex, ro [2]float64, reference raster.Complex, fo [2]float64, box Box) (o, t raster.Complex, err error) {
	if err := recon.Validate(); err != nil {
		return o, t, fmt.Errorf("reconstruction: %w", err)
	}
	if err := reference.Validate(); err != nil {
		return o, t, fmt.Errorf("reference: %w", err)
	}
	for _, v := range []float64{ro[0], ro[1], fo[0], fo[1], box.Y0, box.Y1, box.X0, box.X1} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return o, t, errors.New("the box or an origin is not a finite number")
		}
	}
	if box.Empty() {
		return o, t, fmt.Errorf("the box (%v) is empty", box)
	}
	// Rounding of an origin must not move the box off an image.
	const slack = 1e-6
	y0, y1 := math.Ceil(box.Y0-ro[0]-slack), math.Floor(box.Y1-ro[0]+slack)
	x0, x1 := math.Ceil(box.X0-ro[1]-slack), math.Floor(box.X1-ro[1]+slack)
	if y0 > y1 || x0 > x1 {
		return o, t, fmt.Errorf("the box (%v) contains no pixel of the reconstruction", box)
	}
	for _, img := range []struct {
		name   string
		extent Box
	}{{"reconstruction", Extent(recon, ro)}, {"reference", Extent(reference, fo)}} {
		e := img.extent
		if y0+ro[0] < e.Y0-slack || y1+ro[0] > e.Y1+slack || x0+ro[1] < e.X0-slack || x1+ro[1] > e.X1+slack {
			return o, t, fmt.Errorf("the box (%v) reaches outside the %s (%v)", box, img.name, e)
		}
	}
	top, left := int(y0), int(x0)
	if o, err = recon.Crop(top, left, int(y1)-top+1, int(x1)-left+1); err != nil {
		return o, t, err
	}
	if min(o.H, o.W) < fewestRings {
		return o, t, fmt.Errorf("the region of %d×%d pixels is too small to compare; give a larger box", o.H, o.W)
	}
	if !o.Finite() {
		return o, t, errors.New("the reconstruction has values that are not finite numbers")
	}
	t = raster.NewComplex(o.H, o.W)
	for i := range t.Data {
		y := snap(float64(top+i/o.W)+ro[0]-fo[0], reference.H-1)
		x := snap(float64(left+i%o.W)+ro[1]-fo[1], reference.W-1)
		t.Data[i] = reference.Sample(y, x)
	}
	if !t.Finite() {
		return o, t, errors.New("the reference has values that are not finite numbers")
	}
	return o, t, nil
}

// snap removes the rounding of origins: a coordinate within 1e-6 of a whole pixel becomes that pixel, limited to [0,
// last].
func snap(v float64, last int) float64 {
	if r := math.Round(v); math.Abs(v-r) < 1e-6 {
		v = r
	}
	return min(max(v, 0), float64(last))
}
