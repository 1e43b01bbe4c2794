package solve

import (
	"math"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host"
)

func faulty(t *testing.T, faults string) *simulate.Scan {
	t.Helper()
	all, err := simulate.ParseFaults(faults)
	if err != nil {
		t.Fatal(err)
	}
	s, err := simulate.New(t.Context(), simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 32, Height: 72, Patterns: 80, Seed: 2, Faults: all})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func calibrate(t *testing.T, what string, s *simulate.Scan) Calibrated {
	t.Helper()
	c, err := Calibration{What: what, Try: []string{"positions", "intensity"}}.Run(t.Context(), s.AsRead(), host.Host{Notice: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Fitted positions are closer to the true ones, and nothing else changes.
func TestCalibration_Positions(t *testing.T) {
	s := faulty(t, "jitter=2")
	given, c := s.AsRead(), calibrate(t, "positions", s)
	off := func(rows, cols []float64) float64 {
		var y, x, sum float64
		n := float64(len(rows))
		for j := range rows {
			y, x = y+(rows[j]-s.Rows[j])/n, x+(cols[j]-s.Cols[j])/n
		}
		for j := range rows {
			sum += math.Pow(rows[j]-s.Rows[j]-y, 2) + math.Pow(cols[j]-s.Cols[j]-x, 2)
		}
		return math.Sqrt(sum / n)
	}
	if before, after := off(given.Rows, given.Cols), off(c.Rows, c.Cols); after > before/2 {
		t.Errorf("positions are off by %v pixels, before %v", after, before)
	}
	if !slices.Equal(c.Probe, given.Probe) || !slices.Equal(c.Counts, given.Counts) || c.LargestMove < 1 || !slices.Equal(c.Fit, []string{"positions"}) {
		t.Errorf("probe or counts changed, or the report is wrong: %+v", c.Calibration)
	}
}

// Fitted factors give all frames the same exposure; auto finds that they are needed.
func TestCalibration_Exposure(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
	s, even := faulty(t, "exposure=0.3"), faulty(t, "")
	given, c := s.AsRead(), calibrate(t, "auto", s)
	if !c.Chosen || !slices.Equal(c.Fit, []string{"intensity"}) {
		t.Fatalf("%+v", c.Calibration)
	}
	spread := func(counts []float32) float64 { // of the logarithm of a frame's photons over those at full exposure
		var sum, square float64
		for j := range s.Rows {
			var a, b float64
			for i := range s.N * s.N {
				a, b = a+float64(counts[j*s.N*s.N+i]), b+float64(even.Counts[j*s.N*s.N+i])
			}
			l := math.Log(a / b)
			sum, square = sum+l, square+l*l
		}
		n := float64(len(s.Rows))
		return math.Sqrt(square/n - sum*sum/n/n)
	}
	if before, after := spread(given.Counts), spread(c.Counts); after > before/3 {
		t.Errorf("exposures differ by %v, before by %v", after, before)
	}
	if !slices.Equal(c.Exposed.Counts, given.Counts) || len(c.Factor) != given.Len() || slices.Min(c.Factor) != c.Factors[0] {
		t.Error("the counts as measured and their factors are not kept")
	}
	if len(c.Factors) != 2 || !(c.Factors[0] < 0.7 && c.Factors[1] > 1.2) {
		t.Errorf("factors %v, want the least and the largest", c.Factors)
	}
}

// A factor belongs to the counts above the fitted background. Counts are not negative, and masked pixels stay as they are.
func TestCalibration_FactorsDivideCountsAboveTheBackground(t *testing.T) {
	c := Calibrated{Scan: &scan.Scan{N: 2, Rows: make([]float64, 2), Cols: make([]float64, 2), Counts: []float32{5, 1, 0, 9, 5, 1, 0, 9}, Mask: []uint8{1, 1, 1, 0}}, Background: []float32{1, 1, 3, 3}}
	if err := c.expose(t.Context(), []float64{0.5, 2}, nil); err != nil {
		t.Fatal(err)
	}
	if want := []float32{9, 1, 0, 9, 3, 1, 1.5, 9}; !slices.Equal(c.Counts, want) {
		t.Errorf("counts %v, want %v", c.Counts, want)
	}
}

func TestCalibration_NoneAndUnknown(t *testing.T) {
	s := faulty(t, "")
	given := s.AsRead()
	c, err := Calibration{What: "none"}.Run(t.Context(), given, host.Host{})
	if err != nil || c.Scan != given || len(c.Fit) > 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := (Calibration{What: "dreams"}).Run(t.Context(), given, host.Host{}); host.ExitCode(err) != host.ExitUsage {
		t.Errorf("%v, want a usage error", err)
	}
}

// Three modes start from the probe's own moments and take its power.
func TestCalibration_Modes(t *testing.T) {
	c := calibrate(t, "modes,background", faulty(t, "modes,background"))
	if c.Modes != 3 || len(c.Probe) != 3*32*32 || len(c.ModeShares) != 3 || c.Background == nil || !slices.Contains(c.Fit, "modes") {
		t.Fatalf("%+v", c.Calibration)
	}
	if first := c.ModeShares[0]; math.Abs(first-0.75) > 0.1 {
		t.Errorf("the first mode has %v of the power, want 0.75", first)
	}
}
