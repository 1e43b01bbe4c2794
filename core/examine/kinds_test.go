package examine

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ptychogo/ptycho/core/scan"
)

// A kind is a fault of growing strength.
type kind struct {
	name, unit string // of the strength
	ids        []string
	strengths  []float64 // weak first
	plant      func(s *scan.Scan, rng *rand.Rand, strength float64)
	stage      stage
}

// A stage is where a fault arises. Two faults are planted in the order of their stages, since one of the file does not change light.
type stage int

const (
	light     stage = iota // the beam and the shutter
	charge                 // counts that are not photons
	offset                 // a constant of the read-out
	adc                    // the largest number: two of these contradict each other
	readout                // pixels that do not count
	file                   // order, one position
	positions              // all positions: two of these undo each other
	probe                  // the probe in the file: two of these cannot be in one scan
)

// kinds is the table of the trial.
//
// Long: one entry after the other.
func kinds() []kind {
	return []kind{
		{"marked pixels", "pixels", []string{Marked}, []float64{1, 3, 10, 50}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			setPixels(s, draw(rng, s.N*s.N, int(v)), 1<<32)
		}, readout},
		{"stuck pixels", "count", []string{Stuck}, []float64{1, 2, 5, 20, 1000}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			setPixels(s, draw(rng, s.N*s.N, 5), float32(v))
		}, readout},
		{"dead pixels", "share of pixels that are darker", []string{Dead}, []float64{0.1, 0.3, 0.5, 0.8, 0.95}, plantDead, readout},
		{"dead row", "rows", []string{Dead}, []float64{1, 2, 3}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			pixels := map[int]bool{}
			for i := range s.N * s.N {
				pixels[i] = i/s.N >= s.N/2+3 && i/s.N < s.N/2+3+int(v)
			}
			setPixels(s, pixels, 0)
		}, readout},
		{"beam stop", "radius, px", []string{Stop, Dead}, []float64{2, 3, 4, 6}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			pixels := map[int]bool{}
			for i := range s.N * s.N {
				pixels[i] = math.Hypot(float64(i/s.N-s.N/2), float64(i%s.N-s.N/2)) <= v
			}
			setPixels(s, pixels, 0)
		}, light},
		{"hot pixel", "times the brightest neighbour", []string{Hot, Stuck}, []float64{5, 10, 20, 50, 500}, plantHot, charge},
		{"clipped counts", "largest count over the ceiling", []string{Clipped}, []float64{1.1, 1.5, 2, 4, 10}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			ceiling := float32(math.Floor(beamPeak(s) / v))
			each(s, func(_, _ int, k float32) float32 { return min(k, ceiling) })
		}, adc},
		{"wrapped counts", "largest count over the range", []string{Wrapped}, []float64{1.2, 2, 4, 8}, plantWrapped, adc},
		{"offset", "counts", []string{Offset}, []float64{1, 3, 10, 50}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			each(s, func(_, _ int, k float32) float32 { return k + float32(v) })
		}, offset},
		{"zero frequency at the corner", "", []string{Corner}, []float64{1}, func(s *scan.Scan, _ *rand.Rand, _ float64) { shift(s, s.N/2, s.N/2) }, file},
		{"beam off centre", "px", []string{Centre}, []float64{1, 2, 3, 4, 6}, func(s *scan.Scan, _ *rand.Rand, v float64) { shift(s, int(v), -int(v)) }, light},
		{"mask hides the beam", "radius, px", []string{Hidden}, []float64{1, 2, 3, 5, 8}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			s.Mask = make([]uint8, s.N*s.N)
			for i := range s.Mask {
				if math.Hypot(float64(i/s.N-s.N/2), float64(i%s.N-s.N/2)) > v {
					s.Mask[i] = 1
				}
			}
		}, readout},
		{"dim frames", "share of the light that is lost", []string{Empty}, []float64{0.5, 0.9, 0.97, 0.99, 1}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			frames := draw(rng, s.Len(), 7)
			scaled(s, rng, func(f int) float64 { return map[bool]float64{true: 1 - v, false: 1}[frames[f]] })
		}, light},
		{"bright frames", "times the counts", []string{Bright}, []float64{3, 10, 30, 100, 1000}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			frames := draw(rng, s.Len(), 3)
			each(s, func(f, _ int, k float32) float32 {
				if frames[f] {
					return float32(math.Round(float64(k) * v))
				}
				return k
			})
		}, light},
		{"exposure of a third of the frames", "change, %", []string{Exposure}, []float64{5, 10, 20, 40, 80}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			frames := draw(rng, s.Len(), s.Len()/3)
			scaled(s, rng, func(f int) float64 { return map[bool]float64{true: 1 - v/100, false: 1}[frames[f]] })
		}, light},
		{"exposure in one step", "change, %", []string{Exposure}, []float64{5, 10, 20, 40, 80}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			scaled(s, rng, func(f int) float64 { return map[bool]float64{true: 1 - v/100, false: 1}[f > s.Len()/3] })
		}, light},
		{"exposure decays", "change, %", []string{Exposure}, []float64{5, 10, 20, 40, 80}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			scaled(s, rng, func(f int) float64 { return 1 - v/100*float64(f)/float64(s.Len()) })
		}, light},
		{"exposure flickers", "standard deviation, %", []string{Exposure}, []float64{2, 5, 10, 20, 40}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			factor := make([]float64, s.Len())
			for f := range factor {
				factor[f] = min(max(0.6*(1+v/100*rng.NormFloat64()), 0.05), 1)
			}
			scaled(s, rng, func(f int) float64 { return factor[f] })
		}, light},
		{"flat field missing", "standard deviation, %", []string{Flat}, []float64{1, 2, 3, 5, 10, 20}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			plantGains(s, rng, v/100, 1, 1)
		}, light},
		{"stripes", "standard deviation of the columns, %", []string{Flat}, []float64{1, 2, 3, 5, 10, 20}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			plantGains(s, rng, v/100, s.N, 1)
		}, light},
		{"cosmic rays", "times the frame's largest count", []string{Cosmic}, []float64{0.1, 0.3, 1, 10, 100}, plantRays, charge},
		{"duplicate frames", "frames", []string{Duplicates}, []float64{1, 3, 10, 50}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			for f := range draw(rng, s.Len()/2, int(v)) {
				copy(s.Pattern(2*f+1), s.Pattern(2*f))
			}
		}, file},
		{"late frames", "frames", []string{Order}, []float64{1, 2, 4, 8}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			lag := int(v) * s.N * s.N
			s.Counts = append(slices.Clone(s.Counts[len(s.Counts)-lag:]), s.Counts[:len(s.Counts)-lag]...)
		}, file},
		{"unit of the positions", "true over given", []string{PositionUnit, LowOverlap}, []float64{2, 10, 100, 1000, 1e6}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			move(s, func(p float64) float64 { return p / v })
		}, positions},
		{"steps too long", "probe diameters", []string{LowOverlap}, []float64{0.5, 0.8, 1, 2}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			near, _ := scan.Neighbours(s.Rows, s.Cols, 1)
			var step []float64
			for i, o := range near {
				step = append(step, math.Hypot(s.Rows[i]-s.Rows[o[0]], s.Cols[i]-s.Cols[o[0]]))
			}
			by := v * scan.ProbeDiameter(s.Probe, s.N) / median(step)
			move(s, func(p float64) float64 { return p * by })
		}, positions},
		{"one position wrong", "sides of the window", []string{Lone, Canvas}, []float64{1, 3, 10, 1000}, func(s *scan.Scan, rng *rand.Rand, v float64) {
			s.Rows, s.Cols = slices.Clone(s.Rows), slices.Clone(s.Cols)
			s.Rows[rng.IntN(s.Len())] = slices.Max(s.Rows) + v*float64(s.N)
		}, file},
		{"positions rounded", "probe diameters", []string{SamePositions}, []float64{0.1, 0.3, 0.5, 1}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			d := v * scan.ProbeDiameter(s.Probe, s.N)
			move(s, func(p float64) float64 { return d * math.Round(p/d) })
		}, positions},
		{"probe off centre", "share of the side", []string{ProbeCentre}, []float64{0.1, 0.15, 0.25, 0.35, 0.5}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			s.Probe = image(s, func(y, x int) complex64 { return s.Probe[(y-int(v*float64(s.N))+s.N)%s.N*s.N+x] })
		}, probe},
		{"probe too small or too large", "scale", []string{ProbeSize}, []float64{1.3, 1 / 1.3, 1.6, 1 / 1.6, 2, 0.5}, func(s *scan.Scan, _ *rand.Rand, v float64) {
			s.Probe = image(s, func(y, x int) complex64 {
				u, w := int(math.Round(float64(y-s.N/2)/v))+s.N/2, int(math.Round(float64(x-s.N/2)/v))+s.N/2
				if u < 0 || w < 0 || u >= s.N || w >= s.N {
					return 0
				}
				return s.Probe[u*s.N+w]
			})
		}, probe},
		{"probe without a form", "", []string{WideProbe}, []float64{1}, func(s *scan.Scan, _ *rand.Rand, _ float64) {
			s.Probe = image(s, func(int, int) complex64 { return 1 })
		}, probe},
	}
}
