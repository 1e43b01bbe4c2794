package solve

import (
	"context"
	"fmt"
)

// Projections onto two sets of exit waves ψ_j: those with the measured amplitudes (Π_F), and those given by one object
// and one probe (Π_O).
//
//	difference map  ψ ← ψ + Π_F(2Π_Oψ − ψ) − Π_Oψ
//	                (Elser, J. Opt. Soc. Am. A 20 (2003) 40; Thibault, Dierolf, Bunk, Menzel, Pfeiffer, Ultramicroscopy
//	                109 (2009) 338)
//	RAAR            ψ ← β·Π_O(2Π_Fψ − ψ) + (1−2β)·Π_Fψ + β·ψ
//	                (Luke, Inverse Problems 21 (2005) 37; Marchesini et al., J. Appl. Cryst. 49 (2016) 1245)
//
// Π_O is a least-squares fit, min Σ‖ψ_j − P·O_j‖². Its solution is approached from the last object and probe by one
// preconditioned gradient step an iteration,
//
//	O += ΣSᵀ_j conj(P)·(ψ_j − P·O_j) / ΣSᵀ_j|P|²,   P += Σ conj(O_j)·(ψ_j − P·O_j) / Σ|O_j|²,
//
// with S_j the sampling of a patch. At whole pixels this is the solution; between pixels the step preserves the
// fractions of positions that a plain average would blur. If object and probe both move, each takes half a step: both
// would correct the same difference. All exit waves are kept: 8·N² bytes per pattern and mode.

// raarBeta is the relaxation of RAAR, from the papers above.
const raarBeta = 0.75

// dark regularises quotients by intensities, relative to the largest.
const dark = 1e-3

// projections is the state of a run.
type projections struct {
	v     *solver
	waves [][][]complex64 // [patterns][modes][size]: ψ; for RAAR (1−2β)Π_Fψ + βψ
}

func (v *solver) newProjections() (*projections, error) {
	const most = 1 << 36 // 64 GiB
	if values := int64(v.data.Len()) * int64(len(v.probe)) * int64(v.size); values > most/8 {
		return nil, fmt.Errorf("--engine %s keeps all exit waves, %d GiB: use epie or lsqml for this scan", v.o.Engine, values*8>>30)
	}
	p := &projections{v: v, waves: make([][][]complex64, v.data.Len())}
	v.team.do(len(p.waves), func(w, j int) {
		patch := v.works[w].scratch
		v.cut(patch, v.object, v.top[j], v.left[j])
		for _, mode := range v.probe {
			wave := make([]complex64, v.size)
			multiply(wave, mode, patch)
			if v.o.Engine == RAAR { // the first iteration adds β·P·O
				for i := range wave {
					wave[i] = times(1-raarBeta, wave[i])
				}
			}
			p.waves[j] = append(p.waves[j], wave)
		}
	})
	return p, nil
}

// turn multiplies the waves by a factor of the object.
func (p *projections) turn(factor []complex64) {
	v := p.v
	v.team.do(len(p.waves), func(w, j int) {
		patch := v.works[w].scratch
		v.cut(patch, factor, v.top[j], v.left[j])
		for _, wave := range p.waves[j] {
			multiply(wave, wave, patch)
		}
	})
}

func (p *projections) iterate(ctx context.Context, number int) (Iteration, error) {
	v := p.v
	sums := v.newTally()
	object := make([]complex64, len(v.object)) // Σ Sᵀ conj(P)·(ψ − P·O)
	probe, bright := make([][]complex64, len(v.probe)), make([]float32, v.size)
	for m := range probe {
		probe[m] = make([]complex64, v.size)
	}
	weight := v.coverage() // before the slots hold waves
	for from := 0; from < v.data.Len(); from += len(v.slots) {
		if err := v.ended(ctx); err != nil {
			return Iteration{}, err
		}
		slots := v.slots[:min(len(v.slots), v.data.Len()-from)]
		v.each(len(slots), func(w, i int) { p.advance(v.works[w], slots[i], from+i) })
		sums.add(slots)
		v.addSums(object, slots, 1)
		if v.o.Fit.Probe {
			p.addProbe(probe, bright, slots)
		}
	}
	peak := v.peak()
	top := float32(0)
	for _, a := range weight.Data {
		top = max(top, float32(a))
	}
	share := v.slow
	if v.o.Fit.Probe {
		share /= 2
	}
	for i, c := range object {
		v.object[i] += times(share*float32(v.o.ObjectStep)/(peak*(float32(weight.Data[i])+dark*top)), c)
	}
	if v.o.Fit.Probe {
		most := largest(bright)
		for m, mode := range v.probe {
			for i, c := range probe[m] {
				mode[i] += times(share*float32(v.o.ProbeStep)/(bright[i]+dark*most), c)
			}
		}
	}
	return sums.finish(number)
}

// advance updates the waves of pattern j and leaves ψ − P·O in the slot's waves, projected in its sums.
func (p *projections) advance(wk *work, s *slot, j int) {
	v := p.v
	v.expect(wk, s, j)
	v.compare(s, false)
	misfit, total, deviance := s.misfit, s.total, s.deviance
	// Input of the projection: 2P·O − ψ for the difference map, ψ for RAAR.
	product := wk.scratch
	for m, wave := range s.waves {
		multiply(product, v.probe[m], s.patch)
		kept := p.waves[j][m]
		if v.o.Engine == RAAR {
			for i, c := range product {
				wave[i] = kept[i] + times(raarBeta, c)
			}
			copy(kept, wave)
			continue
		}
		for i, c := range product {
			wave[i] = c + c - kept[i]
		}
	}
	v.farOfWaves(wk, s)
	v.compare(s, false)
	v.correct(wk, s)
	for m, wave := range s.waves {
		multiply(product, v.probe[m], s.patch)
		kept := p.waves[j][m]
		if v.o.Engine == RAAR { // kept is ψ, wave is Π_Fψ − ψ
			for i, c := range product {
				chi, psi := wave[i], kept[i]
				wave[i] = psi + chi + chi - c
				kept[i] = times(1-raarBeta, psi) + times(1-2*raarBeta, chi)
			}
			continue
		}
		for i, c := range product { // wave is Π_F(u) − u with u = 2P·O − ψ
			kept[i] = c + wave[i]
			wave[i] = kept[i] - c
		}
	}
	s.misfit, s.total, s.deviance = misfit, total, deviance
	v.project(wk, s, v.probe)
	v.fitFrame(wk, s)
}

// addProbe adds conj(O)·(ψ − P·O) and |O|² of the slots in their order.
func (p *projections) addProbe(probe [][]complex64, bright []float32, slots []*slot) {
	v := p.v
	v.team.do((v.n+band-1)/band, func(_, b int) {
		from, to := b*band*v.n, min((b+1)*band*v.n, v.size)
		for _, s := range slots {
			for m := range probe {
				addMultiplyConj(probe[m][from:to], s.patch[from:to], s.waves[m][from:to])
			}
			addIntensity(bright[from:to], s.patch[from:to], 1)
		}
	})
}
