package solve

import (
	"context"
	"math"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
)

// frcSide is the side of the square in which images are compared, in pixels.
const frcSide = 240

// centralBox returns the square of frcSide whole pixels around the middle of the positions, within the positions' box.
func centralBox(rows, cols []float64) metrics.Box {
	b := metrics.PositionsBox(rows, cols)
	y, x := math.Floor((b.Y0+b.Y1+1)/2), math.Floor((b.X0+b.X1+1)/2)
	return b.Intersect(metrics.Box{Y0: y - frcSide/2, Y1: y + frcSide/2 - 1, X0: x - frcSide/2, X1: x + frcSide/2 - 1})
}

// addHalves solves the even and the odd patterns separately and compares the images.
func (r *Report) addHalves(ctx context.Context, data *scan.Scan, o iterative.Options, h host.Host) error {
	var halves [2]*iterative.Result
	o.PreviewEvery, o.Preview, o.Misfits = 0, nil, false
	for i, name := range []string{"even half", "odd half"} {
		var rows []int
		for j := i; j < data.Len(); j += 2 {
			rows = append(rows, j)
		}
		part, err := data.Part(rows)
		if err != nil {
			return host.Fail(host.ExitData, err)
		}
		o.Progress = iterationProgress(h, name, o.Iterations, part.Len())
		if halves[i], err = iterative.Solve(ctx, part, o); err != nil {
			return failure(r.Data+", "+name, err)
		}
		if halves[i].Ended == "stopped" {
			return host.ErrStopped
		}
	}
	a, b := halves[0], halves[1]
	box := centralBox(data.Rows, data.Cols)
	compared, err := metrics.Evaluate(ctx, a.Object, a.Origin, b.Object, b.Origin, box.Intersect(metrics.Extent(a.Object, a.Origin)).Intersect(metrics.Extent(b.Object, b.Origin)),
		metrics.Options{Ramp: true, Register: true})
	if err != nil {
		if ctx.Err() == nil {
			h.Notice("the FRC of the halves could not be computed: %v", err)
		}
		return ctx.Err()
	}
	r.FRC, r.FRCOf, r.FRCBox = &compared.Registered.FRC.Mean, "halves", &compared.Box
	r.Halves = &Halves{Residuals: [2]metrics.Number{metrics.Number(a.R), metrics.Number(b.R)}, Raw: compared.Raw.FRC.Mean, Shift: compared.Registered.Shift}
	return nil
}

// addReference compares the image with the object in the scan's file, if the two overlap.
func (r *Report) addReference(ctx context.Context, solved *iterative.Result, data *scan.Scan) error {
	reference, err := raster.FromComplex64(data.ObjectHeight, data.ObjectWidth, data.Object)
	if err != nil {
		return nil
	}
	box := centralBox(data.Rows, data.Cols).Intersect(metrics.Extent(solved.Object, solved.Origin)).Intersect(metrics.Extent(reference, [2]float64{}))
	if box.Empty() {
		return nil
	}
	compared, err := metrics.Evaluate(ctx, solved.Object, solved.Origin, reference, [2]float64{}, box, metrics.Options{Ramp: true, ScaleAmplitude: true, Register: true})
	if err != nil {
		return ctx.Err() // any other error is a fault of the object in the file
	}
	r.FRC, r.FRCOf, r.FRCBox = &compared.Registered.FRC.Mean, "reference", &compared.Box
	return nil
}
