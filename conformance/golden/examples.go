package golden

import "github.com/ptychogo/ptycho/core/program"

// shape converts extents; a negative one is per group.
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
	// emptyFirst is a mask for each pattern, 0 in all of the first.
	emptyFirst = realOf("mask", zerosThen(4*5, mask), -1, 3, 4, 5)
)

func loss() []example {
	return []example{
		{in: []argument{lambda, photons, valid}},
		{note: "a mask for each pattern", in: []argument{lambda, photons, realOf("mask", mask, -1, 3, 4, 5)}},
		{note: "the first pattern has no valid pixel: its loss is 0 and has no gradient", in: []argument{lambda, photons, emptyFirst}},
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
	program.MergeWeight: {with(map[string]float64{"floor": 0.25}, complexOf("probe", 2, 4, 5)), with(map[string]float64{}, complexOf("probe", -1, 3, 2, 4, 5)),
		{note: "a probe of zeros: the floor everywhere", attrs: map[string]float64{"floor": 0.25}, in: []argument{{"probe", program.Complex, shape(2, 4, 5), exactly()}}}},
	program.MergePairwise: {
		{in: []argument{objects, offsets, realOf("weight", weight, 6, 5)}},
		{note: "a weight for each member", in: []argument{complexOf("objects", -1, 2, 5, 6), realOf("offsets", offset, -1, 2, 2), realOf("weight", weight, -1, 2, 5, 6)}},
		{note: "0 where the sum of weights is 0", in: []argument{objects, offsets, realOf("weight", zerosThen(4*5, weight), 6, 5)}},
		{note: "all weights are 0", in: []argument{objects, offsets, realOf("weight", exactly(), 6, 5)}},
	},
	program.Assemble: {with(map[string]float64{"canvas": 10}, complexOf("objects", -1, 3, 5, 5), offsets, realOf("weight", weight, 5, 5)),
		with(map[string]float64{"canvas": 8}, complexOf("objects", -1, 2, 6, 6), realOf("offsets", offset, -1, 2, 2), realOf("weight", weight, -1, 2, 6, 6)),
		{note: "patches of more rows than columns: the corner of the rows holds for both axes", attrs: map[string]float64{"canvas": 10}, in: []argument{objects, offsets, realOf("weight", weight, 6, 5)}},
		{note: "all weights are 0", attrs: map[string]float64{"canvas": 8}, in: []argument{complexOf("objects", -1, 3, 5, 5), offsets, realOf("weight", exactly(), 5, 5)}}},
	program.Extract: {with(map[string]float64{"n": 5}, complexOf("canvas", -1, 8, 8), offsets), with(map[string]float64{"n": 4}, complexOf("canvas", -1, 8, 8), offsets),
		{note: "a canvas of more rows than columns: the corner of the rows holds for both axes", attrs: map[string]float64{"n": 4}, in: []argument{complexOf("canvas", -1, 9, 6), offsets}}},
	program.BackProject: {with(map[string]float64{"epsilon": 0.125}, realOf("counts", counts, -1, 2, 4, 5), complexOf("probe", 2, 4, 5)),
		{note: "a probe for each pattern", in: []argument{realOf("counts", counts, -1, 2, 4, 5), complexOf("probe", -1, 2, 1, 4, 5)}}},
	program.Gather: {{in: []argument{realOf("table", signed, 4, 2, 3), index}}, {in: []argument{complexOf("table", 4, 3), index}}},

	program.MeanPixels:      one(realOf("x", signed, -1, 3, 4, 5)),
	program.PoissonDeviance: loss(), program.PoissonNLL: loss(), program.AmplitudeLoss: loss(), program.AmplitudeMAE: loss(),
	program.ExpectedDeviance: {
		{in: []argument{realOf("lambda", oneOf(0.0009765625, 0.125, 0.5, 1, 3, 10, 49, 60, 1000), -1, 3, 4, 5), valid}},
		{note: "large λ, where E[K·ln K] and λ·ln λ cancel", in: []argument{realOf("lambda", oneOf(100, 1000, 1e4, 1e5, 1e6), -1, 3, 4, 5), valid}},
		{note: "the first pattern has no valid pixel: 0", in: []argument{lambda, emptyFirst}},
	},
}

// words describe the inputs and the output of each operation, for operations/README.md.
var words = map[program.OpKind]struct{ inputs, output string }{
	program.ReLU:             {"x", "max(x, 0). At 0 the derivative is 0"},
	program.LeakyReLU:        {"x", "x > 0 ? x : slope·x. At 0 the derivative is the slope"},
	program.Sigmoid:          {"x", "1/(1+e^−x)"},
	program.Tanh:             {"x", "tanh x"},
	program.SiLU:             {"x", "x·sigmoid(x)"},
	program.Softplus:         {"x", "ln(1+e^x), without overflow"},
	program.Exp:              {"x", "e^x"},
	program.Log1p:            {"x", "ln(1+x)"},
	program.Sqrt:             {"x", "√x. At 0 the derivative is 0"},
	program.Square:           {"x", "x²"},
	program.Affine:           {"x", "scale·x + shift"},
	program.Add:              {"a, b", "a + b, two reals or two complexes"},
	program.Sub:              {"a, b", "a − b, two reals or two complexes"},
	program.Mul:              {"a, b", "a·b, two reals, two complexes, or a complex and a real"},
	program.Div:              {"a, b", "a/b, two reals"},
	program.Reshape:          {"x", "the same numbers in the output's shape"},
	program.Concat:           {"a, b, … [P, c, H, W]", "along axis 1"},
	program.SliceChannels:    {"x [P, c, H, W]", "channels from … to − 1"},
	program.Pad:              {"x [.., H, W]", "`amount` zeros on each of the four sides"},
	program.Crop:             {"x [.., H, W]", "`amount` pixels off each of the four sides"},
	program.MaskCenter:       {"x [.., H, W]", "0 at rows H/4 … H/4 + H/2 − 1 and columns W/4 … W/4 + W/2 − 1 (whole-number division), unchanged elsewhere"},
	program.Detach:           {"x", "x, without a gradient"},
	program.Conv2D:           {"x [P, ci, H, W], weight [co, ci, k, k], bias [co]", "y[p, o, r, c] = bias[o] + Σ weight[o, i, u, v]·x[p, i, r+u−h, c+v−h], h = (k−1)/2, zero outside: a cross-correlation"},
	program.MaxPool2:         {"x [P, c, H, W]", "the largest of each 2×2 block; every maximum of a tie gets the whole gradient"},
	program.AvgPool2:         {"x [P, c, H, W]", "the mean of each 2×2 block"},
	program.Upsample2:        {"x [P, c, H, W]", "y[.., r, c] = x[.., r/2, c/2], whole-number division"},
	program.GlobalMean:       {"x [P, c, H, W]", "the mean over rows and columns, [P, c]"},
	program.Dense:            {"x [P, f], weight [o, f], bias [o]", "Σ_f weight[o, f]·x[p, f] + bias[o]"},
	program.ScalePlanes:      {"x [P, c, H, W], factors [P, c]", "every plane times its factor"},
	program.MakeComplex:      {"re, im", "re + i·im"},
	program.Polar:            {"amplitude, phase", "amplitude·e^(i·phase), phase in radians"},
	program.RealPart:         {"x complex", "its real part"},
	program.ImagPart:         {"x complex", "its imaginary part"},
	program.Abs2:             {"x complex", "|x|²"},
	program.Conj:             {"x complex", "its conjugate"},
	program.FFT2:             {"x [.., H, W]", "F(x), or F⁻¹(x) with inverse = 1"},
	program.Illuminate:       {"objects [B, C, H, W], probe [m, H, W] or [B, C, m, H, W]", "object × each probe mode, [B, C, m, H, W]"},
	program.Intensity:        {"x [B, C, m, H, W]", "Σ_m |x|²"},
	program.Translate:        {"x [B, C, H, W], offsets [B, C, 2]", "T(x, sign·offset)"},
	program.MergeWeight:      {"probe [.., m, H, W]", "Σ_m|P|² over its largest value in the image, + floor"},
	program.MergePairwise:    {"objects [B, C, H, W], offsets [B, C, 2], weight [H, W] or as objects", "M_i = Σ_j T(w_j·O_j, p_j − p_i) / Σ_j T(w_j, p_j − p_i) for each member i"},
	program.Assemble:         {"objects [B, C, n, m], offsets [B, C, 2], weight [n, m] or as objects", "canvas [B, S, S], S the attribute canvas"},
	program.Extract:          {"canvas [B, S, R], offsets [B, C, 2]", "patches [B, C, n, n]"},
	program.BackProject:      {"counts [B, C, H, W], probe as in illuminate", "F⁻¹(√k · F₀/|F₀|) · conj(P) / (|P|² + epsilon·max|P|²), P the first mode, F₀ = F(P); F₀/|F₀| is 1 where F₀ is 0"},
	program.Gather:           {"table [t, ..], index [B, C]", "the rows that the index names; gradients add up in the table"},
	program.MeanPixels:       {"x [B, C, H, W]", "the mean over rows and columns, [B, C]"},
	program.PoissonDeviance:  {"lambda, counts [B, C, H, W], mask [H, W] or as lambda", "mean of 2(λ − k + k·ln(k/λ)); k·ln k is 0 at 0"},
	program.PoissonNLL:       {"lambda, counts [B, C, H, W], mask [H, W] or as lambda", "mean of λ − k·ln λ + ln k!"},
	program.AmplitudeLoss:    {"lambda, counts [B, C, H, W], mask [H, W] or as lambda", "mean of (√λ − √k)²"},
	program.AmplitudeMAE:     {"lambda, counts [B, C, H, W], mask [H, W] or as lambda", "mean of |√λ − √k|"},
	program.ExpectedDeviance: {"lambda [B, C, H, W], mask [H, W] or as lambda", "mean of E[2(λ − K + K·ln(K/λ))] over Poisson counts K of mean λ, within 1e-9"},
}
