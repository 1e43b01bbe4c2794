package optim

import (
	"fmt"
	"math"
)

// Kind names a learning-rate schedule.
type Kind string

// The schedules, where s is the step, e = ⌊s/Steps⌋ the epoch, both from 0, and T = Total. OnPlateau is constant here:
// Plateau reduces its rate.
const (
	Constant     Kind = "none"          // Peak
	StepDecay    Kind = "step"          // Peak·Gamma^⌊e/Every⌋
	OnPlateau    Kind = "plateau"       // Peak, times the factor of Plateau
	Cosine       Kind = "cosine"        // Peak·(Floor + (1 − Floor)·(1 + cos(π·s/T))/2)
	Exponential  Kind = "exponential"   // Peak·Gamma^e
	WarmupCosine Kind = "warmup-cosine" // Peak·(s+1)/Warmup for s < Warmup, then the cosine over the remaining T − Warmup steps
	Multistage   Kind = "multistage"    // Peak·Gamma^(number of Milestones ≤ e)
)

// Schedule is the learning rate as a function of the step. From step Total−1 on the rate is constant. Cosines end at
// Peak·Floor in step Total. Cosine: Loshchilov and Hutter, 2017, without restarts.
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
	case Constant, OnPlateau, Cosine, WarmupCosine:
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
		return c.cosine(s, 0)
	case WarmupCosine:
		if s < c.Warmup {
			return c.Peak * float64(s+1) / float64(c.Warmup)
		}
		return c.cosine(s, c.Warmup)
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

// cosine decreases from Peak in step from to Peak·Floor in step Total.
func (c Schedule) cosine(s, from int) float64 {
	done := 1.0
	if c.Total > from {
		done = min(float64(s-from)/float64(c.Total-from), 1)
	}
	return c.Peak * (c.Floor + (1-c.Floor)*(1+math.Cos(math.Pi*done))/2)
}

// epoch returns the epoch of a step; steps beyond the plan count to the last epoch.
func (c Schedule) epoch(s int) int { return min(s, max(c.Total-1, 0)) / c.Steps }
