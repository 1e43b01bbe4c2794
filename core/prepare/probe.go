// Package prepare changes the detector frames of a scan before they are used, and what belongs to them: the mask, the probe and
// the geometry. Its functions know nothing of files.
package prepare

import (
	"fmt"
	"strings"

	"github.com/ptychogo/ptycho/core/fft"
)

// Probe returns probe modes [modes, n, n] as they are for patterns of m detector pixels of the same size in place of n: the far
// field is cropped, or padded with zeros, around its middle. The window stays as wide, and its pixels become larger or smaller.
// n and m are even.
func Probe(probe []complex128, n, m int) ([]complex128, error) {
	if n == m {
		return probe, nil
	}
	from, err := fft.New64(n, n)
	if err != nil {
		return nil, err
	}
	to, err := fft.New64(m, m)
	if err != nil {
		return nil, err
	}
	modes := len(probe) / (n * n)
	out := make([]complex128, modes*m*m)
	field, part := make([]complex128, n*n), make([]complex128, m*m)
	keep := min(n, m)
	scale := complex(float64(m)/float64(n), 0) // the transforms are orthonormal, and the values stay
	for k := range modes {
		from.ForwardCentred(field, probe[k*n*n:(k+1)*n*n], nil)
		clear(part)
		for r := range keep {
			copy(part[(m/2-keep/2+r)*m+m/2-keep/2:][:keep], field[(n/2-keep/2+r)*n+n/2-keep/2:][:keep])
		}
		to.InverseCentred(out[k*m*m:(k+1)*m*m], part, nil)
	}
	for i := range out {
		out[i] *= scale
	}
	return out, nil
}

// Changes reports whether Probe changes a probe of n×n pixels.
func (p *Plan) Changes(n int) bool { return p.steps.Turns() || p.Bin > 1 || p.Wide() != n }

// Probe returns probe modes [modes, n, n], which belong to the frames, as they are for the patterns, and a note that completes a sentence
// about the probe. The probe is turned as the patterns are, about its pixel (n/2, n/2). Its far field is cropped and padded as they are,
// which changes its pixels, and wider pixels of the detector see a smaller window of it.
func (p *Plan) Probe(probe []complex128, n int) ([]complex128, string, error) {
	var done []string
	if p.steps.Turns() {
		probe = p.steps.turn(probe, n)
		done = append(done, "is turned as the patterns are")
	}
	wide := p.Wide()
	if wide != n {
		var err error
		if probe, err = Probe(probe, n, wide); err != nil {
			return nil, "", err
		}
		how := "cropped"
		if wide > n {
			how = "padded"
		}
		done = append(done, fmt.Sprintf("is sampled again at %d×%d, because its far field is %s as the patterns are", wide, wide, how))
	}
	if p.N != wide {
		modes := len(probe) / (wide * wide)
		kept := make([]complex128, modes*p.N*p.N)
		for m := range modes {
			Middle(kept[m*p.N*p.N:], probe[m*wide*wide:(m+1)*wide*wide], wide, p.N)
		}
		done = append(done, fmt.Sprintf("is cut to the middle %d×%d with %.3g %% of its power, because larger detector pixels see a smaller window", p.N, p.N, 100*power(kept)/power(probe)))
		probe = kept
	}
	return probe, fmt.Sprintf("of %d×%d pixels ", n, n) + strings.Join(done, ", and "), nil
}

// power returns the sum of the squares.
func power(values []complex128) float64 {
	sum := 0.0
	for _, v := range values {
		sum += real(v)*real(v) + imag(v)*imag(v)
	}
	return sum
}

// turn exchanges and mirrors images [_, n, n] about the pixel (n/2, n/2).
func (s Steps) turn(images []complex128, n int) []complex128 {
	out := make([]complex128, len(images))
	for i, v := range images {
		y, x := i%(n*n)/n, i%n
		if s.Exchange {
			y, x = x, y
		}
		if s.FlipRows {
			y = (n - y) % n
		}
		if s.FlipColumns {
			x = (n - x) % n
		}
		out[i-i%(n*n)+y*n+x] = v
	}
	return out
}
