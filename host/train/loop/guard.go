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

// restartFactor multiplies the learning rate at each restart.
const restartFactor = 0.5

// Thresholds that distinguish a collapsed network from one that learns slowly. On small scans of weak objects healthy networks
// showed a flat object (contrast 0.002 to 0.01) for up to ten epochs before they learned; networks with dead ReLUs stayed
// below 1e-9.
const (
	deadContrast = 1e-5 // the rounding of a back-projection stays below it
	growing      = 1.1  // gain in contrast and response between two looks that counts as learning
	likeFlat     = 0.95 // share of the flat object's deviance above which a flat object explains an epoch
	slowSteps    = 400  // steps that an object may stay flat without growing
	firstLook    = 150  // a plan of fewer steps is too short to expect more than a flat object
)

// collapse is the error of a run whose network diverged or whose object stays flat.
type collapse struct {
	step   int
	reason string
	err    error
}

func (c *collapse) Error() string { return c.err.Error() }

func (c *collapse) Unwrap() error { return c.err }

// collapsed returns the error of a run whose network collapsed, with exit code 15.
func (t *Trainer) collapsed(at Position, reason, fix string) error {
	kept := "no checkpoint had been written"
	if n := len(t.At.Records); n > 0 {
		kept = fmt.Sprintf("the checkpoint of epoch %d is kept", n)
	}
	return &collapse{at.Done, reason, host.Failf(host.ExitDiverged, "train: epoch %d, step %d: %s; %s; %s", at.Epoch+1, at.Done, reason, kept, fix)}
}

// exploded returns an error if the deviance is not finite or far too large. The normal deviance is that of the flat object,
// or of the first step if that is larger.
func (t *Trainer) exploded(at *Position, r backend.StepResult, rate float64) error {
	deviance := r.Scalars[arch.Deviance].Mean()
	if at.Done == 1 {
		at.First = deviance
	}
	normal := max(t.Flat, at.First)
	switch {
	case math.IsNaN(deviance), math.IsInf(deviance, 0):
		return t.collapsed(*at, "the gradient is not finite", t.cause(rate))
	case t.explodes > 0 && deviance > t.explodes*normal:
		return t.collapsed(*at, fmt.Sprintf("the deviance is %.3g per pixel, more than %g times the normal %.3g", deviance, t.explodes, normal), t.cause(rate))
	}
	return nil
}

// cause names the most likely reason of a divergence and a fix.
func (t *Trainer) cause(rate float64) string {
	if t.template.Clip.Kind == backend.ClipNone {
		return fmt.Sprintf("the gradient is not clipped: try --gradient-clip-val 1, or a --learning-rate below %.3g", rate)
	}
	return fmt.Sprintf("the learning rate was %.3g: try a lower --learning-rate", rate)
}

// explain turns a numeric error of the backend in step at.Done into the error of a collapsed network.
func (t *Trainer) explain(err error, at Position) error {
	if backend.KindOf(err) != backend.Numeric {
		return err
	}
	return t.collapsed(at, err.Error(), t.cause(t.schedule.at(at.Epoch*t.schedule.stepsPerEpoch+at.Step, at)))
}

// guard returns an error if the object stays flat.
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
			return t.collapsed(*at, "the object stays flat: "+look.Reason, flatFix)
		}
		return nil
	}
	at.FlatLooks = 0
	explained := record.Deviance > likeFlat*t.Flat // by a flat object
	if !explained || look.Contrast > growing*before.Contrast && look.Response > growing*before.Response {
		at.FlatSince = at.Done
	}
	if explained && (at.Done-at.FlatSince > slowSteps || at.Epoch == t.planned && at.Done > firstLook) {
		return t.collapsed(*at, "the object stays flat: "+look.Reason, flatFix)
	}
	return nil
}

// flatFix is the advice for a run whose object stays flat.
const flatFix = "try a lower --learning-rate, more epochs or another --seed, and check with ptycho inspect that positions and units are read correctly"

// look predicts a few patches and checks what the network makes of an empty beam: a start is subtracted, which varies
// even if the network is dead.
func (t *Trainer) look(ctx context.Context, session backend.Session, id backend.DatasetID, expected float64) (Look, error) {
	var patches [][]complex64
	err := session.Reconstruct(ctx, backend.ReconPlan{Dataset: id, Batches: t.Looks}, func(p backend.Patches) error {
		return dataset.EachPatch(p, len(t.Weight), func(i int, patch []complex64) error {
			patch = slices.Clone(patch)
			if t.Start != nil {
				subtract(patch, t.Start(int(t.Looks[p.Batch].Rows[i])))
			}
			patches = append(patches, patch)
			return nil
		})
	})
	if err != nil {
		return Look{}, err
	}
	return lookAt(patches, t.Weight, t.Flat, expected), nil
}

func subtract(patch, start []complex64) {
	for i, v := range start {
		patch[i] -= v
	}
}

// restart restarts the training with other weights and a lower learning rate.
func (t *Trainer) restart(cause *collapse) error {
	b := Beginning{LearningRate: t.schedule.rate.Peak * math.Pow(restartFactor, float64(len(t.At.Beginnings))), Step: cause.step, Reason: cause.reason}
	t.At = Position{Data: t.At.Data, FirstPass: t.At.FirstPass, Start: t.At.Start, Beginnings: append(slices.Clone(t.At.Beginnings), b)}
	t.host.Notice("the network collapsed in step %d at learning rate %.3g before it learned: %s", b.Step, b.LearningRate, b.Reason)
	t.host.Notice("restarting the training with other weights at learning rate %.3g (restart %d of %d)", b.LearningRate*restartFactor, len(t.At.Beginnings), t.restarts)
	var err error
	if t.State, err = t.Begin(len(t.At.Beginnings)); err != nil {
		return err
	}
	return nil
}
