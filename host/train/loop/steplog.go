package loop

import (
	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host/track"
)

// stepLog writes steps, validations and epochs to the loggers.
type stepLog struct {
	to    track.Logger
	every int // steps between rows
	steps int // of an epoch
}

// step logs every n-th step with the values of this step alone, so that a resumed run logs the same.
func (l *stepLog) step(at Position, r backend.StepResult, rate float64) error {
	if at.Done%l.every != 0 {
		return nil
	}
	return l.to.Scalars(at.Done, l.epochs(at), map[string]float64{
		"loss": r.Loss, "deviance": r.Scalars[arch.Deviance].Mean(), "expected_deviance": r.Scalars[arch.ExpectedDeviance].Mean(),
		"grad_norm": r.GradNorm, "learning_rate": rate,
	})
}

// epochs returns the number of epochs done, with a fraction.
func (l *stepLog) epochs(at Position) float64 {
	return float64(at.Epoch) + float64(at.Step)/float64(l.steps)
}

func (l *stepLog) validation(at Position, deviance float64) error {
	return l.to.Scalars(at.Done, l.epochs(at), map[string]float64{"validation_deviance": deviance})
}

// epoch logs the results of an epoch without times, so that a resumed run logs the same.
func (l *stepLog) epoch(at Position, r EpochRecord) error {
	return l.to.Scalars(at.Done, l.epochs(at), map[string]float64{
		"epoch_loss": r.Loss, "epoch_deviance": r.Deviance, "contrast": r.Contrast, "response": r.Response,
	})
}
