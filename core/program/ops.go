package program

import (
	"fmt"
	"math"
	"slices"
)

// OpKind names an operation. conformance/golden/operations/README.md and core/reference define each one.
type OpKind string

// The operations. P stands for patterns in the batch, [..] for any leading axes. Broadcasting: the second operand of a
// binary operation may have the shape of the last axes of the first, or be a scalar []. Attributes have their names here, with
// a default in brackets; the function Attributes has their ranges.
const (
	// Elementwise, real, any shape.
	ReLU      OpKind = "relu"       // max(x, 0); derivative 0 at 0
	LeakyReLU OpKind = "leaky_relu" // x for x > 0, slope·x otherwise (slope 0.01)
	Sigmoid   OpKind = "sigmoid"    // 1/(1+e^−x)
	Tanh      OpKind = "tanh"
	SiLU      OpKind = "silu"     // x·sigmoid(x), also called swish
	Softplus  OpKind = "softplus" // ln(1+e^x)
	Exp       OpKind = "exp"
	Log1p     OpKind = "log1p"  // ln(1+x), x > −1
	Sqrt      OpKind = "sqrt"   // sqrt(x), x >= 0; derivative 0 at 0
	Square    OpKind = "square" // x²
	Affine    OpKind = "affine" // scale·x + shift (1, 0)

	// Binary with broadcasting. Add and Sub take two real or two complex operands; Mul also takes a complex and a real one.
	Add OpKind = "add"
	Sub OpKind = "sub"
	Mul OpKind = "mul"
	Div OpKind = "div" // both real

	// Structure.
	Reshape       OpKind = "reshape"        // same elements, row-major; shape from Op.Shape
	Concat        OpKind = "concat"         // along axis 1, real [P, c, H, W]
	SliceChannels OpKind = "slice_channels" // channels from … to−1 of real [P, c, H, W]
	Pad           OpKind = "pad"            // zeros on all four sides of the last two axes: amount pixels
	Crop          OpKind = "crop"           // removes amount pixels from each of the four sides
	MaskCenter    OpKind = "mask_center"    // zero in the central H/2 × W/2, unchanged outside
	Detach        OpKind = "detach"         // the value itself, without a gradient

	// Network, real [P, c, H, W].
	Conv2D      OpKind = "conv2d"       // x, weight [co, ci, k, k], bias [co]; zero padding keeps H and W; cross-correlation
	MaxPool2    OpKind = "maxpool2"     // 2×2, stride 2; every maximum of a tie gets the whole gradient
	AvgPool2    OpKind = "avgpool2"     // 2×2, stride 2
	Upsample2   OpKind = "upsample2"    // nearest neighbour ×2
	GlobalMean  OpKind = "global_mean"  // [P, c, H, W] -> [P, c]
	Dense       OpKind = "dense"        // x [P, f], weight [o, f], bias [o] -> [P, o]
	ScalePlanes OpKind = "scale_planes" // x [P, c, H, W] times s [P, c]: one factor per plane

	// Complex.
	MakeComplex OpKind = "complex" // re, im
	Polar       OpKind = "polar"   // amplitude, phase (rad): A·e^{iφ}
	RealPart    OpKind = "real"
	ImagPart    OpKind = "imag"
	Abs2        OpKind = "abs2" // |z|²
	Conj        OpKind = "conj"

	// Physics. Objects are complex [−1, C, N, N]; offsets [−1, C, 2] are (row, column).
	FFT2          OpKind = "fft2"           // orthonormal, DC-centred over the last two axes; inverse = 1: its exact inverse (0)
	Illuminate    OpKind = "illuminate"     // object × probe [m, N, N] or [−1, C, m, N, N] -> [−1, C, m, N, N]
	Intensity     OpKind = "intensity"      // complex [−1, C, m, N, N] -> Σ_m |·|², modes add incoherently
	Translate     OpKind = "translate"      // x [−1, C, H, W] moved by sign·offset (1): out(y, x) = in(y−dy, x−dx), bilinear, zero outside
	MergeWeight   OpKind = "merge_weight"   // probe [.., m, N, N] -> Σ_m|P|²/max + floor (1e-3), real [.., N, N]; no gradient
	MergePairwise OpKind = "merge_pairwise" // objects, offsets, weight: the group's object as each member sees it
	Assemble      OpKind = "assemble"       // objects, offsets, weight -> canvas complex [−1, S, S], S = canvas: pixel n/2 of a patch is at S/2 + offset
	Extract       OpKind = "extract"        // canvas, offsets -> objects [−1, C, n, n], placed as in Assemble; a canvas may have more rows than columns
	BackProject   OpKind = "back_project"   // counts, probe -> complex [−1, C, N, N] (epsilon 0.02); no gradient
	Gather        OpKind = "gather"         // table [t, ...], index [−1, C] -> [−1, C, ...]; gradients scatter back

	// Per pattern: real [−1, C, H, W] -> [−1, C]. The losses take λ and counts in photons and a mask [N, N] or [−1, C, N, N].
	MeanPixels       OpKind = "mean_pixels"
	PoissonDeviance  OpKind = "poisson_deviance"  // mean over valid pixels of 2(λ − k + k·ln(k/λ))
	PoissonNLL       OpKind = "poisson_nll"       // mean over valid pixels of λ − k·ln λ + ln k!
	AmplitudeLoss    OpKind = "amplitude_loss"    // mean over valid pixels of (√λ − √k)²
	AmplitudeMAE     OpKind = "amplitude_mae"     // mean over valid pixels of |√λ − √k|
	ExpectedDeviance OpKind = "expected_deviance" // λ, mask: mean of the deviance expected of Poisson counts; no gradient
)

// AttrSpec is an attribute of an operation with its range, including both ends.
type AttrSpec struct {
	Name              string
	Default, Min, Max float64
	Integer           bool
}

// attributes is separate from table because shape inference reads it.
var attributes = map[OpKind][]AttrSpec{
	LeakyReLU:     {{"slope", 0.01, 0, 1, false}},
	Affine:        {{"scale", 1, -math.MaxFloat32, math.MaxFloat32, false}, {"shift", 0, -math.MaxFloat32, math.MaxFloat32, false}},
	SliceChannels: {{"from", 0, 0, 1 << 20, true}, {"to", 0, 1, 1 << 20, true}},
	Pad:           {{"amount", 0, 0, 4096, true}},
	Crop:          {{"amount", 0, 0, 4096, true}},
	FFT2:          {{"inverse", 0, 0, 1, true}},
	Translate:     {{"sign", 1, -1, 1, true}},
	MergeWeight:   {{"floor", 1e-3, 0, 1, false}}, // the recipe's floor of |P|²/max|P|²
	Assemble:      {{"canvas", 0, 2, 1 << 15, true}},
	Extract:       {{"n", 0, 2, 1 << 15, true}},
	BackProject:   {{"epsilon", 0.02, 1e-9, 1, false}}, // the recipe's regularisation of the division by the probe
}

// Attributes lists the attributes of an operation.
func Attributes(k OpKind) []AttrSpec { return attributes[k] }

// row describes an operation except for its numbers, which are in core/reference.
type row struct {
	arity int // −1: one or more
	infer func(op Op, in []Type) (Type, error)
	draw  func(g *random, k OpKind) // appends the operation, and what it needs before it, to a random program
	grad  []int                     // the inputs that a gradient flows to; nil means all real and complex ones
	roles []string                  // names its inputs if they correspond to an input of every program: Counts, Mask, Offsets
}

func unary(draw func(g *random, k OpKind)) row {
	return row{arity: 1, draw: draw, infer: func(_ Op, in []Type) (Type, error) {
		return in[0], want(in[0], Real)
	}}
}

func perPattern(draw func(g *random, k OpKind), grad []int, roles ...string) row {
	arity := len(roles)
	return row{arity: arity, draw: draw, grad: grad, roles: roles, infer: func(_ Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Real, 4); err != nil {
			return Type{}, err
		}
		if arity == 3 && !equal(in[0], in[1]) {
			return Type{}, fmt.Errorf("λ is %v, counts are %v", in[0], in[1])
		}
		if arity > 1 {
			if m := in[arity-1]; m.Kind != Real || !isSuffix(m.Shape, in[0].Shape) || len(m.Shape) < 2 {
				return Type{}, fmt.Errorf("mask %v does not fit %v", m, in[0])
			}
		}
		return Type{Real, in[0].Shape[:2]}, nil
	}}
}

// table has one row per operation.
var table = map[OpKind]row{
	ReLU:      unary(drawKinked),
	LeakyReLU: unary(drawLeaky),
	Sigmoid:   unary(drawSigmoid),
	Tanh:      unary(drawTanh),
	SiLU:      unary(drawPointwise),
	Softplus:  unary(drawPointwise),
	Exp:       unary(drawExp),
	Log1p:     unary(drawPositive),
	Sqrt:      unary(drawPositive),
	Square:    unary(drawSquare),
	Affine:    unary(drawAffine),

	Add: {arity: 2, draw: drawSum, infer: binary},
	Sub: {arity: 2, draw: drawSum, infer: binary},
	Mul: {arity: 2, draw: drawProduct, infer: binary},
	Div: {arity: 2, draw: drawRatio, infer: binary},

	Reshape: {arity: 1, draw: drawReshape, infer: func(op Op, in []Type) (Type, error) {
		if err := checkShape(op.Shape); err != nil {
			return Type{}, err
		}
		for _, groups := range []int{1, 2} { // both must match, otherwise a per-group extent was lost or added
			if a, b := Count(in[0].Shape.At(groups)), Count(op.Shape.At(groups)); a != b {
				return Type{}, fmt.Errorf("%v has %d elements, %v has %d", in[0], a, op.Shape, b)
			}
		}
		return Type{in[0].Kind, op.Shape}, nil
	}},
	Concat: {arity: -1, draw: drawConcat, infer: func(_ Op, in []Type) (Type, error) {
		out := slices.Clone(in[0].Shape)
		for i, t := range in {
			if err := imageStack(t, Real, 4); err != nil {
				return Type{}, err
			}
			if i == 0 {
				continue
			}
			if t.Shape[0] != out[0] || t.Shape[2] != out[2] || t.Shape[3] != out[3] || t.Shape[1] < 0 || out[1] < 0 {
				return Type{}, fmt.Errorf("%v cannot be joined to %v", t, in[0])
			}
			out[1] += t.Shape[1]
		}
		return Type{Real, out}, nil
	}},
	SliceChannels: {arity: 1, draw: drawSlice, infer: func(op Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Real, 4); err != nil {
			return Type{}, err
		}
		from, to := Dim(op.Attr("from")), Dim(op.Attr("to"))
		if from >= to || to > in[0].Shape[1] {
			return Type{}, fmt.Errorf("channels %d…%d of %v", from, to, in[0])
		}
		out := slices.Clone(in[0].Shape)
		out[1] = to - from
		return Type{Real, out}, nil
	}},
	Pad:        {arity: 1, draw: drawBorder, infer: border(+2)},
	Crop:       {arity: 1, draw: drawBorder, infer: border(-2)},
	MaskCenter: {arity: 1, draw: drawImage, infer: func(_ Op, in []Type) (Type, error) { return in[0], image(in[0]) }},
	Detach:     {arity: 1, draw: drawImage, grad: []int{}, infer: func(_ Op, in []Type) (Type, error) { return in[0], nil }},

	Conv2D:   {arity: 3, draw: drawConv, infer: inferConv2D},
	MaxPool2: {arity: 1, draw: drawPool, infer: func(_ Op, in []Type) (Type, error) { return halve(in[0]) }},
	AvgPool2: {arity: 1, draw: drawPlanes, infer: func(_ Op, in []Type) (Type, error) { return halve(in[0]) }},
	Upsample2: {arity: 1, draw: drawPlanes, infer: func(_ Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Real, 4); err != nil {
			return Type{}, err
		}
		s := in[0].Shape
		return Type{Real, Shape{s[0], s[1], 2 * s[2], 2 * s[3]}}, nil
	}},
	GlobalMean: {arity: 1, draw: drawPlanes, infer: func(_ Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Real, 4); err != nil {
			return Type{}, err
		}
		return Type{Real, in[0].Shape[:2]}, nil
	}},
	Dense: {arity: 3, draw: drawDense, infer: inferDense},
	ScalePlanes: {arity: 2, draw: drawScaled, infer: func(_ Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Real, 4); err != nil {
			return Type{}, err
		}
		if in[1].Kind != Real || !slices.Equal(in[1].Shape, in[0].Shape[:2]) {
			return Type{}, fmt.Errorf("factors %v for planes of %v", in[1], in[0])
		}
		return in[0], nil
	}},

	MakeComplex: {arity: 2, draw: drawPair, infer: pairToComplex}, Polar: {arity: 2, draw: drawPair, infer: pairToComplex},
	RealPart: {arity: 1, draw: drawPart, infer: complexToReal},
	ImagPart: {arity: 1, draw: drawPart, infer: complexToReal},
	Abs2:     {arity: 1, draw: drawPart, infer: complexToReal},
	Conj:     {arity: 1, draw: drawPart, infer: func(_ Op, in []Type) (Type, error) { return in[0], want(in[0], Complex) }},

	FFT2: {arity: 1, draw: drawFFT, infer: func(_ Op, in []Type) (Type, error) {
		if err := want(in[0], Complex); err != nil {
			return Type{}, err
		}
		return in[0], image(in[0])
	}},
	Illuminate: {arity: 2, draw: drawFarField, infer: inferIlluminate},
	Intensity: {arity: 1, draw: drawFarField, infer: func(_ Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Complex, 5); err != nil {
			return Type{}, err
		}
		s := in[0].Shape
		return Type{Real, Shape{s[0], s[1], s[3], s[4]}}, nil
	}},
	Translate: {arity: 2, draw: drawTranslate, grad: []int{0}, roles: []string{"", Offsets}, infer: func(_ Op, in []Type) (Type, error) {
		if err := imageStack(in[0], in[0].Kind, 4); err != nil {
			return Type{}, err
		}
		return in[0], offsetsFor(in[1], in[0].Shape[0], in[0].Shape[1])
	}},
	MergeWeight: {arity: 1, draw: drawMerge, grad: []int{}, infer: func(_ Op, in []Type) (Type, error) {
		s := in[0].Shape
		if in[0].Kind != Complex || (len(s) != 3 && len(s) != 5) {
			return Type{}, fmt.Errorf("probe %v, want complex [modes, N, N] or [groups, C, modes, N, N]", in[0])
		}
		out := slices.Clone(s[:len(s)-3])
		return Type{Real, append(out, s[len(s)-2], s[len(s)-1])}, nil
	}},
	MergePairwise: {arity: 3, draw: drawMerge, grad: []int{0}, roles: []string{"", Offsets}, infer: func(_ Op, in []Type) (Type, error) {
		return in[0], objectsOffsetsWeight(in)
	}},
	Assemble: {arity: 3, draw: drawCanvas, grad: []int{0}, roles: []string{"", Offsets}, infer: func(op Op, in []Type) (Type, error) {
		if err := objectsOffsetsWeight(in); err != nil {
			return Type{}, err
		}
		s := Dim(op.Attr("canvas"))
		if s < in[0].Shape[2] || s < in[0].Shape[3] || s%2 != 0 {
			return Type{}, fmt.Errorf("canvas of %d px for patches %v: want an even side that holds a patch", s, in[0])
		}
		return Type{Complex, Shape{in[0].Shape[0], s, s}}, nil
	}},
	Extract: {arity: 2, draw: drawCanvas, grad: []int{0}, roles: []string{"", Offsets}, infer: func(op Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Complex, 3); err != nil {
			return Type{}, err
		}
		n := Dim(op.Attr("n"))
		if n > in[0].Shape[1] || n > in[0].Shape[2] || len(in[1].Shape) != 3 {
			return Type{}, fmt.Errorf("patches of %d px at %v from canvas %v", n, in[1], in[0])
		}
		return Type{Complex, Shape{in[0].Shape[0], in[1].Shape[1], n, n}}, offsetsFor(in[1], in[0].Shape[0], in[1].Shape[1])
	}},
	BackProject: {arity: 2, draw: drawBackProjection, grad: []int{}, roles: []string{Counts}, infer: func(_ Op, in []Type) (Type, error) {
		if err := imageStack(in[0], Real, 4); err != nil {
			return Type{}, err
		}
		object := Type{Complex, in[0].Shape}
		_, err := inferIlluminate(Op{}, []Type{object, in[1]})
		return object, err
	}},
	Gather: {arity: 2, draw: drawGather, grad: []int{0}, infer: func(_ Op, in []Type) (Type, error) {
		if in[1].Kind != Index || len(in[1].Shape) != 2 || len(in[0].Shape) < 1 || in[0].Shape[0] < 0 || in[0].Kind == Index {
			return Type{}, fmt.Errorf("table %v by index %v", in[0], in[1])
		}
		return Type{in[0].Kind, append(slices.Clone(in[1].Shape), in[0].Shape[1:]...)}, nil
	}},

	MeanPixels:       perPattern(drawPlanes, nil, ""),
	PoissonDeviance:  perPattern(drawLoss, []int{0}, "", Counts, Mask),
	PoissonNLL:       perPattern(drawLoss, []int{0}, "", Counts, Mask),
	AmplitudeLoss:    perPattern(drawLoss, []int{0}, "", Counts, Mask),
	AmplitudeMAE:     perPattern(drawLoss, []int{0}, "", Counts, Mask),
	ExpectedDeviance: perPattern(drawLoss, []int{}, "", Mask),
}

// Kinds lists every operation, sorted by name.
func Kinds() []OpKind {
	out := make([]OpKind, 0, len(table))
	for k := range table {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Differentiable lists the inputs of an operation with the given arity that a gradient flows to.
func Differentiable(k OpKind, arity int) []int {
	s := table[k]
	if s.grad != nil {
		return s.grad
	}
	all := make([]int, arity)
	for i := range all {
		all[i] = i
	}
	return all
}

// Role returns the standard input that an operand corresponds to, Counts, Mask or Offsets, or "" for any numbers.
func Role(k OpKind, operand int) string {
	if roles := table[k].roles; operand < len(roles) {
		return roles[operand]
	}
	return ""
}
