package solve

import (
	"context"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

// checkScale tries steps in the best orientation: every 4 % up to 20 %, then every 1 % near the best, then the vertex
// of the parabola through the best and its neighbours.
func (g *Geometry) checkScale(ctx context.Context, part *scan.Scan, threads int) error {
	rows, cols := g.Best().Apply(part.Rows, part.Cols)
	tried := map[int][]float64{} // by per cent
	try := func(percent int) error {
		if tried[percent] != nil {
			return nil
		}
		f := 1 + float64(percent)/100
		moved := *part
		moved.Rows, moved.Cols = stretched(rows, f), stretched(cols, f)
		each, _, err := predictHeldOut(ctx, &moved, g.ProbeFit, scaleIterations, threads)
		tried[percent] = each
		return err
	}
	best := 0
	for _, grid := range []struct{ reach, step int }{{20, 4}, {3, 1}} {
		about := best
		for d := -grid.reach; d <= grid.reach; d += grid.step {
			if err := try(about + d); err != nil {
				return err
			}
			if sum(tried[about+d]) < sum(tried[best]) {
				best = about + d
			}
		}
	}
	at := float64(best)
	if below, above := tried[best-1], tried[best+1]; below != nil && above != nil {
		a, b, c := sum(below), sum(tried[best]), sum(above)
		if d := a - 2*b + c; d > 0 {
			at += min(max((a-c)/(2*d), -0.5), 0.5)
		}
	}
	g.Scale = 1 + at/100
	g.ScaleSure = standardErrors(tried[best], tried[0]) > 4 && sum(tried[best]) < 0.75*sum(tried[0])
	return nil
}

func stretched(p []float64, f float64) []float64 {
	middle := (slices.Min(p) + slices.Max(p)) / 2
	out := make([]float64, len(p))
	for j, c := range p {
		out[j] = middle + f*(c-middle)
	}
	return out
}
