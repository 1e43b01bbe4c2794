package solve

import (
	"math"

	"github.com/ptychogo/ptycho/core/fft"
)

// work holds a goroutine's buffers.
type work struct {
	fourier fft.Work
	scratch []complex64 // [size]
}

// slot holds the intermediate results of one pattern of a batch.
type slot struct {
	j      int           // the pattern
	patch  []complex64   // [size] of the object
	waves  [][]complex64 // [modes][size] exit waves, their far fields, or their corrections
	lambda []float32     // [size] expected counts
	g      []float32     // [size] factor that corrects the far field
	// sum [n+2, n+1] is added to the canvas: with one row of zeros above and below and one column of zeros to the left,
	// so that every pixel of the canvas has four neighbours.
	sum []complex64

	misfit   float64 // Σ(√λ − √k)²
	total    float64 // Σλ
	deviance float64 // Σ 2(λ − k + k·ln(k/λ))
	most     float32 // max|patch|²
	move     [2]float64
	counts   []float32  // [size] of the pattern, where the scan's patterns are in a file
	system   [5]float64 // least-squares equations, see lsqml.go
}

func (v *solver) newSlots(count int) {
	for range count {
		s := v.newSlot()
		s.sum = make([]complex64, (v.n+2)*(v.n+1)+1)
		v.slots = append(v.slots, s)
	}
}

// newSlot returns a slot without memory for sums.
func (v *solver) newSlot() *slot {
	s := &slot{patch: make([]complex64, v.size), lambda: make([]float32, v.size), g: make([]float32, v.size)}
	if v.data.Stored != nil {
		s.counts = make([]float32, v.size)
	}
	for range v.probe {
		s.waves = append(s.waves, make([]complex64, v.size))
	}
	return s
}

// shareBuffers lets each run of count slots, processed in sequence, share the buffers of its first slot, which stay in
// the cache of one core. Results read after the run are separate per slot: its sums, and g for the background.
func (v *solver) shareBuffers(count int) {
	v.together = count
	for i, s := range v.slots {
		first := v.slots[i-i%count]
		s.patch, s.waves, s.lambda, s.counts = first.patch, first.waves, first.lambda, first.counts
		if !v.o.Fit.Background {
			s.g = first.g
		}
	}
}

// counts returns the counts of a slot's pattern, which are read again for each call where the scan's patterns are in a file. An error of
// the file ends the run at its next check of v.ended.
func (v *solver) counts(s *slot) []float32 {
	if v.data.Stored == nil {
		return v.data.Pattern(s.j)
	}
	v.data.Fill(s.counts, s.j)
	return s.counts
}

// each calls f for every slot below n. Runs of v.together slots are processed in order on one goroutine.
func (v *solver) each(n int, f func(worker, i int)) {
	run := max(v.together, 1)
	v.team.do((n+run-1)/run, func(w, r int) {
		for i := r * run; i < min((r+1)*run, n); i++ {
			f(w, i)
		}
	})
}

// row returns row i of the patch's sums, the n values after the zero.
func (s *slot) row(i, n int) []complex64 { return s.sum[(i+1)*(n+1)+1:][:n] }

// locate returns the whole pixel and the bilinear weights of a patch with pixel (0, 0) at (top, left) of the canvas.
func locate(top, left float64) (k, l int, w [4]float32) {
	ky, kx := math.Floor(top), math.Floor(left)
	fy, fx := top-ky, left-kx
	return int(ky), int(kx), [4]float32{float32((1 - fy) * (1 - fx)), float32((1 - fy) * fx), float32(fy * (1 - fx)), float32(fy * fx)}
}

// cut samples the patch at (top, left) from an image of the canvas's size, bilinearly.
func (v *solver) cut(patch, image []complex64, top, left float64) {
	k, l, w := locate(top, left)
	for i := range v.n {
		at := (k+i)*v.w + l
		gather(patch[i*v.n:(i+1)*v.n], image[at:at+v.n+1], image[at+v.w:at+v.w+v.n+1], &w)
	}
}

// addPatch adds the rows [from, to) of the canvas of a slot's sums, times scale, to image: the adjoint of cut.
func (v *solver) addPatch(image []complex64, s *slot, from, to int, scale float32) {
	v.addPatchAt(image, s.sum, s.j, from, to, scale)
}

// addPatchAt adds the sums of pattern j, as addPatch does.
func (v *solver) addPatchAt(image, sum []complex64, j, from, to int, scale float32) {
	n := v.n
	k, l, w := locate(v.top[j], v.left[j])
	for q := range w {
		w[q] *= scale
	}
	// Row y is weighted from rows y−k and y−k−1 of the patch, column x from columns x−l and x−l−1.
	w = [4]float32{w[1], w[0], w[3], w[2]}
	for y := max(from, k); y < min(to, k+n+1); y++ {
		a, b := (y-k+1)*(n+1), (y-k)*(n+1)
		addGather(image[y*v.w+l:][:n+1], sum[a:a+n+2], sum[b:b+n+2], &w)
	}
}

// expect computes patch, far fields and expected counts of pattern j:
//
//	λ = c_j·Σ_modes |F(P·O_j)|² + background
func (v *solver) expect(wk *work, s *slot, j int) {
	s.j = j
	v.cut(s.patch, v.object, v.top[j], v.left[j])
	v.far(wk, s, func(m int) fft.Source {
		return fft.Source{Image: s.patch, Factor: fft.TimesBy, By: v.probe[m]}
	})
}

// farOfWaves does the work of expect for the slot's exit waves.
func (v *solver) farOfWaves(wk *work, s *slot) {
	v.far(wk, s, func(m int) fft.Source { return fft.Source{Image: s.waves[m]} })
}

// far transforms the exit waves, times √c_j, and adds up the expected counts.
func (v *solver) far(wk *work, s *slot, wave func(m int) fft.Source) {
	if v.background == nil {
		clear(s.lambda)
	} else {
		copy(s.lambda, v.background)
	}
	scale := sqrt32(v.intensity[s.j])
	for m := range s.waves {
		v.plan.Transform(fft.Target{Image: s.waves[m], Intensity: s.lambda, Scale: scale}, wave(m), fft.ForwardCentred, &wk.fourier)
	}
	if v.mask != nil {
		for i, m := range v.mask {
			s.lambda[i] *= m
		}
	}
}

// compare computes a slot's factors g, misfit and deviance from the expected counts, with the likelihood's factor if
// poisson, else the amplitude's.
func (v *solver) compare(s *slot, poisson bool) {
	k := v.counts(s)
	if poisson {
		s.misfit, s.total = poissonFactor(s.g, s.lambda, k)
	} else {
		s.misfit, s.total = amplitudeFactor(s.g, s.lambda, k)
	}
	s.deviance = 2 * halfDeviance(s.lambda, k)
	if v.mask != nil {
		for i, m := range v.mask {
			s.g[i] *= m
		}
	}
}

// correct converts the far fields to the corrections of the exit waves, χ = F⁻¹(g·F(P·O)). Masked pixels keep the
// model's value, because g is 0 there. With the amplitude's g, P·O + χ is the exit wave with the measured amplitudes;
// −χ is also half the gradient of Σ(√λ − √k)² by the exit wave, and with the likelihood's g that of Σ(λ − k·ln λ).
func (v *solver) correct(wk *work, s *slot) {
	scale := 1 / sqrt32(v.intensity[s.j])
	for _, wave := range s.waves {
		v.plan.Transform(fft.Target{Image: wave, Scale: scale}, fft.Source{Image: wave, Factor: fft.TimesReal, Real: s.g}, fft.InverseCentred, &wk.fourier)
	}
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// project sets the slot's sums to Σ_modes conj(q)·χ.
func (v *solver) project(wk *work, s *slot, q [][]complex64) {
	n := v.n
	for m, wave := range s.waves {
		for i := range n {
			dst := s.row(i, n)
			if m == 0 {
				multiplyConj(dst, q[m][i*n:(i+1)*n], wave[i*n:(i+1)*n])
			} else {
				addMultiplyConj(dst, q[m][i*n:(i+1)*n], wave[i*n:(i+1)*n])
			}
		}
	}
}

// band is the number of rows that a goroutine processes at a time in sums over patterns.
const band = 16

// addSums adds the sums of the slots to image in their order, bands of rows in parallel.
func (v *solver) addSums(image []complex64, slots []*slot, scale float32) {
	v.team.do((v.h+band-1)/band, func(_, b int) {
		for _, s := range slots {
			v.addPatch(image, s, b*band, min((b+1)*band, v.h), scale)
		}
	})
}
