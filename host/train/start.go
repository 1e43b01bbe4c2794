package train

import (
	"math"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host/train/loop"
)

const (
	// leastShared is the share of the amplitudes' variance from which they are taken for the object's. Simulated scans have at least 0.98,
	// a measured one whose beam flickers by more than its object absorbs has 0.12.
	leastShared = 0.5
	// leastForStart is the number of patterns from which the share is known well enough.
	leastForStart = 32
)

// networkStart returns the start of the network: in a resumed run that of its checkpoint, whatever the patterns are now, because the weights
// belong to it.
func (run *training) networkStart(m config.Model) (string, error) {
	if run.cfg.Execution().Resume != "" && run.folder != nil {
		var at loop.Position
		if _, _, err := run.folder.checkpoint(&at); at.Start != "" || err != nil {
			return at.Start, err
		}
	}
	return run.inputs.start(m), nil
}

// start returns the start of the network, which it chooses for config.StartAuto (ADR 17).
func (in *inputs) start(m config.Model) string {
	switch {
	case m.Start != config.StartAuto:
		return m.Start
	case in.first != nil || !arch.Has(m.Arch, "start") || in.older():
		return arch.EmptyBeam
	case len(in.Train) < leastForStart:
		in.h.Notice("start: %s, because %d training patterns are too few to choose by", arch.EmptyBeam, len(in.Train))
		return arch.EmptyBeam
	}
	shared, start, only := in.sharedVariance(), arch.ScaledBeam, ""
	if shared < leastShared {
		start, only = arch.EmptyBeam, "only "
	}
	in.h.Notice("start: %s, because the nearest patterns share %s%.0f %% of the variance of their amplitudes", start, only, 100*shared) // in percent
	return start
}

// older reports whether the resumed run is older than the setting, so that it has not stored it: it started from the empty beam.
func (in *inputs) older() bool {
	v, _ := in.cfg.Lookup("model.start")
	return in.cfg.Execution().Resume != "" && v.Origin.Layer == config.DefaultLayer
}

// sharedVariance returns the share of the variance of the training patterns' amplitudes, the roots of their photons, that each has in common
// with the nearest pattern, 0 to 1: 1 − Σ(a − a of the nearest)²/2Σ(a − mean)². It is near 1 where the object makes the amplitudes, and near 0 where the beam or
// photon noise does.
func (in *inputs) sharedVariance() float64 {
	a, mean := make([]float64, len(in.Train)), 0.0
	rows, cols := make([]float64, len(in.Train)), make([]float64, len(in.Train))
	for j, photons := range in.countPhotons() {
		a[j] = math.Sqrt(photons)
		mean += a[j] / float64(len(a))
		rows[j], cols[j] = in.Scan.Rows[in.Train[j]], in.Scan.Cols[in.Train[j]]
	}
	near, err := scan.NewTree(rows, cols)
	if err != nil { // positions that are not finite never come this far
		return 0
	}
	var all, between float64
	for j, nearest := range near.Nearest() {
		all += (a[j] - mean) * (a[j] - mean)
		between += (a[j] - a[nearest]) * (a[j] - a[nearest]) / 2
	}
	if equal := 1e-6 * mean; all <= equal*equal*float64(len(a)) { // rounding is left of equal amplitudes
		return 0
	}
	return max(0, 1-between/all)
}
