package golden

import "github.com/ptychogo/ptycho/core/program"

// shape reads extents; a negative one is per group.
func shape(extents ...program.Dim) program.Shape { return extents }

func realOf(name string, d draw, extents ...program.Dim) argument {
	return argument{name, program.Real, shape(extents...), d}
}

func complexOf(name string, extents ...program.Dim) argument {
	return argument{name, program.Complex, shape(extents...), signed}
}

func one(in ...argument) []example { return []example{{in: in}} }

func with(attrs map[string]float64, in ...argument) example { return example{attrs: attrs, in: in} }

// Arguments that several operations share. No two extents of an image are equal.
var (
	vector  = realOf("x", signed, -1, 3, 5)
	wave    = complexOf("x", -1, 3, 5)
	planes  = realOf("x", signed, -1, 3, 4, 6)
	even    = realOf("x", distinct, -1, 2, 4, 6)
	objects = complexOf("objects", -1, 3, 6, 5)
	offsets = realOf("offsets", offset, -1, 3, 2)
	index   = argument{"index", program.Index, shape(-1, 3), below(4)}
	lambda  = realOf("lambda", expected, -1, 3, 4, 5)
	photons = realOf("counts", counts, -1, 3, 4, 5)
	valid   = realOf("mask", mask, 4, 5)
)

func loss() []example {
	return []example{
		{in: []argument{lambda, photons, valid}},
		{note: "a mask for each pattern", in: []argument{lambda, photons, realOf("mask", mask, -1, 3, 4, 5)}},
	}
}

func binary() []example {
	return []example{
		{in: []argument{realOf("a", signed, -1, 3, 5), realOf("b", signed, -1, 3, 5)}},
		{note: "b is broadcast along the first axis", in: []argument{realOf("a", signed, -1, 3, 5), realOf("b", signed, 3, 5)}},
		{note: "b is a scalar", in: []argument{realOf("a", signed, -1, 3, 5), realOf("b", signed)}},
		{in: []argument{complexOf("a", -1, 3, 5), complexOf("b", 5)}},
	}
}

// examples has cases for every kind.
var examples = map[program.OpKind][]example{
	program.ReLU:      {{in: []argument{vector}}, {note: "the derivative at 0 is 0", in: []argument{realOf("x", exactly(0, -1, 1), 3)}}},
	program.LeakyReLU: {with(map[string]float64{"slope": 0.25}, vector), {note: "the derivative at 0 is the slope", in: []argument{realOf("x", exactly(0, -1, 1), 3)}}},
	program.Sigmoid:   one(vector), program.Tanh: one(vector), program.SiLU: one(vector), program.Exp: one(vector), program.Square: one(vector),
	program.Softplus: {{in: []argument{vector}}, {note: "large numbers do not overflow", in: []argument{realOf("x", exactly(-100, -20, 0, 20, 100), 5)}}},
	program.Log1p:    one(realOf("x", signed, -1, 3, 5)),
	program.Sqrt:     {{in: []argument{realOf("x", positive, -1, 3, 5)}}, {note: "the derivative at 0 is 0", in: []argument{realOf("x", exactly(0, 1, 4), 3)}}},
	program.Affine:   {with(map[string]float64{"scale": -1.5, "shift": 0.25}, vector)},

	program.Add: binary(), program.Sub: binary(),
	program.Mul: append(binary(), example{note: "a complex and a real", in: []argument{complexOf("a", -1, 3, 5), realOf("b", signed, 3, 5)}}),
	program.Div: {{in: []argument{realOf("a", signed, -1, 3, 5), realOf("b", positive, -1, 3, 5)}},
		{note: "b is broadcast along the first axis", in: []argument{realOf("a", signed, -1, 3, 5), realOf("b", positive, 3, 5)}}},

	program.Reshape:       {{shape: shape(-3, 1, 4, 6), in: []argument{planes}}},
	program.Concat:        one(realOf("a", signed, -1, 2, 3, 5), realOf("b", signed, -1, 1, 3, 5), realOf("c", signed, -1, 3, 3, 5)),
	program.SliceChannels: {with(map[string]float64{"from": 1, "to": 3}, realOf("x", signed, -1, 4, 3, 5))},
	program.Pad:           {with(map[string]float64{"amount": 2}, realOf("x", signed, -1, 2, 3, 5)), with(map[string]float64{"amount": 1}, complexOf("x", -1, 3, 4))},
	program.Crop:          {with(map[string]float64{"amount": 1}, realOf("x", signed, -1, 2, 4, 6)), with(map[string]float64{"amount": 1}, complexOf("x", -1, 5, 6))},
	program.MaskCenter:    {{in: []argument{realOf("x", signed, -1, 2, 8, 6)}}, {note: "odd sides, complex", in: []argument{complexOf("x", -1, 7, 5)}}},
	program.Detach:        one(vector),

	program.Conv2D: {
		{in: []argument{planes, realOf("weight", signed, 2, 3, 3, 3), realOf("bias", signed, 2)}},
		{note: "a kernel of 5", in: []argument{realOf("x", signed, -1, 2, 4, 6), realOf("weight", signed, 1, 2, 5, 5), realOf("bias", signed, 1)}},
		{note: "a kernel of 1", in: []argument{planes, realOf("weight", signed, 4, 3, 1, 1), realOf("bias", signed, 4)}},
	},
	program.MaxPool2: {{in: []argument{even}}, {note: "every maximum of a tie gets the whole gradient", in: []argument{realOf("x", exactly(1, 1, 0, 2, 1, -1, 0, 0, 1, 1, 0, 2, 1, 1, 2, 2), -1, 1, 2, 4)}}},
	program.AvgPool2: one(even), program.Upsample2: one(realOf("x", signed, -1, 2, 2, 3)),
	program.GlobalMean:  one(planes),
	program.Dense:       one(realOf("x", signed, -1, 5), realOf("weight", signed, 3, 5), realOf("bias", signed, 3)),
	program.ScalePlanes: one(planes, realOf("factors", signed, -1, 3)),

	program.MakeComplex: one(realOf("re", signed, -1, 3, 5), realOf("im", signed, -1, 3, 5)),
	program.Polar:       one(realOf("amplitude", signed, -1, 3, 5), realOf("phase", signed, -1, 3, 5)),
	program.RealPart:    one(wave), program.ImagPart: one(wave), program.Abs2: one(wave), program.Conj: one(wave),

	program.FFT2: {with(map[string]float64{"inverse": 0}, complexOf("x", -1, 6, 5)), with(map[string]float64{"inverse": 1}, complexOf("x", -1, 3, 8))},
	program.Illuminate: {
		{in: []argument{complexOf("objects", -1, 3, 3, 4), complexOf("probe", 2, 3, 4)}},
		{note: "a probe for each pattern", in: []argument{complexOf("objects", -1, 2, 3, 4), complexOf("probe", -1, 2, 2, 3, 4)}},
	},
	program.Intensity: one(complexOf("x", -1, 2, 3, 3, 4)),
	program.Translate: {
		with(map[string]float64{"sign": 1}, complexOf("x", -1, 3, 6, 5), offsets),
		with(map[string]float64{"sign": -1}, realOf("x", signed, -1, 3, 4, 7), offsets),
	},
	program.MergeWeight: {with(map[string]float64{"floor": 0.25}, complexOf("probe", 2, 4, 5)), with(map[string]float64{}, complexOf("probe", -1, 3, 2, 4, 5))},
	program.MergePairwise: {
		{in: []argument{objects, offsets, realOf("weight", weight, 6, 5)}},
		{note: "a weight for each member", in: []argument{complexOf("objects", -1, 2, 5, 6), realOf("offsets", offset, -1, 2, 2), realOf("weight", weight, -1, 2, 5, 6)}},
	},
	program.Assemble: {with(map[string]float64{"canvas": 10}, complexOf("objects", -1, 3, 5, 5), offsets, realOf("weight", weight, 5, 5)),
		with(map[string]float64{"canvas": 8}, complexOf("objects", -1, 2, 6, 6), realOf("offsets", offset, -1, 2, 2), realOf("weight", weight, -1, 2, 6, 6))},
	program.Extract: {with(map[string]float64{"n": 5}, complexOf("canvas", -1, 8, 8), offsets), with(map[string]float64{"n": 4}, complexOf("canvas", -1, 8, 8), offsets)},
	program.BackProject: {with(map[string]float64{"epsilon": 0.125}, realOf("counts", counts, -1, 2, 4, 5), complexOf("probe", 2, 4, 5)),
		{note: "a probe for each pattern", in: []argument{realOf("counts", counts, -1, 2, 4, 5), complexOf("probe", -1, 2, 1, 4, 5)}}},
	program.Gather: {{in: []argument{realOf("table", signed, 4, 2, 3), index}}, {in: []argument{complexOf("table", 4, 3), index}}},

	program.MeanPixels:      one(realOf("x", signed, -1, 3, 4, 5)),
	program.PoissonDeviance: loss(), program.PoissonNLL: loss(), program.AmplitudeLoss: loss(), program.AmplitudeMAE: loss(),
	program.ExpectedDeviance: one(realOf("lambda", oneOf(0.0009765625, 0.125, 0.5, 1, 3, 10, 49, 60, 1000), -1, 3, 4, 5), valid),
}
