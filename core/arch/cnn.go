package arch

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/program"
)

// The buffers and the parameter that only the CNN has. It has AmplitudeScale, or the other two if its input is standardised.
const (
	AmplitudeScale     = "features.amplitude_scale"     // k = (N/2)/sqrt(mean Σ counts): makes the mean energy of a pattern (N/2)²
	AmplitudeMean      = "features.amplitude_mean"      // [N, N] mean of sqrt(counts) in each pixel
	AmplitudeDeviation = "features.amplitude_deviation" // [N, N] its standard deviation, at least LeastDeviation
	LogScale           = "log_scale"                    // the object's amplitude is e^log_scale times the activation's value
)

// LeastDeviation is the standard deviation of the root of a bright pixel's Poisson count. A smaller divisor would amplify noise.
const LeastDeviation = 0.5

// borderChannels is the number of decoder channels that predict the border of the patch, as in the reference.
const borderChannels = 4

// standardHead scales the initial weights of the heads of a network with a standardised input.
const standardHead = 0.1

// atHalf is where each --amp-activation has the value 1/2. As the initial bias of a head it gives amplitude 1.
var atHalf = map[string]float64{"sigmoid": 0, "swish": 0.738775, "softplus": -0.432752, "relu": 0.5}

// logTwo is the initial log-scale: a sigmoid at rest, 1/2, then gives amplitude 1, the empty beam.
const logTwo = 0.6931471805599453

// cnnLevels maps the side of a pattern to the levels of the autoencoder.
var cnnLevels = map[int]int{64: 3, 128: 4, 256: 5}

func cnnSide(n int) error {
	if cnnLevels[n] == 0 {
		return fmt.Errorf("--arch cnn needs patterns of 64×64, 128×128 or 256×256 pixels, not %d×%d: --arch unet accepts other sides", n, n)
	}
	return nil
}

// cnn builds the reference's autoencoder: the C patterns of a group are the channels of one image, and two decoders predict
// amplitude and phase of its C object patches.
//
//	input     k·sqrt(counts), mean energy (N/2)² a pattern; with Standardise sqrt(counts) less the mean of its pixel, over
//	          its deviation: without that the mean pattern, the same in all inputs, hides their differences for many epochs.
//	          With BackProject also Re b − 1 and Im b of the back-projection b over their deviation; with Align those of its
//	          central half at twice its size: the decoders predict that half from the whole bottleneck, and convolutions hardly
//	          move detail from one place to another
//	encoder   levels of two 3×3 convolutions with ReLU and max-pool, down to 8×8
//	decoders  levels of two 3×3 convolutions with ReLU and nearest ×2, up to N/2
//	head      with PadObject the central half from all but the last four channels, zeros around it; with ProbeBig the
//	          border from the last four channels; without PadObject one more level up to N
//	object    e^log_scale · act(amplitude) · exp(i·π·tanh(phase))
//
// With Separate the network is that of Gridsize 1 and sees each pattern alone. The patches of a group are merged pairwise, as the
// U-Net's are, so that a group still distinguishes an object from its twin.
//
// Otherwise a group is merged on a canvas. This implementation avoids three faults of the reference: the canvas is sized from the
// data (its N+14 overflows on real scans), numerator and denominator of the merge have the same weights, |P|² (its
// numerator was not masked, which amplified the border a thousand times), and each group has its own canvas for any batch
// size. The filters of the encoder for N = 64, 128, 256 start at 32, 16 and 8, times n-filters-scale.
func cnn(b builder, c Config) error {
	if err := cnnSide(c.N); err != nil {
		return err
	}
	levels := cnnLevels[c.N]
	activation, ok := map[string]program.OpKind{"": program.Sigmoid, "sigmoid": program.Sigmoid, "swish": program.SiLU,
		"softplus": program.Softplus, "relu": program.ReLU}[c.AmpActivation]
	if !ok {
		return fmt.Errorf("arch: cnn: --amp-activation %q, want sigmoid, swish, softplus or relu", c.AmpActivation)
	}
	group := c.Gridsize * c.Gridsize
	seen := group // at once, by the network
	if c.Separate {
		seen = 1
	}
	if seen > 1 && (c.Canvas < c.N || c.Canvas%2 != 0) {
		return fmt.Errorf("arch: cnn: canvas of %d px, want an even side of at least N = %d", c.Canvas, c.N)
	}
	base := c.BaseWidth
	if base == 0 {
		base = 32
	}
	unit := base * c.FiltersScale // the last decoder level; the encoder ends at 4·unit
	glorot := program.Init{Kind: program.GlorotUniform}

	x, in := b.cnnInput(c, seen)
	for l := range levels {
		width := 4 * unit >> (levels - 1 - l)
		if width < 1 {
			return fmt.Errorf("arch: cnn: level %d has no filters", l)
		}
		x = b.block(fmt.Sprintf("encoder.%d", l), x, in, width, glorot)
		x = b.op(fmt.Sprintf("encoder.%d.pool", l), program.MaxPool2, x)
		in = width
	}
	head := cnnHead{b: b, c: c, bottleneck: in, unit: unit, levels: levels, channels: seen}
	amplitude, err := head.decoder("amplitude", x, activation)
	if err != nil {
		return err
	}
	phase, err := head.decoder("phase", x, program.Tanh)
	if err != nil {
		return err
	}
	b.param(LogScale, program.Init{Kind: program.Constant, Value: logTwo})
	amplitude = b.op("object.amplitude", program.Mul, amplitude, b.op("object.scale", program.Exp, LogScale))
	if seen < group {
		n := program.Dim(c.N)
		amplitude = b.reshape("object.amplitude.group", amplitude, program.PerGroup(1), program.Dim(group), n, n)
		phase = b.reshape("object.phase.group", phase, program.PerGroup(1), program.Dim(group), n, n)
	}
	b.op(program.Patches, program.Polar, amplitude, phase)
	if seen == 1 {
		b.merge(c)
	} else {
		b.mergeOnCanvas(c)
	}
	return nil
}

// mergeOnCanvas adds the value Merged: the patches that a canvas with all patches of the group has at their places.
func (b builder) mergeOnCanvas(c Config) {
	b.op("merge_weight", program.MergeWeight, program.Probe)
	b.with("canvas", program.Assemble, map[string]float64{"canvas": float64(c.Canvas)}, program.Patches, program.Offsets, "merge_weight")
	b.with(Merged, program.Extract, map[string]float64{"n": float64(c.N)}, "canvas", program.Offsets)
	b.p.Outputs = append(b.p.Outputs, program.Output{Name: "canvas", Value: "canvas"})
}

// cnnInput adds the input of the encoder, which sees that many patterns at once, and returns it with its number of channels: one for each
// pattern, with BackProject three.
func (b builder) cnnInput(c Config, seen int) (string, int) {
	n, group := program.Dim(c.N), program.Dim(c.Gridsize*c.Gridsize)
	alone := func(name, plane string) string {
		if seen == int(group) {
			return plane
		}
		return b.single(name, plane, n, group)
	}
	if !c.BackProject {
		return alone("features.single", b.amplitudes(c, "features")), seen
	}
	re, im := b.backProjection()
	if c.Align && c.PadObject {
		re, im = b.enlarge("features.real.central", re, c.N), b.enlarge("features.imag.central", im, c.N)
	}
	amplitudes := alone("features.0", b.amplitudes(c, "features.input"))
	return b.op("features", program.Concat, amplitudes, alone("features.1", re), alone("features.2", im)), 3 * seen
}

// enlarge adds the central half of a plane at twice its size, [−1, C, N, N].
func (b builder) enlarge(name, plane string, n int) string {
	return b.op(name+".enlarged", program.Upsample2, b.with(name, program.Crop, map[string]float64{"amount": float64(n / 4)}, plane))
}

// amplitudes adds the plane of each pattern, real [−1, C, N, N].
func (b builder) amplitudes(c Config, name string) string {
	x := b.op("features.amplitude", program.Sqrt, b.counts)
	if !c.Standardise {
		return b.op(name, program.Mul, x, b.buffer(AmplitudeScale, "(N/2)/sqrt(mean Σ counts) of the training patterns"))
	}
	x = b.op("features.centred", program.Sub, x, b.buffer(AmplitudeMean, "mean of sqrt(counts) in each pixel over the training patterns", c.N, c.N))
	return b.op(name, program.Div, x, b.buffer(AmplitudeDeviation, "standard deviation of sqrt(counts) in each pixel", c.N, c.N))
}

type cnnHead struct {
	b          builder
	c          Config
	bottleneck int // channels
	unit       int
	levels     int
	channels   int // of the output, one per pattern of the group
}

// decoder adds one decoder with its head and returns its value, real [−1, C, N, N].
func (h cnnHead) decoder(name, x string, activation program.OpKind) (string, error) {
	b, glorot := h.b, program.Init{Kind: program.GlorotUniform}
	in := h.bottleneck
	for l := range h.levels - 1 {
		width := h.unit << (h.levels - 2 - l)
		level := fmt.Sprintf("%s.%d", name, l)
		x = b.op(level+".up", program.Upsample2, b.block(level, x, in, width, glorot))
		in = width
	}
	border := h.unit * (2048 / h.c.N) / 32 // filters of the border's level: 2048/N times n-filters-scale
	if !h.c.PadObject {
		x = b.op(name+".border.up", program.Upsample2, b.block(name+".border", x, in, border, glorot))
		return h.activate(name, h.last(name+".border.head", x, border, half(activation, h.c.AmpActivation)), activation), nil
	}
	if in <= borderChannels {
		return "", fmt.Errorf("arch: cnn: %d channels before the head, want more than %d", in, borderChannels)
	}
	inner := b.with(name+".inner", program.SliceChannels, map[string]float64{"from": 0, "to": float64(in - borderChannels)}, x)
	inner = h.activate(name+".inner", h.last(name+".head", inner, in-borderChannels, half(activation, h.c.AmpActivation)), activation)
	inner = b.with(name+".inner.padded", program.Pad, map[string]float64{"amount": float64(h.c.N / 4)}, inner)
	if !h.c.ProbeBig {
		return inner, nil
	}
	outer := b.with(name+".outer", program.SliceChannels, map[string]float64{"from": float64(in - borderChannels), "to": float64(in)}, x)
	outer = b.op(name+".border.up", program.Upsample2, b.block(name+".border", outer, borderChannels, border, glorot))
	outer = b.op(name+".border.silu", program.SiLU, h.last(name+".border.head", outer, border, half(activation, "swish")))
	outer = b.op(name+".border.masked", program.MaskCenter, outer)
	return b.op(name+".sum", program.Add, inner, outer), nil
}

// last adds the head's convolution. With a standardised input its results start near those of an empty beam: small weights, and a
// bias that gives amplitude 1 and phase 0.
func (h cnnHead) last(name, x string, in int, bias float64) string {
	if !h.c.Standardise {
		return h.b.conv(name, x, in, h.channels, program.Init{Kind: program.GlorotUniform})
	}
	return h.b.biased(name, x, in, h.channels, program.Init{Kind: program.GlorotUniform, Value: standardHead}, bias)
}

// half returns the initial bias of an amplitude's head with the named activation; a phase starts at 0.
func half(activation program.OpKind, name string) float64 {
	if activation == program.Tanh {
		return 0
	}
	return atHalf[name]
}

// activate applies the head's activation; a phase is π·tanh.
func (h cnnHead) activate(name, x string, activation program.OpKind) string {
	x = h.b.op(name+".activation", activation, x)
	if activation == program.Tanh {
		return h.b.with(name+".phase", program.Affine, map[string]float64{"scale": 3.141592653589793}, x)
	}
	return x
}

// CanvasFor returns the side of a canvas that holds patches of N pixels at offsets of at most the given number of pixels
// from the group's centre: N + 2·ceil(offset) and two more for the interpolation, even.
func CanvasFor(n int, offset float64) int {
	side := n + 2*(int(offset)+1)
	return side + side%2
}
