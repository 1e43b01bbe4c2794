package solve

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/physics"
)

// errDiverged reports numbers that are not finite.
var errDiverged = errors.New("the numbers are not finite")

// tally accumulates an iteration, pattern by pattern in the order of the batches.
type tally struct {
	v                *solver
	misfit, deviance float64
	ratio            []float64 // [size] Σ(1+g), if the background is fitted
	brightness       []float64 // Σk/Σλ of each pattern's coherent part, if the intensity is fitted
	moves            [][2]float64
}

func (v *solver) newTally() *tally {
	t := &tally{v: v}
	if v.o.Fit.Background {
		t.ratio = make([]float64, v.size)
	}
	if v.o.Fit.Intensity {
		t.brightness = slices.Repeat([]float64{1}, v.data.Len()) // of patterns that are held out
	}
	if v.o.Fit.Positions {
		t.moves = make([][2]float64, v.data.Len())
	}
	return t
}

// add adds the figures of a batch's slots.
func (t *tally) add(slots []*slot) {
	v := t.v
	for _, s := range slots {
		t.misfit += s.misfit
		t.deviance += s.deviance
		if t.brightness != nil {
			b := v.goodBackground()
			t.brightness[s.j] = (total(v.counts(s)) - b) / max(s.total-b, tinyIntensity)
		}
		if t.moves != nil {
			t.moves[s.j] = s.move
		}
	}
	if t.ratio == nil {
		return
	}
	v.team.do((v.n+band-1)/band, func(_, b int) {
		for _, s := range slots {
			for i := b * band * v.n; i < min((b+1)*band*v.n, v.size); i++ {
				t.ratio[i] += float64(1 + s.g[i])
			}
		}
	})
}

// finish applies the fits that take place once per iteration and returns the iteration's figures.
func (t *tally) finish(number int) (Iteration, error) {
	v := t.v
	it := Iteration{Number: number, R: t.misfit / v.photons, Deviance: t.deviance / v.pixels}
	if math.IsNaN(it.R) || math.IsInf(it.R, 0) {
		return it, errDiverged
	}
	if t.ratio != nil {
		v.fitBackground(t.ratio)
	}
	if t.brightness != nil {
		v.fitIntensity(t.brightness)
	}
	if t.moves != nil {
		v.fitPositions(t.moves, number)
	}
	if v.o.Fit.Probe {
		v.orthogonalise()
	}
	return it, nil
}

// fitIntensity multiplies each pattern's factor by the ratio of measured to expected photons. The mean stays 1;
// otherwise the probe would share it.
func (v *solver) fitIntensity(brightness []float64) {
	if v.levels != nil {
		v.byLevel(brightness)
	}
	mean := 0.0
	for j, b := range brightness {
		// The factor of a pattern without photons, or far off, must not become 0 or infinite at once.
		c := float64(v.intensity[j]) * min(max(b, 0.5), 2)
		v.intensity[j] = float32(c)
		mean += c / float64(len(brightness))
	}
	for j := range v.intensity {
		v.intensity[j] = float32(float64(v.intensity[j]) / mean)
	}
}

// byLevel replaces the brightness of each pattern by the mean of the fitted ones of its level of exposure.
func (v *solver) byLevel(brightness []float64) {
	sums, counts := map[int]float64{}, map[int]float64{}
	for _, j := range v.fitted() {
		sums[v.levels[j]] += brightness[j]
		counts[v.levels[j]]++
	}
	for j, l := range v.levels {
		if counts[l] > 0 {
			brightness[j] = sums[l] / counts[l]
		}
	}
}

// Final describes how well the result explains the patterns, all with the same model.
type Final struct {
	R        float64 `json:"R"`                 // Σ(√λ − √k)²/Σk over all patterns
	Deviance float64 `json:"deviance"`          // per pixel
	Expected float64 `json:"expected_deviance"` // of Poisson counts of these λ
}

// evaluate predicts every fitted pattern with the current model. The expected deviance takes as long as the rest and is
// computed only if wanted.
func (v *solver) evaluate(ctx context.Context, wanted bool) (Final, error) {
	var f Final
	rows := v.fitted()
	each := make([][3]float64, len(rows))
	for from := 0; from < len(rows); from += len(v.slots) {
		if err := v.ended(ctx); err != nil {
			return f, err
		}
		slots := v.slots[:min(len(v.slots), len(rows)-from)]
		v.each(len(slots), func(w, i int) {
			s := slots[i]
			v.expect(v.works[w], s, rows[from+i])
			v.compare(s, false)
			expected := 0.0
			for p, l := range s.lambda {
				if !wanted {
					break
				}
				if v.mask == nil || v.mask[p] != 0 {
					expected += physics.ExpectedDeviance(float64(l))
				}
			}
			each[from+i] = [3]float64{s.misfit, s.deviance, expected}
		})
	}
	for _, e := range each {
		f.R += e[0] / v.photons
		f.Deviance += e[1] / v.pixels
		f.Expected += e[2] / v.pixels
	}
	if math.IsNaN(f.R) || math.IsInf(f.R, 0) {
		return f, errDiverged
	}
	return f, nil
}
