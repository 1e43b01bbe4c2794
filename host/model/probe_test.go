package model

import (
	"math"
	"testing"
)

func TestNewProbe_ScaledToMeanCounts(t *testing.T) {
	modes := make([]complex64, 2*16)
	for i := range modes {
		modes[i] = complex(float32(i), 1)
	}
	p, err := NewProbe(modes, 4, 1000)
	if err != nil {
		t.Fatal(err)
	}
	power, pattern := 0.0, 0.0
	for _, v := range p.Intensity() {
		power += v
	}
	for _, v := range p.flatPattern(Uniform(p.N, 0.5)) {
		pattern += v
	}
	if math.Abs(power-1000) > 1e-3 || math.Abs(pattern-1000-16*0.5) > 1e-3 {
		t.Errorf("Σ|P|² = %v and the empty object gives %v counts, want 1000 and 1008", power, pattern)
	}
	if _, err := NewProbe(make([]complex64, 16), 4, 1000); err == nil {
		t.Error("a probe of zeros was accepted")
	}
	if _, err := NewProbe(modes, 4, 0); err == nil {
		t.Error("patterns without photons were accepted")
	}
}
