package physics

import (
	"math"
	"testing"
)

func TestExpectedMisfit_IsTheMean(t *testing.T) {
	for u := math.Log(1e-10); u < math.Log(1e4); u += 0.0371 {
		lambda := math.Exp(u)
		var root float64
		for k := 1; k < int(lambda+40*math.Sqrt(lambda)+60); k++ {
			lg, _ := math.Lgamma(float64(k) + 1)
			root += math.Sqrt(float64(k)) * math.Exp(float64(k)*u-lambda-lg)
		}
		want := 2*lambda - 2*math.Sqrt(lambda)*root
		tolerance := 1e-5
		if lambda > 100 {
			tolerance = 1e-3 // of the sum, which is the difference of large numbers
		}
		if got := ExpectedMisfit(lambda); math.Abs(got/want-1) > tolerance {
			t.Fatalf("ExpectedMisfit(%v) = %v, want %v", lambda, got, want)
		}
	}
	if got := ExpectedMisfit(0); got != 0 {
		t.Errorf("at 0: %v", got)
	}
	if got := ExpectedMisfit(math.Inf(1)); got != 0.25 {
		t.Errorf("at infinity: %v", got)
	}
	for _, bad := range []float64{-1, math.NaN()} {
		if got := ExpectedMisfit(bad); !math.IsNaN(got) {
			t.Errorf("at %v: %v", bad, got)
		}
	}
}
