package solve

import (
	"context"
	"math"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/physics"
)

// compareAll compares every pattern with the current model. A stop ends it with ErrStopped.
func (v *solver) compareAll(ctx context.Context) (metrics.Misfits, error) {
	out := metrics.Misfits{Frames: make([]metrics.Misfit, v.data.Len()), Pixels: make([]metrics.Misfit, v.size)}
	stripes, slots := make([][]metrics.Misfit, metrics.MisfitStripes), make([]*slot, metrics.MisfitStripes)
	for s := range stripes {
		stripes[s], slots[s] = make([]metrics.Misfit, v.size), v.newSlot()
	}
	for from := 0; from < v.data.Len(); from += metrics.MisfitStripes {
		if err := v.ended(ctx); err != nil {
			return out, err
		}
		v.team.do(min(metrics.MisfitStripes, v.data.Len()-from), func(w, i int) {
			s, frame := slots[i], &out.Frames[from+i]
			v.expect(v.works[w], s, from+i)
			counts := v.counts(s)
			for p, l := range s.lambda {
				if v.mask != nil && v.mask[p] == 0 {
					continue
				}
				lambda := float64(l)
				d := math.Sqrt(lambda) - math.Sqrt(float64(counts[p]))
				m := metrics.Misfit{Measured: d * d, Expected: physics.ExpectedMisfit(lambda)}
				for _, to := range []*metrics.Misfit{frame, &stripes[i][p]} {
					to.Measured += m.Measured
					to.Expected += m.Expected
				}
			}
		})
	}
	out.AddStripes(stripes)
	return out, v.data.Err()
}
