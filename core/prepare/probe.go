// Package prepare changes the detector frames of a scan before they are used, and what belongs to them: the mask, the probe and
// the geometry. Its functions know nothing of files.
package prepare

import "github.com/ptychogo/ptycho/core/fft"

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
