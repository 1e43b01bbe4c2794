package solve

import (
	"context"
	"math"
)

const (
	// heldOutEvery is the number of iterations between predictions of the held-out patterns, heldOutPatience the number of
	// predictions without a fall of heldOutProgress, relative, after which a fit ends.
	heldOutEvery    = 5
	heldOutPatience = 2
	heldOutProgress = 2e-3
	// leadAfter is the number of predictions after which a trial that does not lead its rival ends.
	leadAfter = 3
	// adaptRounds is the number of steps for positions and factors of held-out patterns.
	adaptRounds = 12
)

// prediction holds the misfits of held-out patterns, as misfits returns them, after the iterations that predict them best.
type prediction struct {
	each       []float64
	iterations int
	course     []float64 // the residual after every heldOutEvery iterations
}

// leads reports whether a fit with the course so far may still end below a rival: it is below the rival's residual after as many
// iterations. The first predictions, in which everything falls quickly, do not count.
func leads(course, rival []float64) bool {
	n := len(course)
	return n < leadAfter || n > len(rival) || course[n-1] < rival[n-1]
}

// predictWhile fits the other patterns until the residual of the patterns out stops falling, or no longer leads that of a rival.
// Without a rival it is nil.
func (v *solver) predictWhile(ctx context.Context, out []int, rival []float64) (prediction, error) {
	best, waited := prediction{}, 0
	var course []float64
	v.check = func(number int) (bool, error) {
		if number%heldOutEvery != 0 && number != v.o.Iterations {
			return false, nil
		}
		if err := v.adapt(ctx, out); err != nil {
			return false, err
		}
		each, err := v.misfits(ctx, out)
		if err != nil {
			return false, err
		}
		now, before := sum(each), math.Inf(1)
		if best.each != nil {
			before = sum(best.each)
		}
		if waited++; now < before*(1-heldOutProgress) {
			waited = 0
		}
		if now < before || best.each == nil {
			best = prediction{each: each, iterations: number}
		}
		course = append(course, now)
		return waited >= heldOutPatience || !leads(course, rival), nil
	}
	err := v.search(ctx, &Result{})
	best.course = course
	if err == nil && best.each == nil {
		err = ErrDiverged
	}
	return best, err
}

// adapt fits positions and factors of the patterns rows, with object and probe as they are.
func (v *solver) adapt(ctx context.Context, rows []int) error {
	if !v.o.Fit.Positions && !v.o.Fit.Intensity {
		return nil
	}
	background := v.goodBackground()
	for range adaptRounds {
		for from := 0; from < len(rows); from += len(v.slots) {
			if err := v.ended(ctx); err != nil {
				return err
			}
			slots := v.slots[:min(len(v.slots), len(rows)-from)]
			v.each(len(slots), func(w, i int) {
				s := slots[i]
				v.expect(v.works[w], s, rows[from+i])
				v.compare(s, false)
				v.correct(v.works[w], s)
				v.fitFrame(v.works[w], s)
			})
			for _, s := range slots {
				v.adaptFrame(s, background)
			}
		}
	}
	return nil
}

// adaptFrame moves the position of a slot's pattern and changes its factor.
func (v *solver) adaptFrame(s *slot, background float64) {
	if v.o.Fit.Positions {
		for axis, p := range []struct{ at, given []float64 }{{v.top, v.top0}, {v.left, v.left0}} {
			move := min(max(s.move[axis], -maxMove), maxMove)
			if !math.IsNaN(move) {
				p.at[s.j] = p.given[s.j] + bounded(p.at[s.j]+move-p.given[s.j], v.o.PositionBound)
			}
		}
	}
	if v.o.Fit.Intensity {
		ratio := (total(v.counts(s)) - background) / max(s.total-background, tinyIntensity)
		v.intensity[s.j] *= float32(min(max(ratio, 0.5), 2))
	}
}

// misfits returns Σ(√λ − √k)² of each of the patterns, over the sum of their counts.
func (v *solver) misfits(ctx context.Context, rows []int) ([]float64, error) {
	out := make([]float64, len(rows))
	photons := 0.0
	for from := 0; from < len(rows); from += len(v.slots) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		slots := v.slots[:min(len(v.slots), len(rows)-from)]
		v.each(len(slots), func(w, i int) {
			v.expect(v.works[w], slots[i], rows[from+i])
			v.compare(slots[i], false)
			out[from+i] = slots[i].misfit
		})
	}
	for _, j := range rows {
		v.slots[0].j = j
		photons += total(v.counts(v.slots[0]))
	}
	for i := range out {
		out[i] /= max(photons, 1)
	}
	return out, nil
}

// holdOut excludes every fourth pattern from the fit, and returns it.
func (v *solver) holdOut() (out []int) {
	good := v.pixels / float64(v.data.Len())
	for j := range v.data.Len() {
		if j%heldOut != heldOut/2 {
			v.members = append(v.members, j)
			continue
		}
		out = append(out, j)
		v.pixels -= good
		v.photons -= total(v.data.Pattern(j))
	}
	return out
}

// fitted returns the patterns that are not held out.
func (v *solver) fitted() []int {
	if v.members != nil {
		return v.members
	}
	all := make([]int, v.data.Len())
	for j := range all {
		all[j] = j
	}
	return all
}

// total returns the photons of a pattern.
func total(counts []float32) float64 {
	sum := 0.0
	for _, k := range counts {
		sum += float64(k)
	}
	return sum
}
