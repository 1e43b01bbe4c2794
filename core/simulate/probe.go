package simulate

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/ptychogo/ptycho/core/raster"
)

// ProbeKind is a kind of probe.
type ProbeKind int

// The kinds of probes.
const (
	Disk      ProbeKind = iota // a disk with a soft edge, real: the far field is symmetric
	Gaussian                   // half the peak amplitude at the radius, real
	Aberrated                  // a round pupil with defocus, astigmatism and coma: complex and without symmetry
)

var probeNames = []string{"disk", "gaussian", "aberrated"}

func (k ProbeKind) String() string { return name(probeNames, int(k)) }

// ProbeNames lists the names of the kinds.
func ProbeNames() []string { return slices.Clone(probeNames) }

// ParseProbe parses a name given by ProbeKind.String.
func ParseProbe(s string) (ProbeKind, error) {
	i, err := parse("--probe", probeNames, s)
	return ProbeKind(i), err
}

// newProbe returns a probe [n, n] centred at pixel n/2, of the given radius in pixels and peak amplitude 1.
func newProbe(kind ProbeKind, n int, radius float64) ([]complex128, error) {
	if n < 4 || n > 1<<13 || !(radius > 0) || radius > float64(n) {
		return nil, fmt.Errorf("simulate: the probe has a side of %d pixels and a radius of %v, want positive numbers", n, radius)
	}
	p := make([]complex128, n*n)
	from := func(f func(r float64) float64) {
		for i := range p {
			p[i] = complex(f(math.Hypot(float64(i/n-n/2), float64(i%n-n/2))), 0)
		}
	}
	switch kind {
	case Disk:
		disk := raster.NewReal(n, n)
		from(func(r float64) float64 { return min(max(radius+0.5-r, 0), 1) }) // partial edge pixels
		for i, v := range p {
			disk.Data[i] = real(v)
		}
		for i, v := range blur(disk, 1).Data {
			p[i] = complex(v, 0)
		}
	case Gaussian:
		from(func(r float64) float64 { return math.Exp(-math.Ln2 * (r / radius) * (r / radius)) })
	case Aberrated:
		aberrated(p, n, radius)
	default:
		return nil, fmt.Errorf("simulate: unknown probe %v", kind)
	}
	peak := 0.0
	for _, v := range p {
		peak = max(peak, cmplx.Abs(v))
	}
	for i := range p {
		p[i] /= complex(peak, 0)
	}
	return p, nil
}

// aberrated transforms a pupil with phase errors to the object plane. A defocus phase π·d·k² sends the ray of frequency
// k (cycles per pixel) to d·k pixels, so that d = radius/edge spreads the pupil over a disk of the radius.
func aberrated(p []complex128, n int, radius float64) {
	const (
		edge        = 0.12 // radius of the pupil, cycles per pixel
		soft        = 0.15 // width of its edge, as a part of the radius
		astigmatism = 0.3  // as a part of the defocus
		coma        = 2.0  // rad at the edge of the pupil
		tilt        = 0.5  // rad, direction of the astigmatism
	)
	defocus := radius / edge
	for u := range n {
		for v := range n {
			ky, kx := float64(u)/float64(n), float64(v)/float64(n)
			if u > (n-1)/2 {
				ky--
			}
			if v > (n-1)/2 {
				kx--
			}
			k, angle := math.Hypot(ky, kx), math.Atan2(ky, kx)
			q := k / edge
			phase := math.Pi*defocus*k*k*(1+astigmatism*math.Cos(2*(angle-tilt))) + coma*q*q*q*math.Cos(angle-1.1)
			// The soft edge is half a period of a cosine.
			t := min(max((q-1)/soft+0.5, 0), 1)
			a := 0.5 + 0.5*math.Cos(math.Pi*t)
			// The sign moves the centre from pixel 0 to n/2.
			centre := -2 * math.Pi * float64((u+v)*(n/2)%n) / float64(n)
			p[u*n+v] = cmplx.Rect(a, -phase+centre)
		}
	}
	raster.NewFourier(n, n).Inverse(p)
}
