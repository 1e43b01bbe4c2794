package optim

import "math"

// WarmupCosine is a learning rate that grows linearly over the first steps and then falls to a part of its peak along
// half a cosine (Loshchilov and Hutter, 2017, without restarts). After Total it stays where it ended.
type WarmupCosine struct {
	Peak   float64
	Warmup int     // steps
	Total  int     // steps of the plan
	Floor  float64 // the end, as a part of Peak
}

// At is the rate of step s, from 0.
func (c WarmupCosine) At(s int) float64 {
	if s < c.Warmup {
		return c.Peak * float64(s+1) / float64(c.Warmup)
	}
	done := 1.0
	if c.Total > c.Warmup {
		done = min(float64(s-c.Warmup)/float64(c.Total-c.Warmup), 1)
	}
	return c.Peak * (c.Floor + (1-c.Floor)*(1+math.Cos(math.Pi*done))/2)
}
