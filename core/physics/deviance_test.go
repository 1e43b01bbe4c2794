package physics

import (
	"math"
	"testing"
)

// expectedDeviance sums the definition, term by term.
func expectedDeviance(lambda float64) float64 {
	var sum float64
	last := int(lambda + 40*math.Sqrt(lambda) + 60)
	for k := last; k >= 0; k-- {
		lg, _ := math.Lgamma(float64(k) + 1)
		p := math.Exp(float64(k)*math.Log(lambda) - lambda - lg)
		sum += p * PoissonDeviance(lambda, float64(k))
	}
	return sum
}

func TestExpectedDeviance_IsTheMean(t *testing.T) {
	worst, at := 0.0, 0.0
	check := func(lambda, tolerance float64) {
		t.Helper()
		want := expectedDeviance(lambda)
		e := math.Abs(ExpectedDeviance(lambda)/want - 1)
		if e > worst {
			worst, at = e, lambda
		}
		if e > tolerance {
			t.Fatalf("ExpectedDeviance(%v) = %v, want %v (relative error %.2g)", lambda, ExpectedDeviance(lambda), want, e)
		}
	}
	for u := math.Log(1e-12); u < math.Log(100); u += 0.0137 {
		check(math.Exp(u), 1e-9)
	}
	// The sum loses digits to Lgamma above this λ.
	for _, lambda := range []float64{200, 1e3, 1e4} {
		check(lambda, 1e-8)
	}
	for _, edge := range []float64{devianceLow, devianceHigh} {
		check(math.Nextafter(edge, 0), 1e-9)
		check(edge, 1e-9)
	}
	t.Logf("largest relative error %.2g at %v", worst, at)
}

func TestExpectedDeviance_Edges(t *testing.T) {
	if got := ExpectedDeviance(0); got != 0 {
		t.Errorf("at 0: %v", got)
	}
	if got := ExpectedDeviance(math.Inf(1)); got != 1 {
		t.Errorf("at infinity: %v, want 1", got)
	}
	for _, bad := range []float64{-1, math.NaN()} {
		if got := ExpectedDeviance(bad); !math.IsNaN(got) {
			t.Errorf("at %v: %v, want NaN", bad, got)
		}
	}
	if got := ExpectedDeviance(5e-324); got < 0 || math.IsNaN(got) {
		t.Errorf("at the smallest number: %v", got)
	}
}

func TestPoissonDeviance(t *testing.T) {
	for _, c := range []struct{ lambda, k, want float64 }{
		{5, 5, 0}, {3, 0, 6}, {0, 0, 0}, {0, 1, math.Inf(1)}, {1, 2, 2 * (-1 + 2*math.Ln2)},
		{1e6, 1e6 + 1, 1e-6}, // (k−λ)²/λ
	} {
		got := PoissonDeviance(c.lambda, c.k)
		if got != c.want && math.Abs(got-c.want) > 1e-6*c.want {
			t.Errorf("PoissonDeviance(%v, %v) = %v, want %v", c.lambda, c.k, got, c.want)
		}
	}
	for _, k := range []float64{1000.999, 1001.001} { // both sides of the change of formula
		want := 2 * (1000 - k + k*math.Log(k/1000))
		if got := PoissonDeviance(1000, k); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("PoissonDeviance(1000, %v) = %v, want %v", k, got, want)
		}
	}
	if !math.IsNaN(PoissonDeviance(-1, 1)) || !math.IsNaN(PoissonDeviance(1, math.NaN())) {
		t.Error("a negative expectation or a count that is not a number must give NaN")
	}
}

func BenchmarkExpectedDeviance(b *testing.B) {
	var s float64
	for i := range b.N {
		s += ExpectedDeviance(float64(i%1000+1) * 0.05)
	}
	_ = s
}
