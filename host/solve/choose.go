package solve

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
)

// endedHeldOut is the reason of the end of a run whose number of iterations held-out patterns determined.
const endedHeldOut = "held-out"

// choose sets what is fitted, and the number of iterations, by held-out patterns.
func (r *Report) choose(ctx context.Context, o *Options, data *scan.Scan, h host.Host) error {
	h.Notice("choosing what to fit by held-out patterns")
	tried := o.Solve
	watchChoice(&tried, h)
	choice, err := iterative.Choose(ctx, data, tried)
	if err != nil {
		return failure(o.Data, err)
	}
	h.Notice("%v", choice)
	o.Solve.Fit, o.Solve.Modes = choice.Fit, choice.Modes
	if !o.NoHeldOutStop && !choice.Falling {
		o.Solve.Iterations = choice.Iterations
	}
	r.Choice, r.Fit = choice, choice.Fit.Names()
	return nil
}

// watchChoice reports the progress of Choose. How many fits it will try is not known.
func watchChoice(o *iterative.Options, h host.Host) {
	if h.Progress == nil {
		return
	}
	var name string
	o.Trial = func(fit string) { name = fit }
	o.Progress = func(it iterative.Iteration) {
		h.Progress(host.Progress{Phase: "choose " + name, Step: it.Number, Description: fmt.Sprintf("choosing what to fit: %s, iteration %d, residual R %.5f", name, it.Number, it.R)})
	}
}

// end replaces the reason of the end where held-out patterns set the number of iterations.
func (r *Report) end(o Options) {
	if r.Choice != nil && !r.Choice.Falling && !o.NoHeldOutStop && r.Ended == "iterations" {
		r.Ended = endedHeldOut
	}
}
