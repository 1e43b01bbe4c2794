package arch

import "github.com/ptychogo/ptycho/core/program"

// The inputs of a network that corrects the image of a first pass. Package host/infer computes them.
const (
	FirstImage      = "first_image"      // M, the image of the first pass where the pattern lies
	FirstCorrection = "first_correction" // b of physics.Corrector: what the pattern changes in M
)

// The buffers of these inputs, measured on the training patterns.
const (
	FirstImageDeviation      = "features.first_image_deviation"      // common standard deviation of Re M − 1 and Im M
	FirstCorrectionDeviation = "features.first_correction_deviation" // common standard deviation of Re b and Im b
)

// firstPlanes is the number of planes that firstPass adds to the features.
const firstPlanes = 4

// firstPass adds the inputs of a first pass and returns the features with four more planes, real [−C, 7, N, N]: Re M − 1, Im M, Re b
// and Im b over their deviations. No gradient flows to them.
func (b builder) firstPass(x string, n, group program.Dim) string {
	input := func(name, doc string) {
		b.p.Inputs = append(b.p.Inputs, program.Input{Name: name, Type: program.Type{Kind: program.Complex, Shape: program.Shape{program.PerGroup(1), group, n, n}}, Doc: doc})
	}
	input(FirstImage, "image of the first pass, an amplitude of 1 gives the mean counts")
	input(FirstCorrection, "change of that image by the pattern")
	spread := b.buffer(FirstImageDeviation, "standard deviation of the first image's Re M − 1 and Im M")
	re := b.with("features.first.real.centred", program.Affine, map[string]float64{"scale": 1, "shift": -1}, b.op("first.real", program.RealPart, FirstImage))
	re = b.op("features.first.real", program.Div, re, spread)
	im := b.op("features.first.imag", program.Div, b.op("first.imag", program.ImagPart, FirstImage), spread)
	spread = b.buffer(FirstCorrectionDeviation, "standard deviation of the correction's Re b and Im b")
	changeRe := b.op("features.correction.real", program.Div, b.op("correction.real", program.RealPart, FirstCorrection), spread)
	changeIm := b.op("features.correction.imag", program.Div, b.op("correction.imag", program.ImagPart, FirstCorrection), spread)
	return b.op("features.all", program.Concat, x, b.single("features.3", re, n, group), b.single("features.4", im, n, group),
		b.single("features.5", changeRe, n, group), b.single("features.6", changeIm, n, group))
}

// object returns the real and the imaginary part of the object patches from the outputs of a network, real [−C, 1, N, N]: the empty beam
// or the image of the first pass, plus the output.
func (b builder) object(c Config, re, im string, n, group program.Dim) (string, string) {
	if !c.FirstPass {
		return b.with("object.real.flat", program.Affine, map[string]float64{"scale": 1, "shift": 1}, re), im
	}
	return b.op("object.real.flat", program.Add, re, b.single("first.real.flat", "first.real", n, group)),
		b.op("object.imag.flat", program.Add, im, b.single("first.imag.flat", "first.imag", n, group))
}
