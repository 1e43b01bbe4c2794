package solve

import (
	"context"
	"math"
)

// Gradient descent on the Poisson likelihood, L = Σ(λ − k·ln λ), with Adam (Kingma, Ba, ICLR 2015); the likelihood is
// that of Thibault, Guizar-Sicairos, New J. Phys. 14 (2012) 063004. The gradients by conj(O) and conj(P) are
//
//	−ΣSᵀ_j conj(P)·χ_j  and  −Σ conj(O_j)·χ_j  with  χ_j = F⁻¹((k/λ − 1)·F(P·O_j)).
//
// Division by the brightest pixel's ΣSᵀ|P|² and Σ|O|² gives them the units of the object and of the probe. Adam's ε is
// a part of that unit, so that unlit pixels stay constant instead of following noise. Real and
// imaginary parts share their second moment: a step does not depend on the object's phase. Rates fall by half a cosine
// to a tenth over the run.

const (
	adamObjectRate = 0.04
	adamProbeRate  = 0.02 // of the probe's root mean square over its diameter
	adamBeta1      = 0.9
	adamBeta2      = 0.99
	adamEpsilon    = 3e-3
	adamBatch      = 64
)

type adam struct {
	v         *solver
	steps     int
	top       float32 // brightest ΣSᵀ|P|² of the canvas
	object    moments
	probe     []moments
	canvas    []complex64
	corrected [][]complex64
}

type moments struct {
	first  []complex64
	second []float32
}

func newMoments(n int) moments { return moments{make([]complex64, n), make([]float32, n)} }

func (v *solver) newAdam() *adam {
	a := &adam{v: v, object: newMoments(len(v.object)), canvas: make([]complex64, len(v.object))}
	for range v.probe {
		a.probe = append(a.probe, newMoments(v.size))
		a.corrected = append(a.corrected, make([]complex64, v.size))
	}
	for _, c := range v.coverage().Data {
		a.top = max(a.top, float32(c))
	}
	a.top *= v.peak()
	return a
}

func (a *adam) iterate(ctx context.Context, number int) (Iteration, error) {
	v := a.v
	batches, _ := v.batches(number, len(v.slots), 0)
	sums := v.newTally()
	decay := float32(0.55 + 0.45*math.Cos(math.Pi*float64(number-1)/float64(v.o.Iterations)))
	for _, batch := range batches {
		if err := v.ended(ctx); err != nil {
			return Iteration{}, err
		}
		slots := v.slots[:len(batch)]
		v.each(len(batch), func(w, i int) {
			wk, s := v.works[w], slots[i]
			v.expect(wk, s, batch[i])
			v.compare(s, true)
			v.correct(wk, s)
			v.project(wk, s, v.probe)
			s.most = maxIntensity(s.patch)
			v.fitFrame(wk, s)
		})
		sums.add(slots)
		a.step(slots, decay*v.slow)
	}
	return sums.finish(number)
}

// step moves object and probe.
func (a *adam) step(slots []*slot, rate float32) {
	v := a.v
	a.steps++
	objectBands := (v.h + band - 1) / band
	probeBands := 0
	if v.o.Fit.Probe {
		probeBands = (v.n + band - 1) / band
	}
	top := float32(0)
	for _, s := range slots {
		top += s.most
	}
	unit := a.top * float32(len(slots)) / float32(len(v.fitted()))
	// The probe's unit: the root mean square amplitude of a disk of the probe's diameter.
	level := float32(math.Sqrt(v.probePower()) / max(v.breadth(), 1))
	v.team.do(objectBands+probeBands, func(_, b int) {
		if b < objectBands {
			from, to := b*band, min((b+1)*band, v.h)
			g := a.canvas[from*v.w : to*v.w]
			clear(g)
			for _, s := range slots {
				v.addPatch(a.canvas, s, from, to, 1/unit)
			}
			a.object.move(v.object[from*v.w:to*v.w], g, from*v.w, rate*adamObjectRate*float32(v.o.ObjectStep), 1, a.steps)
			return
		}
		from := (b - objectBands) * band * v.n
		to := min(from+band*v.n, v.size)
		for m, mode := range v.probe {
			g := a.corrected[m][from:to]
			clear(g)
			for _, s := range slots {
				addMultiplyConj(g, s.patch[from:to], s.waves[m][from:to])
			}
			for i := range g {
				g[i] = times(1/top, g[i])
			}
			a.probe[m].move(mode[from:to], g, from, rate*adamProbeRate*level*float32(v.o.ProbeStep), level, a.steps)
		}
	})
}

// move takes Adam's step for the values x from index at, with the gradient −g.
func (m *moments) move(x, g []complex64, at int, rate, unit float32, steps int) {
	c1 := float32(1 / (1 - math.Pow(adamBeta1, float64(steps))))
	c2 := float32(1 / (1 - math.Pow(adamBeta2, float64(steps))))
	first, second := m.first[at:at+len(x)], m.second[at:at+len(x)]
	for i, d := range g {
		f := times(adamBeta1, first[i]) + times(1-adamBeta1, d)
		s := adamBeta2*second[i] + (1-adamBeta2)*abs2(d)
		first[i], second[i] = f, s
		x[i] += times(rate*c1/(float32(math.Sqrt(float64(s*c2)))+adamEpsilon*unit), f)
	}
}
