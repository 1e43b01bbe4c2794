package workflow

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/scan"
)

// schedule makes the optimiser steps of a run. Everything in it follows from the settings and the seed, so any epoch
// can be made without the ones before: that is what lets a run resume to the same bits.
type schedule struct {
	grouper       *scan.Grouper
	stepsPerEpoch int
	planned       int // epochs that warm-up and cosine span
	rate          optim.WarmupCosine
}

// plan makes the steps from…stepsPerEpoch−1 of an epoch (from 0). Numbers of steps run from 1.
func (s schedule) plan(epoch, from int) ([]backend.Step, error) {
	batches, err := s.grouper.Epoch(epoch)
	if err != nil {
		return nil, err
	}
	steps := make([]backend.Step, 0, s.stepsPerEpoch-from)
	for i := from; i < len(batches); i++ {
		number := epoch*s.stepsPerEpoch + i
		steps = append(steps, backend.Step{
			Number:        int64(number) + 1,
			Batches:       []backend.Batch{{Rows: batches[i].Rows, Offsets: batches[i].Offsets}},
			LearningRates: map[string]float64{"": s.rate.At(number)},
		})
	}
	return steps, nil
}
