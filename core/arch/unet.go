package arch

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/program"
)

// The buffers of the U-Net's input features. Package host/model measures them on the training patterns.
const (
	LogMean                 = "features.log_mean"                  // mean of ln(1+counts)
	LogDeviation            = "features.log_deviation"             // standard deviation of ln(1+counts)
	BackProjectionDeviation = "features.back_projection_deviation" // common standard deviation of Re b − 1 and Im b
)

// unetLevels is the number of times the image is halved; four did not improve results on simulated scans.
const unetLevels = 3

// headGain scales the head's initial weights. It is small, so that the first gradients depend on the patterns and not on
// the noise of random features, with which weak objects first trained the network to a flat output (ADR 6).
const headGain = 0.01

// unetSide returns an error for patterns that cannot be halved often enough.
func unetSide(n int) error {
	const least = 1 << unetLevels
	if n >= 2*least && n%least == 0 {
		return nil
	}
	return fmt.Errorf("--arch unet needs patterns whose side is a multiple of %d and at least %d, not %d×%d: leave --adapt-size auto, which crops or pads them, or use ptycho solve, which accepts any even side", least, 2*least, n, n)
}

// unet builds the default network: one pattern in, one object patch out, the same weights for every member of a group.
//
//	features  ln(1+counts) standardised; Re b − 1 and Im b of the back-projection b over their deviation
//	encoder   level l: two 3×3 convolutions of width w·2^l, w = 8·n-filters-scale, then max-pool
//	decoder   nearest ×2, concatenated with the encoder's level, two 3×3 convolutions
//	head      3×3, two outputs y
//	object    by Start: (1 + y0) + i·y1, so that training starts from the empty beam; or the sum of that and a start
//	FirstPass  the features also have the image of a first network, and O is that image plus y0 + i·y1
//
// A group is merged pairwise. With a symmetric probe, one pattern alone cannot distinguish an object from its twin.
func unet(b builder, c Config) error {
	if err := unetSide(c.N); err != nil {
		return err
	}
	n, group := program.Dim(c.N), program.Dim(c.Gridsize*c.Gridsize)
	base := c.BaseWidth
	if base == 0 {
		base = 8
	}
	width := func(level int) int { return base * c.FiltersScale << level }
	he := program.Init{Kind: program.HeNormal}

	x, in := b.features(n, group), 3
	if c.FirstPass {
		x, in = b.firstPass(x, n, group), in+firstPlanes
	}
	skips := make([]string, unetLevels)
	for l := range unetLevels {
		skips[l] = b.block(fmt.Sprintf("encoder.%d", l), x, in, width(l), he)
		x = b.op(fmt.Sprintf("encoder.%d.pool", l), program.MaxPool2, skips[l])
		in = width(l)
	}
	x = b.block("bottleneck", x, in, width(unetLevels), he)
	for l := unetLevels - 1; l >= 0; l-- {
		name := fmt.Sprintf("decoder.%d", l)
		up := b.op(name+".up", program.Upsample2, x)
		x = b.block(name, b.op(name+".concat", program.Concat, up, skips[l]), width(l+1)+width(l), width(l), he)
	}
	// The head starts small, so that the first objects are near the empty beam and the first gradients moderate.
	y := b.conv("head", x, width(0), 2, program.Init{Kind: program.HeNormal, Value: headGain})
	if c.Start == ScaledBeam {
		y = b.level(y, n, group)
	}
	re := b.with("head.real", program.SliceChannels, map[string]float64{"from": 0, "to": 1}, y)
	im := b.with("head.imag", program.SliceChannels, map[string]float64{"from": 1, "to": 2}, y)
	re, im = b.object(c, re, im, n, group)
	re = b.reshape("object.real", re, program.PerGroup(1), group, n, n)
	im = b.reshape("object.imag", im, program.PerGroup(1), group, n, n)
	b.begin(c, re, im)
	b.merge(c)
	return nil
}

// features adds the three input planes, real [−C, 3, N, N]. No gradient flows to them.
func (b builder) features(n, group program.Dim) string {
	mean := b.buffer(LogMean, "mean of ln(1+counts) over the training patterns")
	deviation := b.buffer(LogDeviation, "standard deviation of ln(1+counts)")
	log := b.op("features.log1p", program.Log1p, b.counts)
	log = b.op("features.log.centred", program.Sub, log, mean)
	log = b.op("features.log", program.Div, log, deviation)
	re, im := b.backProjection()
	return b.op("features", program.Concat, b.single("features.0", log, n, group), b.single("features.1", re, n, group), b.single("features.2", im, n, group))
}

// single turns the patterns of groups, [−1, C, N, N], into single images, [−C, 1, N, N].
func (b builder) single(name, v string, n, group program.Dim) string {
	return b.reshape(name, v, program.PerGroup(int(group)), 1, n, n)
}

// backProjection adds Re b − 1 and Im b of each pattern's back-projection b over their deviation, real [−1, C, N, N].
func (b builder) backProjection() (re, im string) {
	spread := b.buffer(BackProjectionDeviation, "standard deviation of the back-projection's Re b − 1 and Im b")
	bp := b.op("features.back_projection", program.BackProject, b.counts, program.Probe)
	re = b.with("features.real.centred", program.Affine, map[string]float64{"scale": 1, "shift": -1}, b.op("features.real", program.RealPart, bp))
	re = b.op("features.real.scaled", program.Div, re, spread)
	return re, b.op("features.imag.scaled", program.Div, b.op("features.imag", program.ImagPart, bp), spread)
}
