package optim

import (
	"math"
	"testing"
)

// TestSchedule_FollowsClosedForm compares each schedule with a formula that does not use the code's functions: 7
// steps an epoch, 10 epochs, and 30 further steps.
func TestSchedule_FollowsClosedForm(t *testing.T) {
	const steps, total, peak = 7, 70, 0.004
	last := func(e int) int { return min(e, 9) }
	for _, c := range []struct {
		schedule Schedule
		want     func(s, e int) float64
	}{
		{Schedule{Kind: Constant}, func(int, int) float64 { return peak }},
		{Schedule{Kind: OnPlateau}, func(int, int) float64 { return peak }},
		{Schedule{Kind: StepDecay, Gamma: 0.3, Every: 3}, func(_, e int) float64 {
			rate := peak
			for k := 3; k <= last(e); k += 3 {
				rate *= 0.3
			}
			return rate
		}},
		{Schedule{Kind: Exponential, Gamma: 0.95}, func(_, e int) float64 { return peak * math.Exp(float64(last(e))*math.Log(0.95)) }},
		{Schedule{Kind: Multistage, Gamma: 0.1, Milestones: []int{2, 5}}, func(_, e int) float64 {
			switch {
			case e < 2:
				return peak
			case e < 5:
				return peak / 10
			}
			return peak / 100
		}},
		{Schedule{Kind: Cosine, Floor: 0.1}, func(s, _ int) float64 {
			x := math.Min(float64(s)/total, 1)
			low := 0.1 * peak
			return low + (peak-low)*math.Pow(math.Cos(math.Pi*x/2), 2) // (1 + cos a)/2 = cos²(a/2)
		}},
		{Schedule{Kind: WarmupCosine, Floor: 0.1, Warmup: 14}, func(s, _ int) float64 {
			if s < 14 {
				return peak / 14 * float64(s+1)
			}
			x := math.Min(float64(s-14)/(total-14), 1)
			low := 0.1 * peak
			return low + (peak-low)*math.Pow(math.Cos(math.Pi*x/2), 2)
		}},
		{Schedule{Kind: OneCycle}, func(s, _ int) float64 { // its top is step 21
			if s < 21 {
				return peak / 10 * (1 + 9*float64(s)/21)
			}
			x := math.Min(float64(s-21)/49, 1)
			low := peak / 100
			return low + (peak-low)*math.Pow(math.Cos(math.Pi*x/2), 2)
		}},
	} {
		c.schedule.Peak, c.schedule.Steps, c.schedule.Total = peak, steps, total
		if err := c.schedule.Check(); err != nil {
			t.Error(err)
		}
		for s := range 100 {
			if got, want := c.schedule.At(s), c.want(s, s/steps); !(math.Abs(got-want) <= 1e-12*peak) {
				t.Errorf("%s: step %d has rate %.15g, want %.15g", c.schedule.Kind, s, got, want)
				break
			}
		}
	}
}

// A plan without steps, and one whose top lies between two steps, have rates from a tenth of the peak to the peak.
func TestSchedule_OneCycleOfShortPlans(t *testing.T) {
	for total := range 12 {
		c := Schedule{Kind: OneCycle, Peak: 1, Steps: 1, Total: total}
		for s := range total + 3 {
			low := 0.1
			if float64(s) > 0.3*float64(total) || total == 0 {
				low = 0.01
			}
			if got := c.At(s); !(got >= low-1e-12 && got <= 1) {
				t.Errorf("%d steps: step %d has rate %v", total, s, got)
			}
		}
	}
}

func TestSchedule_RejectsInvalid(t *testing.T) {
	for _, c := range []Schedule{{Kind: "linear"}, {Kind: StepDecay, Gamma: 0.1, Steps: 1}, {Kind: Exponential, Steps: 1}, {Kind: Multistage, Gamma: 0.1}} {
		if c.Check() == nil {
			t.Errorf("%+v passed", c)
		}
	}
}

func TestPlateau_ReducesRateAfterPatience(t *testing.T) {
	p := Plateau{Factor: 0.5, Patience: 2, Min: 0.002, Threshold: 0.01}
	var s PlateauState
	for i, c := range []struct{ value, want float64 }{
		{5, 1}, {4, 1}, // improves
		{3.97, 1}, {3.97, 1}, // by less than a hundredth: two are tolerated
		{3.97, 0.5},                                      // the third is not
		{3, 0.5}, {4, 0.5}, {math.NaN(), 0.5}, {4, 0.25}, // NaN counts as no improvement
		{4, 0.25}, {4, 0.25}, {4, 0.2}, // 0.01·0.2 is the lower limit of the rate
		{4, 0.2}, {4, 0.2}, {4, 0.2},
	} {
		s = p.Observe(s, c.value, 0.01)
		if got := s.Rate(1); math.Abs(got-c.want) > 1e-15 {
			t.Fatalf("after observation %d of %v the factor is %v, want %v", i, c.value, got, c.want)
		}
	}
	var up PlateauState
	p.Max = true
	for _, v := range []float64{1, 2, 3, 4} {
		up = p.Observe(up, v, 0.01)
	}
	if up.Bad != 0 || up.Best != 4 {
		t.Errorf("increasing values do not count as an improvement where larger is better: %+v", up)
	}
}
