package solve

import (
	"context"
	"math"
)

// LSQML, least squares by maximum likelihood (Odstrčil, Menzel, Guizar-Sicairos, Opt. Express 26 (2018) 3108): directions
// for object and probe from a batch of patterns,
//
//	ΔO = ΣSᵀ_j conj(P)·χ_j / (ΣSᵀ_j|P|² + δ·max),   ΔP = Σ conj(O_j)·χ_j / (Σ|O_j|² + δ·max),
//
// then the steps a, b along them that minimise Σ‖χ_j − a·P·SjΔO − b·O_j·ΔP‖²: a system of two equations per batch. After
// each iteration the object continues along its recent changes as far as these agree (acceleration of the paper's section
// 2.6).

const (
	// lsqmlBatch is the number of patterns in a batch.
	lsqmlBatch = 64
	// lsqmlDark is δ: the brightness, relative to the brightest pixel, below which steps shrink.
	lsqmlDark = 0.1
	// lsqmlRelax is the share of the least-squares step that is taken: neighbouring batches share pixels.
	lsqmlRelax = 0.6
	// lsqmlMomentum is the largest share of the velocity that is kept, and added.
	lsqmlMomentum = 0.5
)

type lsqml struct {
	v         *solver
	direction []complex64   // of the canvas
	probe     [][]complex64 // direction of the probe
	light     []complex64   // ΣSᵀ|P|² of the canvas, in the real parts
	sum       []complex64   // |P|² as a slot's sums
	bright    []float32     // Σ|O_j|²
	before    []complex64   // the object before the iteration
	change    []complex64   // of the last iteration
	velocity  []complex64
}

func (v *solver) newLSQML() *lsqml {
	l := &lsqml{v: v, direction: make([]complex64, len(v.object)), light: make([]complex64, len(v.object)), velocity: make([]complex64, len(v.object)),
		sum: make([]complex64, (v.n+2)*(v.n+1)+1), bright: make([]float32, v.size)}
	for range v.probe {
		l.probe = append(l.probe, make([]complex64, v.size))
	}
	return l
}

func (l *lsqml) iterate(ctx context.Context, number int) (Iteration, error) {
	v := l.v
	batches, _ := v.batches(number, len(v.slots), 0)
	sums := v.newTally()
	l.before = append(l.before[:0], v.object...)
	for _, batch := range batches {
		if err := v.ended(ctx); err != nil {
			return Iteration{}, err
		}
		slots := v.slots[:len(batch)]
		v.each(len(batch), func(w, i int) {
			wk, s := v.works[w], slots[i]
			v.expect(wk, s, batch[i])
			v.compare(s, false)
			v.correct(wk, s)
			v.project(wk, s, v.probe)
			v.fitFrame(wk, s)
		})
		sums.add(slots)
		l.directions(slots)
		v.each(len(slots), func(w, i int) { l.equations(v.works[w], slots[i]) })
		a, c := l.steps(slots)
		fall := v.slow * v.o.fall(number)
		l.move(a*fall*float32(v.o.ObjectStep), c*fall*float32(v.o.ProbeStep))
	}
	l.accelerate()
	return sums.finish(number)
}

// directions computes ΔO and ΔP, bands in parallel.
func (l *lsqml) directions(slots []*slot) {
	v := l.v
	peak := float32(0)
	for i, a := range v.probeIntensity() {
		l.sum[(i/v.n+1)*(v.n+1)+1+i%v.n] = complex(a, 0)
		peak = max(peak, a)
	}
	objectBands := (v.h + band - 1) / band
	v.team.do(objectBands+(v.n+band-1)/band, func(_, b int) {
		if b < objectBands {
			from, to := b*band, min((b+1)*band, v.h)
			d, light := l.direction[from*v.w:to*v.w], l.light[from*v.w:to*v.w]
			clear(d)
			clear(light)
			for _, s := range slots {
				v.addPatch(l.direction, s, from, to, 1)
				v.addPatchAt(l.light, l.sum, s.j, from, to, 1)
			}
			for i, c := range light {
				if a := real(c); a > 0 {
					d[i] = times(1/(a+lsqmlDark*peak), d[i])
				}
			}
			return
		}
		from := (b - objectBands) * band * v.n
		to := min(from+band*v.n, v.size)
		bright := l.bright[from:to]
		clear(bright)
		for _, s := range slots {
			addIntensity(bright, s.patch[from:to], 1)
		}
		top := lsqmlDark * largest(bright)
		for m := range l.probe {
			d := l.probe[m][from:to]
			clear(d)
			for _, s := range slots {
				addMultiplyConj(d, s.patch[from:to], s.waves[m][from:to])
			}
			for i, c := range d {
				d[i] = times(1/(bright[i]+top), c)
			}
		}
	})
}

// equations computes a pattern's part of the least-squares system: aa, ab, bb on the left, ra, rb on the right.
func (l *lsqml) equations(wk *work, s *slot) {
	v := l.v
	v.cut(wk.scratch, l.direction, v.top[s.j], v.left[s.j])
	s.system = [5]float64{}
	for m, chi := range s.waves {
		for i := range v.n {
			var r [5]float32 // of one row
			at := i * v.n
			d, p, o, dp, c := wk.scratch[at:at+v.n], v.probe[m][at:at+v.n], s.patch[at:at+v.n], l.probe[m][at:at+v.n], chi[at:at+v.n]
			for x := range d {
				a, b := p[x]*d[x], o[x]*dp[x]
				r[0] += abs2(a)
				r[1] += real(a)*real(b) + imag(a)*imag(b)
				r[2] += abs2(b)
				r[3] += real(a)*real(c[x]) + imag(a)*imag(c[x])
				r[4] += real(b)*real(c[x]) + imag(b)*imag(c[x])
			}
			for q := range r {
				s.system[q] += float64(r[q])
			}
		}
	}
}

// steps solves the batch's system.
func (l *lsqml) steps(slots []*slot) (a, b float32) {
	var e [5]float64
	for _, s := range slots {
		for q := range e {
			e[q] += s.system[q]
		}
	}
	if !l.v.o.Fit.Probe {
		if e[0] == 0 {
			return 0, 0
		}
		return lsqmlRelax * float32(e[3]/e[0]), 0
	}
	// A small addition to the diagonal keeps the system solvable if both directions are equivalent.
	e[0], e[2] = e[0]*(1+dark), e[2]*(1+dark)
	det := e[0]*e[2] - e[1]*e[1]
	if !(det > 0) {
		return 0, 0
	}
	return lsqmlRelax * float32((e[2]*e[3]-e[1]*e[4])/det), lsqmlRelax * float32((e[0]*e[4]-e[1]*e[3])/det)
}

func (l *lsqml) move(a, b float32) {
	v := l.v
	bands := (v.h + band - 1) / band
	v.team.do(bands, func(_, i int) {
		from, to := i*band*v.w, min((i+1)*band, v.h)*v.w
		o, d := v.object[from:to], l.direction[from:to]
		for x, c := range d {
			o[x] += times(a, c)
		}
	})
	if !v.o.Fit.Probe {
		return
	}
	for m, mode := range v.probe {
		for i, c := range l.probe[m] {
			mode[i] += times(b, c)
		}
	}
}

// accelerate adds the velocity, weighted by the correlation of the last two changes.
func (l *lsqml) accelerate() {
	v := l.v
	change := make([]complex64, len(v.object))
	var both, now, last float64
	for i, c := range v.object {
		d := c - l.before[i]
		change[i] = d
		now += float64(abs2(d))
		if l.change != nil {
			e := l.change[i]
			last += float64(abs2(e))
			both += float64(real(d)*real(e) + imag(d)*imag(e))
		}
	}
	if last > 0 && now > 0 && both > 0 {
		f := float32(lsqmlMomentum * both / math.Sqrt(now*last))
		for i, d := range change {
			l.velocity[i] = times(f, l.velocity[i]+d)
			v.object[i] += l.velocity[i]
		}
	}
	l.change = change
}
