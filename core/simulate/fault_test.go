package simulate

import (
	"math"
	"math/cmplx"
	"slices"
	"strings"
	"testing"
)

func withFaults(t *testing.T, text string) *Scan {
	t.Helper()
	faults, err := ParseFaults(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), Options{N: 32, Height: 80, Patterns: 60, Probe: Aberrated, Faults: faults, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// overlapMisfit is √(1 − c²) with the normalised overlap c of two probes.
func overlapMisfit(a, b []complex128) float64 {
	var c complex128
	for i := range a {
		c += cmplx.Conj(a[i]) * b[i]
	}
	return math.Sqrt(1 - real(c*cmplx.Conj(c))/power(a)/power(b))
}

// Faults of the file leave the patterns unchanged.
func TestFaults_OfTheFileKeepThePatterns(t *testing.T) {
	sound := withFaults(t, "")
	s := withFaults(t, "defocus=0.34,jitter=2")
	if !slices.Equal(s.Counts, sound.Counts) {
		t.Error("the patterns changed")
	}
	if m := overlapMisfit(s.Probe, s.givenProbe()); math.Abs(m-0.34) > 1e-3 {
		t.Errorf("the misfit of the given probe is %v, want 0.34", m)
	}
	square := 0.0
	given := s.AsRead()
	for j := range s.Rows {
		square += (math.Pow(given.Rows[j]-s.Rows[j], 2) + math.Pow(given.Cols[j]-s.Cols[j], 2)) / float64(len(s.Rows))
	}
	if rms := math.Sqrt(square); rms < 1.5 || rms > 2.5 {
		t.Errorf("positions are off by %v pixels RMS, want about 2", rms)
	}
}

// Faults of the patterns keep probe and positions, and have the strength that was asked for.
func TestFaults_OfThePatterns(t *testing.T) {
	sound := withFaults(t, "")
	s := withFaults(t, "modes=0.25,exposure=0.5,background=0.1")
	if overlapMisfit(s.Modes[0], sound.Probe) > 1e-6 || !slices.Equal(s.AsRead().Rows, sound.Rows) {
		t.Error("the first mode or the positions changed")
	}
	all := power(s.Modes[0]) + power(s.Modes[1]) + power(s.Modes[2])
	if share := power(s.Modes[0]) / all; math.Abs(share-0.75) > 1e-9 || overlapMisfit(s.Modes[1], s.Modes[2]) < 1-1e-9 {
		t.Errorf("the first mode has the share %v of the power, want 0.75", share)
	}
	if least, most := slices.Min(s.Factors), slices.Max(s.Factors); least < 0.5 || most > 1 || most-least < 0.3 {
		t.Errorf("factors from %v to %v, want 0.5 to 1", least, most)
	}
	corner := func(s *Scan) (sum float64) {
		for j := range s.Rows {
			sum += float64(s.Counts[j*s.N*s.N]) / float64(len(s.Rows))
		}
		return sum
	}
	if more := corner(s) - corner(sound); math.Abs(more/(0.1*1e6/1024)-1) > 0.1 {
		t.Errorf("%v counts of background in a corner, want %v", more, 0.1*1e6/1024)
	}
}

func TestParseFaults_Rejects(t *testing.T) {
	for text, want := range map[string]string{"dreams": "want NAME", "blur=x": "want a number", "blur,blur": "twice"} {
		if _, err := ParseFaults(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, f := range []Fault{{"dreams", 1}, {"blur", math.NaN()}, {"jitter", -1}, {"modes", 2}} {
		if _, err := New(t.Context(), Options{Faults: []Fault{f}}); err == nil {
			t.Errorf("%v was accepted", f)
		}
	}
}
