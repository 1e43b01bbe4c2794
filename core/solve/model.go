package solve

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"

	"github.com/ptychogo/ptycho/core/fft"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// solver holds a scan and its model.
type solver struct {
	state

	o       Options
	data    *scan.Scan
	members []int     // patterns to fit; nil: all
	n       int       // side of a pattern
	size    int       // n²
	mask    []float32 // [size] 1 for valid pixels; nil: all valid

	photons float64 // Σk over all patterns
	pixels  float64 // valid ones, over all patterns

	h, w   int        // of the canvas
	origin [2]float64 // scan coordinate (row, column) of canvas pixel (0, 0)

	plan  *fft.Plan
	given []complex64 // [size] the first mode as given

	meanCounts []float64 // [size] of the patterns, if the background is fitted
	levels     []int     // of the exposure, of each pattern, if a factor is fitted for each level
	top0       []float64 // top and left as given
	left0      []float64
	speed      [][2]float64 // of fitted positions, pixels per iteration

	team     *team
	works    []*work // one per worker
	slots    []*slot // one per pattern of a batch
	together int     // slots that share buffers
	// shares [len(slots)/together][modes][size] holds Σ conj(O)·χ of each run, for the probe.
	shares [][][]complex64
	slow   float32                                   // factor of all steps, halved when a run diverges
	check  func(number int) (enough bool, err error) // after an iteration; nil: none
	before []complex64                               // object before the running iteration
}

// canvasLimit bounds the canvas: 2^26 pixels, as in core/raster.
const canvasLimit = 1 << 26

// newSolver checks the scan and prepares the model.
func newSolver(s *scan.Scan, o Options) (*solver, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Probe == nil {
		return nil, errors.New("the scan lacks a probe; estimate one with EstimateProbe")
	}
	v := &solver{o: o, data: s, n: s.N, size: s.N * s.N, slow: 1}
	if s.Len() < 2 {
		return nil, fmt.Errorf("the scan has %s, want at least 2", words.Of(s.Len(), "pattern"))
	}
	if err := v.readCounts(); err != nil {
		return nil, err
	}
	if err := v.setCanvas(); err != nil {
		return nil, err
	}
	if o.Background != nil && len(o.Background) != v.size {
		return nil, fmt.Errorf("the background has %d values for patterns of %d×%d", len(o.Background), v.n, v.n)
	}
	if v.plan, err = fft.New(v.n, v.n); err != nil {
		return nil, err
	}
	v.setBackground()
	if err := v.setProbe(); err != nil {
		return nil, err
	}
	if err := v.setObject(); err != nil {
		return nil, err
	}
	v.setIntensity()
	v.team = newTeam(min(max(o.Threads, 0), 1<<10))
	for range v.team.workers {
		v.works = append(v.works, &work{scratch: make([]complex64, v.size)})
	}
	return v, nil
}

// readCounts adds up the photons. Masked pixels must be 0, as format.ReadScan sets them.
func (v *solver) readCounts() error {
	good := v.size
	if v.data.Mask != nil {
		v.mask, good = make([]float32, v.size), 0
		for i, m := range v.data.Mask {
			v.mask[i] = float32(m)
			good += int(m)
		}
	}
	if good == 0 {
		return errors.New("the mask excludes every pixel")
	}
	for j, pattern := range v.data.All() {
		for i, k := range pattern {
			if v.mask != nil && k != 0 && v.mask[i] == 0 {
				return fmt.Errorf("pattern %d has %v counts in a masked pixel, want 0", j, k)
			}
			v.photons += float64(k)
		}
	}
	if err := v.data.Err(); err != nil {
		return err
	}
	if !(v.photons > 0) {
		return errors.New("the patterns have no photons")
	}
	v.pixels = float64(good) * float64(v.data.Len())
	return nil
}

// setIntensity sets the initial factors of the patterns: 1, or the levels of exposure estimated from the counts, with a mean of 1.
func (v *solver) setIntensity() {
	v.intensity = make([]float32, v.data.Len())
	for j := range v.intensity {
		v.intensity[j] = 1
	}
	if !v.o.Fit.Intensity || !v.o.ExposureChanges {
		return
	}
	totals := make([]float64, v.data.Len())
	for j, pattern := range v.data.All() {
		for _, c := range pattern {
			totals[j] += float64(c)
		}
	}
	var start []float64
	if start, v.levels = exposures(totals, v.data.Rows, v.data.Cols); v.levels == nil {
		return
	}
	mean := sum(start) / float64(len(start))
	for j, e := range start {
		v.intensity[j] = float32(max(e/mean, leastIntensity))
	}
}

// leastIntensity is the least initial factor of a pattern. One without counts must be able to grow.
const leastIntensity = 1e-3

// setCanvas creates a canvas on the whole pixels of the scan's coordinates that contains every patch at every allowed
// position, with one more row and column for the interpolation.
func (v *solver) setCanvas() error {
	margin := 0.0
	if v.o.Fit.Positions {
		margin = math.Ceil(v.o.PositionBound) + 1
	}
	var side [2]int
	for axis, p := range [][]float64{v.data.Rows, v.data.Cols} {
		first, last := math.Inf(1), math.Inf(-1)
		for _, c := range p {
			first, last = min(first, c), max(last, c)
		}
		if math.Abs(first) > 1<<50 || math.Abs(last) > 1<<50 || last-first > canvasLimit {
			return fmt.Errorf("the positions span %.4g pixels; give them in object pixels", last-first)
		}
		v.origin[axis] = math.Floor(first) - float64(v.n/2) - margin
		side[axis] = int(math.Floor(last)-math.Floor(first)) + v.n + 1 + 2*int(margin)
	}
	if side[0] > canvasLimit/side[1] {
		return fmt.Errorf("the object would have %d×%d pixels, more than %d; give the positions in object pixels", side[0], side[1], canvasLimit)
	}
	v.h, v.w = side[0], side[1]
	v.top, v.left = make([]float64, v.data.Len()), make([]float64, v.data.Len())
	v.top0, v.left0 = make([]float64, v.data.Len()), make([]float64, v.data.Len())
	for j := range v.top {
		v.top0[j] = v.data.Rows[j] - float64(v.n/2) - v.origin[0]
		v.left0[j] = v.data.Cols[j] - float64(v.n/2) - v.origin[1]
	}
	copy(v.top, v.top0)
	copy(v.left, v.left0)
	return nil
}

// setObject fills the canvas with ones, and with the initial object where that is covered.
func (v *solver) setObject() error {
	v.object = make([]complex64, v.h*v.w)
	for i := range v.object {
		v.object[i] = 1
	}
	s := v.o.Start
	if s == nil {
		return nil
	}
	if s.Height < 1 || s.Width < 1 || len(s.Object) != s.Height*s.Width || s.Coverage != nil && len(s.Coverage) != len(s.Object) {
		return fmt.Errorf("the initial object has %d values and %d of coverage for %d×%d pixels", len(s.Object), len(s.Coverage), s.Height, s.Width)
	}
	for y := range v.h {
		for x := range v.w {
			if c, ok := s.sample(float64(y)+v.origin[0]-s.Origin[0], float64(x)+v.origin[1]-s.Origin[1]); ok {
				v.object[y*v.w+x] = c
			}
		}
	}
	for i, c := range v.object {
		if cmplx.IsNaN(complex128(c)) || cmplx.IsInf(complex128(c)) {
			return fmt.Errorf("the initial object is %v at row %d, column %d", c, i/v.w, i%v.w)
		}
	}
	return nil
}

// sample interpolates between the covered pixels around (y, x); ok is false if there are none.
func (s *Start) sample(y, x float64) (complex64, bool) {
	ky, kx := math.Floor(y), math.Floor(x)
	var sum complex128
	weight := 0.0
	for q := range 4 {
		r, c := int(ky)+q>>1, int(kx)+q&1
		a := 1 - math.Abs(y-float64(r))
		a *= 1 - math.Abs(x-float64(c))
		if a <= 0 || r < 0 || r >= s.Height || c < 0 || c >= s.Width || s.Coverage != nil && s.Coverage[r*s.Width+c] <= 0 {
			continue
		}
		sum += complex(a, 0) * complex128(s.Object[r*s.Width+c])
		weight += a
	}
	if weight < 1e-6 {
		return 0, false
	}
	return complex64(sum / complex(weight, 0)), true
}

// setProbe scales the scan's modes to the gauge of the model and adds further modes.
func (v *solver) setProbe() error {
	modes := v.o.Modes
	if modes == 0 {
		modes = min(v.data.Modes, maxModes)
	}
	for m := range min(modes, v.data.Modes) {
		mode := make([]complex64, v.size)
		copy(mode, v.data.Probe[m*v.size:])
		v.probe = append(v.probe, mode)
	}
	v.given = clone(v.probe[0])
	v.probe = append(v.probe, furtherModes(v.probe[0], v.n, modes-len(v.probe))...)
	return v.gaugeProbe(v.photons/float64(v.data.Len()) - v.totalBackground())
}

// gaugeProbe scales all modes so that Σ|P|² is power: by Parseval the photons in the pattern of an object of amplitude
// 1.
func (v *solver) gaugeProbe(power float64) error {
	now := v.probePower()
	if !(now > 0) || math.IsInf(now, 0) {
		return fmt.Errorf("the probe is zero or not finite: Σ|P|² = %v", now)
	}
	if !(power > 0) {
		return errors.New("the background has more counts than the patterns")
	}
	f := float32(math.Sqrt(power / now))
	for _, mode := range v.probe {
		for i, p := range mode {
			mode[i] = times(f, p)
		}
	}
	return nil
}

func (v *solver) probePower() float64 {
	sum := 0.0
	for _, mode := range v.probe {
		sum += power(mode)
	}
	return sum
}

// power returns Σ|x|².
func power(x []complex64) float64 {
	sum := 0.0
	for _, c := range x {
		sum += float64(abs2(c))
	}
	return sum
}
