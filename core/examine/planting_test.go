package examine

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

func setPixels(s *scan.Scan, pixels map[int]bool, value float32) {
	each(s, func(_, i int, k float32) float32 {
		if pixels[i] {
			return value
		}
		return k
	})
}

func shift(s *scan.Scan, dy, dx int) {
	old := slices.Clone(s.Counts)
	each(s, func(f, i int, _ float32) float32 {
		return old[f*s.N*s.N+(i/s.N-dy+s.N)%s.N*s.N+(i%s.N-dx+s.N)%s.N]
	})
	if mask := s.Mask; mask != nil {
		s.Mask = make([]uint8, len(mask))
		for i := range mask {
			s.Mask[(i/s.N+dy+s.N)%s.N*s.N+(i%s.N+dx+s.N)%s.N] = mask[i]
		}
	}
}

func move(s *scan.Scan, to func(float64) float64) {
	s.Rows, s.Cols = slices.Clone(s.Rows), slices.Clone(s.Cols)
	for i := range s.Rows {
		s.Rows[i], s.Cols[i] = to(s.Rows[i]), to(s.Cols[i])
	}
}

func image(s *scan.Scan, of func(y, x int) complex64) []complex64 {
	out := make([]complex64, s.N*s.N)
	for i := range out {
		out[i] = of(i/s.N, i%s.N)
	}
	return out
}

// means returns the sum of all frames.
func means(s *scan.Scan) []float64 {
	sum := make([]float64, s.N*s.N)
	for i, k := range s.Counts {
		sum[i%len(sum)] += float64(k)
	}
	return sum
}

// plantDead makes three pixels of a brightness dead, away from each other and from the edge.
func plantDead(s *scan.Scan, rng *rand.Rand, share float64) {
	sum := means(s)
	order := indices(len(sum))
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(sum[a], sum[b]) })
	pixels := map[int]bool{}
	for at := int(share * float64(len(order))); at < len(order) && len(pixels) < 3; at += 1 + rng.IntN(3) {
		if y, x := order[at]/s.N, order[at]%s.N; min(y, x, s.N-1-y, s.N-1-x) > 1 {
			pixels[order[at]] = true
		}
	}
	setPixels(s, pixels, 0)
}

// plantHot adds Poisson counts to a pixel away from the beam.
func plantHot(s *scan.Scan, rng *rand.Rand, times float64) {
	y, x := s.N/8, 2+rng.IntN(s.N-4)
	sum, brightest := means(s), 1.0
	for _, q := range []int{-s.N - 1, -s.N, 1 - s.N, -1, 1, s.N - 1, s.N, s.N + 1} {
		brightest = max(brightest, sum[y*s.N+x+q]/float64(s.Len()))
	}
	mean := times * brightest
	for f := range s.Len() {
		s.Pattern(f)[y*s.N+x] = float32(max(1, math.Round(mean+math.Sqrt(mean)*rng.NormFloat64())))
	}
}

// beamPeak returns the count in the middle of the patterns that the brightest fifth of the frames exceeds: neither a cosmic ray nor a hot
// pixel.
func beamPeak(s *scan.Scan) float64 {
	peaks := make([]float64, s.Len())
	for i, k := range s.Counts {
		f, q := i/(s.N*s.N), i%(s.N*s.N)
		if math.Hypot(float64(q/s.N-s.N/2), float64(q%s.N-s.N/2)) < float64(s.N)/3 {
			peaks[f] = max(peaks[f], float64(k))
		}
	}
	slices.Sort(peaks)
	return peaks[len(peaks)*4/5]
}

// plantWrapped wraps counts at the number of bits for which the largest count is times the range, by making the light brighter.
func plantWrapped(s *scan.Scan, rng *rand.Rand, times float64) {
	const most = 1 << 16
	by := most * times / beamPeak(s)
	each(s, func(_, _ int, k float32) float32 {
		mean := float64(k) * by // the noise of the brighter light
		return float32(math.Mod(math.Round(max(0, mean+math.Sqrt(max(by-1, 0)*mean)*rng.NormFloat64())), most))
	})
}

// plantRays adds a ray to each of 40 frames.
func plantRays(s *scan.Scan, rng *rand.Rand, times float64) {
	for f := range draw(rng, s.Len(), 40) {
		at := s.Pattern(f)
		at[rng.IntN(len(at))] += float32(math.Round(times * float64(slices.Max(at))))
	}
}

// plantGains keeps each photon with a probability that differs between areas of pixels.
func plantGains(s *scan.Scan, rng *rand.Rand, spread float64, height, width int) {
	gain := make([]float64, s.N*s.N)
	for i := range gain {
		y, x := i/s.N/height*height, i%s.N/width*width
		if at := y*s.N + x; at < i {
			gain[i] = gain[at]
			continue
		}
		gain[i] = min(max(0.6*(1+spread*rng.NormFloat64()), 0.05), 1)
	}
	each(s, func(_, i int, k float32) float32 { return thinned(rng, k, gain[i]) })
}
