package loop

import (
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

func TestTrainer_StepsEndAtBoundaries(t *testing.T) {
	for name, c := range map[string]struct {
		interval   float64
		most       int // steps of the run
		step, done int // position
		to         int
		validates  bool
	}{
		"the whole epoch":                        {1, -1, 0, 20, 10, true},
		"a share of an epoch":                    {0.5, -1, 0, 20, 5, true},
		"the next share":                         {0.5, -1, 5, 25, 10, true},
		"from within a share":                    {0.5, -1, 7, 27, 10, true},
		"a share of less than a step":            {0.01, -1, 3, 23, 4, true},
		"a share that does not divide the epoch": {0.4, -1, 8, 28, 10, false},
		"so many steps":                          {4, -1, 0, 20, 4, true},
		"counted through the epochs":             {4, -1, 0, 22, 2, true},
		"that reach beyond the epoch":            {15, -1, 0, 20, 10, true},
		"beyond the next one too":                {25, -1, 0, 30, 10, false},
		"the last step of the run":               {1, 24, 0, 20, 4, false},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &Trainer{Work: Work{ValidationBatches: make([]backend.Batch, 1)}, At: Position{Step: c.step, Done: c.done}, interval: c.interval, most: c.most}
			tr.schedule.stepsPerEpoch = 10
			if to, validates := tr.boundary(); to != c.to || validates != c.validates {
				t.Errorf("the steps end at %d, validation %v; want %d, %v", to, validates, c.to, c.validates)
			}
			tr.ValidationBatches = nil
			if to, validates := tr.boundary(); validates || c.most < 0 && to != 10 {
				t.Errorf("without validation patterns they end at %d, validation %v", to, validates)
			}
		})
	}
}

func TestTrainer_ResumesWithShorterEpochs(t *testing.T) {
	tr := &Trainer{}
	tr.schedule.stepsPerEpoch = 4
	tr.Resume(Position{Epoch: 2, Step: 6, Done: 30, Sums: sums{Steps: 6}}, backend.State{Step: 30})
	if tr.At.Epoch != 3 || tr.At.Step != 0 || tr.At.Sums.Steps != 0 || tr.At.Done != 30 || tr.State.Step != 30 {
		t.Errorf("it stands at %+v", tr.At)
	}
}
