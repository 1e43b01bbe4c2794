package solve

import "context"

// The ptychographic iterative engines. For a pattern with patch O_j and correction χ of the exit wave:
//
//	ePIE  O += α·conj(P)·χ/max|P|²,                       P += β·conj(O_j)·χ/max|O_j|²
//	      (Maiden, Rodenburg, Ultramicroscopy 109 (2009) 1256)
//	rPIE  O += conj(P)·χ/((1−α)|P|² + α·max|P|²),         P likewise
//	      (Maiden, Johnson, Li, Optica 4 (2017) 736)
//
// Both papers update pattern by pattern. Here the patterns of a batch start from the same object and probe, and
// their updates of the object are added. For patterns whose probes do not overlap this is equivalent. Batches
// are chosen that way; if a scan is too small for it, the step
// is divided by the number of patterns in one neighbourhood. The probe moves by the mean of the batch's updates.

// Steps of ePIE, from many trials, and the regularisation α of rPIE: aggressive values diverge on measured data.
const (
	epieObjectStep = 0.6
	epieProbeStep  = 0.6
	rpieAlpha      = 0.2
)

// pieBatch is the number of patterns in a batch. pieRun of them share their buffers: memory that moves between cores
// costs more than the idle ones among four.
const (
	pieBatch = 8
	pieRun   = 2
)

func (v *solver) pie(ctx context.Context, number int) (Iteration, error) {
	batches, crowd := v.batches(number, len(v.slots), v.breadth())
	sums := v.newTally()
	q := v.projector()
	for b, batch := range batches {
		if err := v.ended(ctx); err != nil {
			return Iteration{}, err
		}
		slots := v.slots[:len(batch)]
		v.prepareProjector(q)
		v.each(len(batch), func(w, i int) {
			wk, s := v.works[w], slots[i]
			v.expect(wk, s, batch[i])
			v.compare(s, false)
			v.correct(wk, s)
			v.project(wk, s, q)
			s.most = maxIntensity(s.patch)
			v.fitFrame(wk, s)
			v.share(s, i)
		})
		sums.add(slots)
		step := v.slow * float32(v.o.ObjectStep) / float32(crowd[b])
		if v.o.Engine == EPIE {
			step *= epieObjectStep / v.peak()
		}
		v.addToBoth(slots, step)
	}
	return sums.finish(number)
}

// projector allocates the factor of the corrections: the probe itself for ePIE, else the probe over its denominator.
func (v *solver) projector() [][]complex64 {
	if v.o.Engine == EPIE {
		return v.probe
	}
	q := make([][]complex64, len(v.probe))
	for m := range q {
		q[m] = make([]complex64, v.size)
	}
	return q
}

// prepareProjector computes P/((1−α)Σ|P|² + α·max Σ|P|²) for all engines except ePIE.
func (v *solver) prepareProjector(q [][]complex64) {
	if v.o.Engine == EPIE {
		return
	}
	intensity := v.probeIntensity()
	top := largest(intensity)
	v.team.do((v.n+band-1)/band, func(_, b int) {
		for i := b * band * v.n; i < min((b+1)*band*v.n, v.size); i++ {
			f := 1 / ((1-rpieAlpha)*intensity[i] + rpieAlpha*top)
			for m := range q {
				q[m][i] = times(f, v.probe[m][i])
			}
		}
	})
}

// probeIntensity returns Σ_modes|P|².
func (v *solver) probeIntensity() []float32 {
	out := make([]float32, v.size)
	for _, mode := range v.probe {
		addIntensity(out, mode, 1)
	}
	return out
}

// peak returns max Σ_modes|P|².
func (v *solver) peak() float32 {
	if len(v.probe) == 1 {
		return maxIntensity(v.probe[0])
	}
	return largest(v.probeIntensity())
}

func largest(x []float32) float32 {
	most := float32(0)
	for _, a := range x {
		most = max(most, a)
	}
	return most
}

// addToBoth adds step times the slots' sums to the object and, if the probe is fitted, the mean of conj(O)·χ over its
// denominator to the probe: bands of both in parallel, the slots in order.
func (v *solver) addToBoth(slots []*slot, step float32) {
	objectBands := (v.h + band - 1) / band
	probeBands := 0
	if v.o.Fit.Probe {
		probeBands = (v.n + band - 1) / band
	}
	top := float32(0)
	for _, s := range slots {
		top += s.most
	}
	probeStep := epieProbeStep * v.slow * float32(v.o.ProbeStep) / top
	v.team.do(objectBands+probeBands, func(w, b int) {
		if b < objectBands {
			for _, s := range slots {
				v.addPatch(v.object, s, b*band, min((b+1)*band, v.h), step)
			}
			return
		}
		from := (b - objectBands) * band * v.n
		to := min(from+band*v.n, v.size)
		update := v.works[w].scratch[from:to]
		for m, mode := range v.probe {
			clear(update)
			for r := range (len(slots) + pieRun - 1) / pieRun {
				for i, c := range v.shares[r][m][from:to] {
					update[i] += c
				}
			}
			for i, u := range update {
				mode[from+i] += times(probeStep, u)
			}
		}
	})
}

// share adds conj(O)·χ of slot i to the sum of its run.
func (v *solver) share(s *slot, i int) {
	if !v.o.Fit.Probe {
		return
	}
	for m, wave := range s.waves {
		if i%pieRun == 0 {
			multiplyConj(v.shares[i/pieRun][m], s.patch, wave)
		} else {
			addMultiplyConj(v.shares[i/pieRun][m], s.patch, wave)
		}
	}
}
