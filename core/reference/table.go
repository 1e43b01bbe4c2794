package reference

import (
	"math"

	"github.com/ptychogo/ptycho/core/program"
)

// meanings has one entry for each operation of core/program.
var meanings = map[program.OpKind]meaning{
	program.ReLU: relu, program.LeakyReLU: leakyReLU, program.SiLU: silu, program.Sqrt: sqrtOp, program.Affine: affine,
	program.Sigmoid:  simple(sigmoid, func(_, y float64) float64 { return y * (1 - y) }),
	program.Tanh:     simple(math.Tanh, func(_, y float64) float64 { return 1 - y*y }),
	program.Softplus: simple(softplus, func(x, _ float64) float64 { return sigmoid(x) }),
	program.Exp:      simple(math.Exp, func(_, y float64) float64 { return y }),
	program.Log1p:    simple(math.Log1p, func(x, _ float64) float64 { return 1 / (1 + x) }),
	program.Square:   simple(func(x float64) float64 { return x * x }, func(x, _ float64) float64 { return 2 * x }),

	program.Add: add, program.Sub: sub, program.Mul: mul, program.Div: div,

	program.Reshape: identity, program.Detach: identity, program.Concat: concat, program.SliceChannels: sliceChannels,
	program.Pad: pad, program.Crop: crop, program.MaskCenter: maskCenter,

	program.Conv2D: conv2D, program.MaxPool2: maxPool2, program.AvgPool2: avgPool2, program.Upsample2: upsample2,
	program.GlobalMean: meanImage, program.Dense: dense, program.ScalePlanes: scalePlanes,

	program.MakeComplex: makeComplex, program.Polar: polar, program.RealPart: realPart, program.ImagPart: imagPart,
	program.Abs2: abs2Op, program.Conj: conjOp,

	program.FFT2: transform, program.Illuminate: illuminate, program.Intensity: intensity, program.Translate: translate,
	program.MergeWeight: mergeWeight, program.MergePairwise: mergePairwise, program.Assemble: assemble,
	program.Extract: extract, program.BackProject: backProject, program.Gather: gather,

	program.MeanPixels: meanImage, program.PoissonDeviance: poissonDeviance, program.PoissonNLL: poissonNLL,
	program.AmplitudeLoss: amplitudeLoss, program.AmplitudeMAE: amplitudeMAE, program.ExpectedDeviance: expectedDeviance,
}
