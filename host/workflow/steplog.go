package workflow

import (
	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
)

// tracker is where the loggers of a run hear of it.
type tracker interface {
	Scalars(step int, epoch float64, values map[string]float64) error
	Picture(step int, name string, png []byte) error
}

// stepLog tells the loggers of steps, validations and epochs.
type stepLog struct {
	to     tracker // nil: nobody listens
	every  int     // steps between rows
	steps  int     // of an epoch
	reopen func(last int) (tracker, error)
}

// step logs every n-th step with its own values, so that a resumed run logs the same.
func (l *stepLog) step(at position, r backend.StepResult, rate float64) error {
	if l.to == nil || at.Done%l.every != 0 {
		return nil
	}
	return l.to.Scalars(at.Done, l.epochs(at), map[string]float64{
		"loss": r.Loss, "deviance": r.Scalars[arch.Deviance].Mean(), "expected_deviance": r.Scalars[arch.ExpectedDeviance].Mean(),
		"grad_norm": r.GradNorm, "learning_rate": rate,
	})
}

// epochs is how many epochs are done, as a fraction.
func (l *stepLog) epochs(at position) float64 {
	return float64(at.Epoch) + float64(at.Step)/float64(l.steps)
}

func (l *stepLog) validation(at position, deviance float64) error {
	if l.to == nil {
		return nil
	}
	return l.to.Scalars(at.Done, l.epochs(at), map[string]float64{"validation_deviance": deviance})
}

// epoch logs what an epoch came to.
func (l *stepLog) epoch(at position, r EpochRecord) error {
	if l.to == nil {
		return nil
	}
	return l.to.Scalars(at.Done, l.epochs(at), map[string]float64{
		"epoch_loss": r.Loss, "epoch_deviance": r.Deviance, "contrast": r.Contrast, "response": r.Response,
		"patterns_per_second": r.PatternsPerSecond, "waited_seconds": r.Waited,
	})
}

// rewind drops what was logged after a step.
func (l *stepLog) rewind(last int) (err error) {
	if l.reopen != nil {
		l.to, err = l.reopen(last)
	}
	return err
}

func (l *stepLog) picture(step int, name string, png []byte) error {
	if l.to == nil {
		return nil
	}
	return l.to.Picture(step, name, png)
}
