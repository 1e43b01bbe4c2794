package solve

import (
	"context"

	"github.com/ptychogo/ptycho/core/scan"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
)

// endedHeldOut is the reason of the end of a run whose number of iterations held-out patterns determined.
const endedHeldOut = "held-out"

// choose sets what is fitted, and the number of iterations, by held-out patterns.
func (r *Report) choose(ctx context.Context, o *Options, data *scan.Scan, h host.Host) error {
	h.Notice("choosing what to fit by held-out patterns")
	choice, err := iterative.Choose(ctx, data, o.Solve)
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

// end replaces the reason of the end where held-out patterns set the number of iterations.
func (r *Report) end(o Options) {
	if r.Choice != nil && !r.Choice.Falling && !o.NoHeldOutStop && r.Ended == "iterations" {
		r.Ended = endedHeldOut
	}
}
