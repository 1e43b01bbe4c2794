package simulate

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/raster"
)

// Fault is a difference between the file of a scan and the truth.
type Fault struct {
	Name     string
	Strength float64
}

// faultRange is the default strength of a fault, and its limits.
type faultRange struct{ usual, low, high float64 }

// faults are the kinds of faults. Those of the probe and of the positions change what the file says, the others the patterns.
var faults = map[string]faultRange{
	"defocus":    {0.34, 0, 0.9},     // of the probe, as √(1 − overlap²) with the true one
	"magnified":  {1.15, 0.5, 2},     // factor of the probe's size
	"blur":       {1.5, 0, 16},       // of the probe, standard deviation in pixels
	"jitter":     {2, 0, 64},         // of the positions, RMS of the distance in pixels
	"modes":      {0.25, 0, 0.6},     // power of two further modes, vertical and horizontal as 3 to 2
	"exposure":   {0.3, 0.05, 1},     // least factor of a frame; the largest is 1
	"background": {0.05, 0, 1000000}, // counts relative to the photons from the object
}

// FaultNames returns the names of all kinds, sorted.
func FaultNames() []string {
	var names []string
	for name := range faults {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ParseFaults reads NAME or NAME=STRENGTH, several separated by commas.
func ParseFaults(text string) ([]Fault, error) {
	var all []Fault
	if text == "" {
		return nil, nil
	}
	for _, part := range strings.Split(text, ",") {
		name, value, given := strings.Cut(strings.TrimSpace(part), "=")
		known, ok := faults[name]
		if !ok {
			return nil, fmt.Errorf("--fault is %q, want NAME or NAME=STRENGTH, names %v", name, FaultNames())
		}
		f := Fault{name, known.usual}
		if given {
			var err error
			if f.Strength, err = strconv.ParseFloat(value, 64); err != nil {
				return nil, fmt.Errorf("--fault %s has the strength %q, want a number", name, value)
			}
		}
		if slices.ContainsFunc(all, func(g Fault) bool { return g.Name == name }) {
			return nil, fmt.Errorf("--fault names %s twice", name)
		}
		all = append(all, f)
	}
	return all, nil
}

func (f Fault) String() string { return fmt.Sprintf("%s=%v", f.Name, f.Strength) }

func (f Fault) validate() error {
	known, ok := faults[f.Name]
	if !ok {
		return fmt.Errorf("unknown fault %q, want one of %v", f.Name, FaultNames())
	}
	if !(f.Strength >= known.low && f.Strength <= known.high) {
		return fmt.Errorf("--fault %s has the strength %v, want %v to %v", f.Name, f.Strength, known.low, known.high)
	}
	return nil
}

// strength returns the strength of a fault, and whether the scan has it.
func (o Options) strength(name string) (float64, bool) {
	for _, f := range o.Faults {
		if f.Name == name {
			return f.Strength, true
		}
	}
	return 0, false
}

// factors returns the exposure of each frame, uniform between the strength and 1; nil without this fault.
func (o Options) factors(count int) []float64 {
	least, ok := o.strength("exposure")
	if !ok {
		return nil
	}
	rng, out := stream(o.Seed, exposureStream, 0), make([]float64, count)
	for j := range out {
		out[j] = least + (1-least)*rng.Float64()
	}
	return out
}

// given returns the positions as the file says them: the true ones with jitter.
func (s *Scan) given() (rows, cols []float64) {
	rms, ok := s.Options.strength("jitter")
	if !ok {
		return s.Rows, s.Cols
	}
	rng := stream(s.Options.Seed, jitterStream, 0)
	rows, cols = slices.Clone(s.Rows), slices.Clone(s.Cols)
	for j := range rows {
		rows[j] += rms / math.Sqrt2 * rng.NormFloat64()
		cols[j] += rms / math.Sqrt2 * rng.NormFloat64()
	}
	return rows, cols
}

// givenProbe returns the probe as the file says it.
func (s *Scan) givenProbe() []complex128 {
	p := slices.Clone(s.Probe)
	if factor, ok := s.Options.strength("magnified"); ok {
		from, middle := raster.Complex{H: s.N, W: s.N, Data: slices.Clone(p)}, float64(s.N/2)
		for i := range p {
			p[i] = from.Sample(middle+(float64(i/s.N)-middle)/factor, middle+(float64(i%s.N)-middle)/factor)
		}
	}
	if sigma, ok := s.Options.strength("blur"); ok && sigma > 0 {
		re, im := raster.NewReal(s.N, s.N), raster.NewReal(s.N, s.N)
		for i, v := range p {
			re.Data[i], im.Data[i] = real(v), imag(v)
		}
		re, im = blur(re, sigma), blur(im, sigma)
		for i := range p {
			p[i] = complex(re.Data[i], im.Data[i])
		}
	}
	if misfit, ok := s.Options.strength("defocus"); ok {
		p = defocused(p, s.N, misfit)
	}
	return p
}

// defocused multiplies the far field by e^{i·a·k²}, k in cycles per pixel, with the smallest a that gives the misfit √(1 − c²),
// where c is the normalised overlap with the probe before.
func defocused(p []complex128, n int, misfit float64) []complex128 {
	f := raster.NewFourier(n, n)
	far, total := slices.Clone(p), 0.0
	f.Forward(far)
	power := make([]float64, len(p))
	for i, v := range far {
		power[i] = real(v)*real(v) + imag(v)*imag(v)
		total += power[i]
	}
	square := func(i int) float64 {
		ky, kx := float64((i/n+n/2)%n-n/2)/float64(n), float64((i%n+n/2)%n-n/2)/float64(n)
		return ky*ky + kx*kx
	}
	reached := func(a float64) bool {
		var c complex128
		for i, w := range power {
			c += cmplx.Rect(w/total, a*square(i))
		}
		return math.Sqrt(max(1-real(c)*real(c)-imag(c)*imag(c), 0)) >= misfit
	}
	high := 1.0
	for !reached(high) && high < 1e6 {
		high *= 1.1
	}
	low := 0.0
	for range 50 {
		if middle := (low + high) / 2; reached(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	for i := range far {
		far[i] *= cmplx.Rect(1, high*square(i))
	}
	f.Inverse(far)
	return far
}

// modes returns the probe's incoherent modes: the probe alone, or with further ones of a vibrating beam, the probe times y
// and times x, which carry 3/5 and 2/5 of the strength of the power.
func (o Options) modes(probe []complex128, n int) [][]complex128 {
	further, ok := o.strength("modes")
	if !ok {
		return [][]complex128{probe}
	}
	modes := [][]complex128{slices.Clone(probe), slices.Clone(probe), slices.Clone(probe)}
	for i := range probe {
		modes[1][i] *= complex(float64(i/n-n/2), 0)
		modes[2][i] *= complex(float64(i%n-n/2), 0)
	}
	shares := []float64{1 - further, 0.6 * further, 0.4 * further}
	all := power(probe)
	for m, mode := range modes {
		for _, before := range modes[:m] { // make them orthogonal
			var c complex128
			for i, v := range mode {
				c += cmplx.Conj(before[i]) * v
			}
			c /= complex(max(power(before), 1e-300), 0)
			for i := range mode {
				mode[i] -= c * before[i]
			}
		}
		f := complex(math.Sqrt(shares[m]*all/max(power(mode), 1e-300)), 0)
		for i := range mode {
			mode[i] *= f
		}
	}
	return modes
}

func power(x []complex128) float64 {
	sum := 0.0
	for _, v := range x {
		sum += real(v)*real(v) + imag(v)*imag(v)
	}
	return sum
}
