package loop

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
)

// restartFactor is what a new beginning does to the learning rate.
const restartFactor = 0.5

// What tells a dead network from one that learns slowly. On small scans of weak objects healthy networks showed a flat object
// (contrast 0.002 to 0.01) for up to ten epochs before they learned; those whose ReLUs had died stayed below 1e-9.
const (
	deadContrast = 1e-6
	growing      = 1.1  // gain in contrast and response from one look to the next that is learning
	likeFlat     = 0.95 // share of the flat object's deviance above which a flat object explains an epoch
	slowSteps    = 400  // steps that an object may stay flat without growing
	firstLook    = 150  // steps of a plan that is too short to expect more than a flat object
)

// deadNetwork is a run that cannot go on: the network diverged, or its object stays flat.
type deadNetwork struct {
	step   int
	reason string
	err    error
}

func (d *deadNetwork) Error() string { return d.err.Error() }

func (d *deadNetwork) Unwrap() error { return d.err }

// dead is the failure of a run, exit code 15.
func (t *Trainer) dead(at Position, reason, mend string) error {
	kept := "no checkpoint had been written"
	if n := len(t.At.Records); n > 0 {
		kept = fmt.Sprintf("the checkpoint of epoch %d is kept", n)
	}
	return &deadNetwork{at.Done, reason, host.Failf(host.ExitDiverged, "train: epoch %d, step %d: %s; %s; %s", at.Epoch+1, at.Done, reason, kept, mend)}
}

// exploded ends a run whose deviance leaves all bounds. What is normal is what the flat object scores, or the first step
// if that was worse.
func (t *Trainer) exploded(at *Position, r backend.StepResult, rate float64) error {
	deviance := r.Scalars[arch.Deviance].Mean()
	if at.Done == 1 {
		at.First = deviance
	}
	normal := max(t.Flat, at.First)
	switch {
	case r.NonFinite, math.IsNaN(deviance), math.IsInf(deviance, 0):
		return t.dead(*at, "the gradient is not finite", t.cause(rate))
	case t.explodes > 0 && deviance > t.explodes*normal:
		return t.dead(*at, fmt.Sprintf("the deviance is %.3g per pixel, more than %g times the %.3g that is normal here", deviance, t.explodes, normal), t.cause(rate))
	}
	return nil
}

// cause names what most likely made the network diverge.
func (t *Trainer) cause(rate float64) string {
	if t.template.Clip.Kind == backend.ClipNone {
		return fmt.Sprintf("the gradient is not clipped: give --gradient-clip-val 1, or a lower --learning-rate than %.3g", rate)
	}
	return fmt.Sprintf("the learning rate was %.3g there: try a lower --learning-rate", rate)
}

// explain says what a numeric failure of the backend in step at.Done means for the run.
func (t *Trainer) explain(err error, at Position) error {
	if backend.KindOf(err) != backend.Numeric {
		return err
	}
	return t.dead(at, err.Error(), t.cause(t.schedule.at(at.Epoch*t.schedule.stepsPerEpoch+at.Step, at)))
}

// guard ends a run whose object stays flat.
func (t *Trainer) guard(at *Position, record EpochRecord, look Look) error {
	before := at.Look
	at.Look = look
	if !look.Flat {
		at.FlatLooks, at.FlatSince = 0, at.Done
		at.Lived = at.Lived || at.Done > t.schedule.rate.Warmup
		return nil
	}
	t.host.Notice("epoch %d: the object is flat: %s", record.Epoch, look.Reason)
	if at.Done <= t.schedule.rate.Warmup {
		at.FlatSince = at.Done
		return nil
	}
	if look.Contrast < deadContrast || len(t.Looks) > 0 && look.Response < deadContrast {
		if at.FlatLooks++; at.FlatLooks >= flatLooks {
			return t.dead(*at, "the object stays flat: "+look.Reason, flatMend)
		}
		return nil
	}
	at.FlatLooks = 0
	explained := record.Deviance > likeFlat*t.Flat
	if !explained || look.Contrast > growing*before.Contrast && look.Response > growing*before.Response {
		at.FlatSince = at.Done
	}
	if explained && (at.Done-at.FlatSince > slowSteps || at.Epoch == t.planned && at.Done > firstLook) {
		return t.dead(*at, "the object stays flat: "+look.Reason, flatMend)
	}
	return nil
}

// flatMend is what may help a run whose object stays flat.
const flatMend = "a lower --learning-rate, more epochs or another --seed may help, and ptycho inspect shows whether positions and units are read right"

// look predicts a few patches and judges them.
func (t *Trainer) look(ctx context.Context, session backend.Session, id backend.DatasetID, expected float64) (Look, error) {
	var patches [][]complex64
	err := session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: t.Looks}, func(p backend.Patches) error {
		return dataset.EachPatch(p, len(t.Weight), func(_ int, patch []complex64) error {
			patches = append(patches, slices.Clone(patch))
			return nil
		})
	})
	if err != nil {
		return Look{}, err
	}
	return lookAt(patches, t.Weight, t.Flat, expected), nil
}

// again begins anew with other weights and a lower learning rate.
func (t *Trainer) again(dead *deadNetwork) error {
	b := Beginning{LearningRate: t.schedule.rate.Peak * math.Pow(restartFactor, float64(len(t.At.Beginnings))), Step: dead.step, Reason: dead.reason}
	t.At = Position{Data: t.At.Data, Beginnings: append(slices.Clone(t.At.Beginnings), b)}
	t.host.Notice("the network died in step %d at a learning rate of %.3g before it had learned anything: %s", b.Step, b.LearningRate, b.Reason)
	t.host.Notice("beginning anew with other weights at %.3g (%d of %d)", b.LearningRate*restartFactor, len(t.At.Beginnings), t.chances)
	var err error
	if t.State, err = t.Begin(len(t.At.Beginnings)); err != nil {
		return err
	}
	return nil
}
