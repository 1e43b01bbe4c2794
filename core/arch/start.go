package arch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/program"
)

// Starts of the U-Net: what it makes of an output of 0 (ADR 17). Y is its output, b the back-projection of a pattern.
const (
	EmptyBeam      = "empty-beam"      // 1 + y
	ScaledBeam     = "scaled-beam"     // a·(1 + y − 0.9·mean of y over the light), a = √(counts of the pattern / counts of the empty beam)
	BackProjection = "back-projection" // 1 + b − b0 + y, where b0 is the back-projection of the empty beam's pattern
)

// Starts lists the starts of the U-Net, the default first.
var Starts = []string{EmptyBeam, ScaledBeam, BackProjection}

// levelled is the share of an output's mean that a scaled beam leaves out. The counts determine the mean already. Steps that move all
// weights alike change it most, and without this factor the rising learning rate carries the object far from the right mean.
const levelled = 0.9

func checkStart(start string) error {
	if start == "" || slices.Contains(Starts, start) {
		return nil
	}
	return fmt.Errorf("arch: unknown start %q, want one of %s", start, strings.Join(Starts, ", "))
}

// begin adds the value program.Patches: the start and the output of the network, both complex [−1, C, N, N]. No gradient flows to the start.
func (b builder) begin(c Config, re, im string) {
	switch c.Start {
	case ScaledBeam:
		a := b.scale(c)
		b.op(program.Patches, program.MakeComplex, b.op("object.real.scaled", program.ScalePlanes, re, a), b.op("object.imag.scaled", program.ScalePlanes, im, a))
	case BackProjection:
		b.op(program.Patches, program.Add, b.op("object.output", program.MakeComplex, re, im), b.difference(c))
	default:
		b.op(program.Patches, program.MakeComplex, re, im)
	}
}

// emptyPattern adds the pattern of the empty beam without background, real [1, 1, N, N].
func (b builder) emptyPattern(c Config) string {
	n := program.Dim(c.N)
	beam := b.reshape("empty.exit_wave", program.Probe, 1, 1, program.Dim(c.Modes), n, n)
	return b.op("empty.intensity", program.Intensity, b.op("empty.far_field", program.FFT2, beam))
}

// scale adds the amplitude a of the constant object that has the counts of each pattern in the valid pixels, real [−1, C].
func (b builder) scale(c Config) string {
	valid := b.op("empty.valid", program.Mul, b.emptyPattern(c), program.Mask)
	empty := b.reshape("empty.mean", b.op("empty.mean.plane", program.GlobalMean, valid))
	mean := b.op("scale.mean", program.GlobalMean, b.op("scale.counts", program.Mul, b.counts, program.Mask))
	return b.op("scale", program.Sqrt, b.op("scale.square", program.Div, mean, empty))
}

// level subtracts most of the mean over the light from each plane of y, real [−C, 2, N, N].
func (b builder) level(y string, n, group program.Dim) string {
	light := b.op("level.light", program.MergeWeight, program.Probe)
	total := b.reshape("level.total", b.op("level.total.plane", program.GlobalMean, b.reshape("level.light.plane", light, 1, 1, n, n)))
	mean := b.op("level.mean", program.Div, b.op("level.sum", program.GlobalMean, b.op("level.lit", program.Mul, y, light)), total)
	one := b.single("level.one", b.with("level.counts", program.Affine, map[string]float64{"scale": 0, "shift": levelled}, b.counts), n, group)
	spread := b.op("level.spread", program.ScalePlanes, b.op("level.share", program.Concat, one, one), mean)
	return b.op("level", program.Sub, y, spread)
}

// difference adds b − b0, complex [−1, C, N, N]: the back-projection of each pattern less that of the pattern of the empty beam. It is near 0
// where the probe is dark, and it is 0 for the empty beam. The background is left out of b0, because a background that is fitted in
// training is not known in an inference.
func (b builder) difference(c Config) string {
	n := program.Dim(c.N)
	b0 := b.reshape("empty.object", b.op("empty.back_projection", program.BackProject, b.emptyPattern(c), program.Probe), n, n)
	return b.op("object.start", program.Sub, "features.back_projection", b0)
}
