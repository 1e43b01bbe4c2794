package examine

// patches bounds the steps of patched; settled is the share of the first gradient's power at which it ends.
const patches, settled = 60, 1e-10

// patched returns a transform with those values of bad pixels for which it has the least power at the shifts where content is at most most, by conjugate
// gradients. What is left is the power of the known pixels alone: without gains the right values leave photon noise, and the best ones not more.
func (p *profile) patched(s *spectrum, t []complex128, content []float64, most float64) []complex128 {
	wave := make([]complex128, len(t))
	// tested keeps the shifts that are tested of the image in wave, and returns its values at the bad pixels.
	tested := func(out []float64) {
		s.plan.InverseCentred(wave, wave, &s.work)
		for i, c := range content {
			if c > most {
				wave[i] = 0
			}
		}
		s.plan.ForwardCentred(wave, wave, &s.work)
		for i, bad := range p.bad {
			if bad {
				out[i] = real(wave[i])
			}
		}
	}
	image, left, step, of := make([]complex128, len(t)), make([]float64, len(t)), make([]float64, len(t)), make([]float64, len(t))
	s.plan.ForwardCentred(image, t, &s.work)
	copy(wave, image)
	tested(left)
	for i, v := range left {
		left[i], step[i] = -v, -v
	}
	power := product(left, left)
	for first, k := power, 0; k < patches && power > settled*first; k++ {
		for i, v := range step {
			wave[i] = complex(v, 0)
		}
		tested(of)
		curve := product(step, of)
		if !(curve > 0) {
			break
		}
		length := power / curve
		for i, v := range step {
			image[i] += complex(length*v, 0)
			left[i] -= length * of[i]
		}
		before := power
		power = product(left, left)
		for i, v := range left {
			step[i] = v + power/before*step[i]
		}
	}
	s.plan.InverseCentred(image, image, &s.work)
	return image
}
