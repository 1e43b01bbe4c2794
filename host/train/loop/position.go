package loop

import (
	"math"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
)

// EpochRecord is one row of the run's metrics. Deviances are per valid pixel.
type EpochRecord struct {
	Epoch              int      `json:"epoch"` // from 1
	Step               int      `json:"step"`  // of the run, at the end of the epoch
	LearningRate       float64  `json:"learning_rate"`
	Loss               float64  `json:"loss"`
	Deviance           float64  `json:"deviance"`
	ExpectedDeviance   float64  `json:"expected_deviance"`   // of Poisson counts under the model's own λ
	FlatDeviance       float64  `json:"flat_deviance"`       // of an empty object on the same patterns
	ValidationDeviance *float64 `json:"validation_deviance"` // last value of the epoch; nil without validation
	GradNorm           float64  `json:"grad_norm"`           // mean over the steps, before clipping
	Contrast           float64  `json:"contrast"`            // see Look
	Response           float64  `json:"response"`
	PatternsPerSecond  float64  `json:"patterns_per_second"`
	Waited             float64  `json:"waited_seconds"` // for batches
}

// Position describes how far a run is. A checkpoint holds a Position and the backend's state.
type Position struct {
	Epoch      int                `json:"epoch"`                // current, from 0
	Step       int                `json:"step"`                 // next step of the epoch
	Done       int                `json:"done"`                 // optimiser steps since the last restart of the training
	Data       string             `json:"data"`                 // fingerprint of the scan
	FirstPass  string             `json:"first_pass,omitempty"` // Digest of the model of --first-pass
	Start      string             `json:"start,omitempty"`      // of the network, as --start names it; "": of an older version
	FlatLooks  int                `json:"flat_looks"`           // consecutive looks at a collapsed network
	FlatSince  int                `json:"flat_since"`           // step since which the object is flat and its contrast does not grow
	Look       Look               `json:"look"`                 // last look of the guard
	Lived      bool               `json:"lived"`                // the object was not flat at some time after the warm-up
	First      float64            `json:"first"`                // deviance of the first step
	Sums       sums               `json:"sums"`                 // of the current epoch
	Due        bool               `json:"due,omitempty"`        // the validation or the end of the epoch at this step is still to do
	Validation *float64           `json:"validation"`           // last deviance of the current epoch
	Plateau    optim.PlateauState `json:"plateau"`
	Watch      watched            `json:"watch"`
	Best       []Kept             `json:"best"` // checkpoints, best first
	Beginnings []Beginning        `json:"beginnings"`
	Records    []EpochRecord      `json:"records"`
}

// Beginning is an attempt of the training whose network collapsed.
type Beginning struct {
	LearningRate float64 `json:"learning_rate"` // largest of its schedule
	Step         int     `json:"step"`          // of the collapse
	Reason       string  `json:"reason"`
}

// Kept is one of the best checkpoints.
type Kept struct {
	File  string  `json:"file"`  // in the run's folder of checkpoints
	Epoch int     `json:"epoch"` // from 1
	Step  int     `json:"step"`  // of the run, from 1
	Value float64 `json:"value"` // of the monitored metric
}

// sums accumulates an epoch's results.
type sums struct {
	Loss     float64                `json:"loss"`
	GradNorm float64                `json:"grad_norm"`
	Steps    int                    `json:"steps"`
	Patterns int                    `json:"patterns"`
	Waited   float64                `json:"waited"`
	Seconds  float64                `json:"seconds"` // of the steps
	Scalars  map[string]backend.Sum `json:"scalars"`
}

func (s *sums) add(r backend.StepResult) {
	s.Loss += r.Loss
	s.GradNorm += r.GradNorm
	s.Steps++
	s.Patterns += r.Patterns
	s.Waited += r.Waited
	if s.Scalars == nil {
		s.Scalars = map[string]backend.Sum{}
	}
	for name, v := range r.Scalars {
		was := s.Scalars[name]
		s.Scalars[name] = backend.Sum{Sum: was.Sum + v.Sum, Count: was.Count + v.Count}
	}
}

func (s sums) mean(scalar string) float64 {
	v, ok := s.Scalars[scalar]
	if !ok {
		return math.NaN()
	}
	return v.Mean()
}
