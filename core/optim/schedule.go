package optim

import (
	"fmt"
	"math"
)

// Kind names a learning-rate schedule.
type Kind string

// The schedules, where s is the step, e = ⌊s/Steps⌋ the epoch, both from 0, and T = Total. OnPlateau is constant here:
// Plateau reduces its rate. OneCycle increases for the first 0.3·T steps, by Peak·(0.1 + 0.9·s/(0.3·T)), and is then
// Peak·(0.01 + 0.99·(1 + cos(π·(s − 0.3·T)/(0.7·T)))/2).
const (
	Constant     Kind = "none"          // Peak
	StepDecay    Kind = "step"          // Peak·Gamma^⌊e/Every⌋
	OnPlateau    Kind = "plateau"       // Peak, times the factor of Plateau
	Cosine       Kind = "cosine"        // Peak·(Floor + (1 − Floor)·(1 + cos(π·s/T))/2)
	Exponential  Kind = "exponential"   // Peak·Gamma^e
	WarmupCosine Kind = "warmup-cosine" // Peak·(s+1)/Warmup for s < Warmup, then the cosine over the remaining T − Warmup steps
	Multistage   Kind = "multistage"    // Peak·Gamma^(number of Milestones ≤ e)
	OneCycle     Kind = "one-cycle"     // a long linear rise, then a cosine
)

// The shape of OneCycle: the rate at the start and at the end as fractions of Peak, and the share of the steps in which it increases.
const (
	cycleStart = 0.1
	cycleEnd   = 0.01
	cycleRise  = 0.3
)

// Schedule is the learning rate as a function of the step. After step Total it is constant. Cosines end at
// Peak·Floor in step Total. Cosine: Loshchilov and Hutter, 2017, without restarts. OneCycle: after Smith and Topin, 2018,
// with a cosine and without their cycle of the momentum.
type Schedule struct {
	Kind       Kind
	Peak       float64
	Steps      int     // per epoch
	Total      int     // steps of the plan
	Warmup     int     // steps
	Floor      float64 // end of a cosine, as a fraction of Peak
	Gamma      float64 // factor for step, exponential and multistage
	Every      int     // epochs between reductions, for step
	Milestones []int   // completed epochs, increasing, for multistage
}

// Check rejects an invalid schedule.
func (c Schedule) Check() error {
	switch c.Kind {
	case Constant, OnPlateau, Cosine, WarmupCosine, OneCycle:
	case StepDecay, Exponential, Multistage:
		if !(c.Gamma > 0) || c.Steps < 1 || c.Kind == StepDecay && c.Every < 1 {
			return fmt.Errorf("optim: schedule %s with factor %v, %d steps an epoch, every %d epochs: all must be above 0", c.Kind, c.Gamma, c.Steps, c.Every)
		}
	default:
		return fmt.Errorf("optim: unknown schedule %q", c.Kind)
	}
	return nil
}

// At returns the rate of step s, from 0.
func (c Schedule) At(s int) float64 {
	switch c.Kind {
	case Cosine:
		return c.fall(float64(s), 0, c.Floor)
	case WarmupCosine:
		if s < c.Warmup {
			return c.Peak * float64(s+1) / float64(c.Warmup)
		}
		return c.fall(float64(s), float64(c.Warmup), c.Floor)
	case OneCycle:
		top := cycleRise * float64(c.Total)
		if float64(s) < top {
			return c.Peak * (cycleStart + (1-cycleStart)*float64(s)/top)
		}
		return c.fall(float64(s), top, cycleEnd)
	case StepDecay:
		return c.Peak * math.Pow(c.Gamma, float64(c.epoch(s)/c.Every))
	case Exponential:
		return c.Peak * math.Pow(c.Gamma, float64(c.epoch(s)))
	case Multistage:
		passed := 0
		for _, m := range c.Milestones {
			if c.epoch(s) >= m {
				passed++
			}
		}
		return c.Peak * math.Pow(c.Gamma, float64(passed))
	}
	return c.Peak
}

// fall returns the rate in step s of a cosine that decreases from Peak in step from to Peak·floor in step Total.
func (c Schedule) fall(s, from, floor float64) float64 {
	done, total := 1.0, float64(c.Total)
	if total > from {
		done = min((s-from)/(total-from), 1)
	}
	return c.Peak * (floor + (1-floor)*(1+math.Cos(math.Pi*done))/2)
}

// epoch returns the epoch of a step; steps beyond the plan count to the last epoch.
func (c Schedule) epoch(s int) int { return min(s, max(c.Total-1, 0)) / c.Steps }
