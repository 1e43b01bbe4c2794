package loop

import (
	"math"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/scan"
)

// Default factors of the schedules: that of PtychoPINN for exponential, a decade for the others.
const (
	exponentialGamma = 0.95
	stepGamma        = 0.1
)

// warmupShare limits the warm-up to 1/warmupShare of a plan, because a plan shorter than its warm-up would never reach its
// learning rate.
const warmupShare = 4

// schedule makes the optimiser steps of a run. It depends only on the settings and the seed, so any epoch can be made without
// the epochs before it. A resumed run therefore gives the same bits.
type schedule struct {
	grouper       *scan.Grouper // of whole steps
	stepsPerEpoch int
	accumulate    int // micro-batches of a step
	rate          optim.Schedule
	plateau       optim.Plateau
}

// newSchedule returns the schedule of the settings over the groups of a scan.
func newSchedule(s config.TrainingSettings, grouper *scan.Grouper) (schedule, error) {
	steps := grouper.Steps()
	c := schedule{
		grouper: grouper, stepsPerEpoch: steps, accumulate: s.AccumulateGradBatches,
		rate: optim.Schedule{
			Kind: optim.Kind(s.Scheduler), Peak: s.LearningRate, Steps: steps, Total: s.ScheduleEpochs * steps,
			Warmup: s.WarmupSteps, Floor: s.LearningRateFloor, Gamma: s.SchedulerGamma, Every: s.SchedulerStepEpochs, Milestones: s.Milestones(),
		},
		plateau: optim.Plateau{Factor: s.PlateauFactor, Patience: s.PlateauPatience, Min: s.PlateauMinLR, Threshold: s.PlateauThreshold, Max: s.CheckpointMode == "max"},
	}
	r := &c.rate
	r.Warmup = min(r.Warmup, r.Total/warmupShare)
	switch {
	case r.Gamma > 0:
	case r.Kind == optim.Exponential:
		r.Gamma = exponentialGamma
	default:
		r.Gamma = stepGamma
	}
	if r.Milestones == nil { // a half and three quarters of the plan
		r.Milestones = []int{max(s.ScheduleEpochs/2, 1), max(s.ScheduleEpochs*3/4, 2)} // as the setting says
	}
	return c, r.Check()
}

// at returns the learning rate of a step of the run, from 0, at a position.
func (s schedule) at(step int, where Position) float64 {
	rate := s.rate.At(step) * math.Pow(restartFactor, float64(len(where.Beginnings)))
	return where.Plateau.Rate(rate)
}

// plan returns the steps of the current epoch up to step to−1.
func (s schedule) plan(where Position, to int) ([]backend.Step, error) {
	batches, err := s.grouper.Epoch(where.Epoch)
	if err != nil {
		return nil, err
	}
	var steps []backend.Step
	for i := where.Step; i < min(to, len(batches)); i++ {
		number := where.Done + len(steps)
		steps = append(steps, backend.Step{
			Number:        int64(number) + 1,
			Batches:       s.split(batches[i]),
			LearningRates: map[string]float64{"": s.at(where.Epoch*s.stepsPerEpoch+i, where)},
		})
	}
	return steps, nil
}

// split cuts the groups of a step into its micro-batches.
func (s schedule) split(b scan.Batch) []backend.Batch {
	rows := len(b.Rows) / s.accumulate
	out := make([]backend.Batch, s.accumulate)
	for i := range out {
		out[i] = backend.Batch{Rows: b.Rows[i*rows:][:rows], Offsets: b.Offsets[2*i*rows:][:2*rows]}
	}
	return out
}

// follows reports whether the learning rate depends on the monitored metric.
func (s schedule) follows() bool { return s.rate.Kind == optim.OnPlateau }

// newTemplate returns the common part of all steps of the run.
func newTemplate(s config.TrainingSettings, loss string) backend.StepPlan {
	p := backend.StepPlan{
		Optimiser: backend.Optimiser{Kind: backend.OptimiserKind(s.Optimizer), WeightDecay: s.WeightDecay}, EMADecay: s.EMADecay,
		LossWeights: map[string]float64{loss: 1},
	}
	if p.Optimiser.Kind == backend.SGD {
		p.Optimiser.Momentum, p.Optimiser.Nesterov = s.Momentum, s.Momentum > 0
	} else {
		p.Optimiser.Beta1, p.Optimiser.Beta2, p.Optimiser.Epsilon = s.AdamBeta1, s.AdamBeta2, s.AdamEpsilon
	}
	if s.GradientClipVal > 0 {
		p.Clip = backend.Clip{Kind: backend.ClipKind(s.GradientClipAlgorithm), Limit: s.GradientClipVal}
	}
	return p
}
