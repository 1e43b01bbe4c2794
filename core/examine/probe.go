package examine

import (
	"context"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/scan"
)

const (
	// A probe fills its window if its diameter exceeds this share of the side. An even window has 1.15.
	fills = 0.9
	// One that exceeds this share is even up to the corners, which no beam is: the image would be made with a wrong probe.
	even = 1.05
	// The probe's power is noted if it differs from the mean counts by this factor: an object that absorbs
	// most of the light explains less.
	powerFactor = 10
)

// probe finds a probe that does not belong to the patterns.
func (p *profile) probe(context.Context) ([]Finding, error) {
	size := p.N * p.N
	if p.N < 8 || len(p.Probe) == 0 || len(p.Probe)%size != 0 || p.Diameter <= 0 {
		return nil, nil
	}
	return append(p.power(), p.wide()...), nil
}

func (p *profile) wide() []Finding {
	if _, sure := scan.ProbeCentre(p.Probe, p.N); sure || p.Diameter < fills*float64(p.N) {
		return nil
	}
	severity := Warning
	if p.Diameter > even*float64(p.N) {
		severity = Wrong
	}
	return []Finding{{
		ID: WideProbe, Severity: severity, Evidence: map[string]float64{"diameter": p.Diameter, "side": float64(p.N)},
		What: fmt.Sprintf("the probe fills its window of %d pixels evenly (diameter %.1f): patterns of such a probe are undersampled, or it is not the probe of this scan", p.N, p.Diameter),
		Fix:  "leave probeGuess out of the file to have one estimated from the patterns",
	}}
}

// power compares the probe's power with the mean counts of a pattern.
func (p *profile) power() []Finding {
	var power, counts float64
	for _, v := range p.Probe {
		power += float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
	}
	for i, v := range p.sum {
		if !p.bad[i] {
			counts += v / float64(max(p.used, 1))
		}
	}
	ratio := power / counts
	if !(counts > 0) || !(ratio > 0) || math.IsInf(ratio, 0) || ratio < powerFactor && ratio > 1/powerFactor {
		return nil
	}
	return []Finding{{
		ID: ProbePower, Severity: Note, Evidence: map[string]float64{"probe": power, "counts": counts},
		What: fmt.Sprintf("the probe has a power of %.3g and the mean pattern %.3g counts: the probe is scaled to the counts", power, counts),
	}}
}

func square(v complex128) float64 { return real(v)*real(v) + imag(v)*imag(v) }

// centre moves the probe's centre to pixel N/2, and measures its diameter there.
func (p *profile) centre() {
	at, _ := scan.ProbeCentre(p.Probe, p.N)
	n := p.N
	dy, dx := int(math.Round(at[0]))-n/2, int(math.Round(at[1]))-n/2
	moved := make([]complex64, len(p.Probe))
	for i := range moved {
		mode, y, x := i/(n*n)*n*n, i%(n*n)/n, i%n
		moved[i] = p.Probe[mode+(y+dy+2*n)%n*n+(x+dx+2*n)%n]
	}
	p.Probe, p.Diameter = moved, scan.ProbeDiameter(moved, n)
}
