package lower

import (
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/program"
)

// rules has one entry for each operation of core/program.
var rules = map[program.OpKind]rule{
	program.ReLU: pointwise(relu), program.LeakyReLU: pointwise(leakyReLU), program.Sigmoid: pointwise(sigmoid),
	program.Tanh: pointwise(tanh), program.SiLU: pointwise(silu),
	program.Softplus: pointwise(softplus), program.Sqrt: pointwise(root), program.Affine: pointwise(affine),
	program.Exp:    pointwise(func(_ call, x *G.Node) *G.Node { return G.Exp(x) }),
	program.Log1p:  pointwise(func(_ call, x *G.Node) *G.Node { return G.Log1p(x) }),
	program.Square: pointwise(func(_ call, x *G.Node) *G.Node { return G.Square(x) }),

	program.Add: binary(G.Add), program.Sub: binary(G.Sub), program.Mul: mul, program.Div: binary(G.Div),

	program.Reshape: reshape, program.Concat: concat, program.SliceChannels: sliceChannels, program.Pad: pad,
	program.Crop: crop, program.MaskCenter: maskCenter, program.Detach: detach,

	program.Conv2D: conv2D, program.MaxPool2: maxPool2, program.AvgPool2: avgPool2, program.Upsample2: upsample2,
	program.GlobalMean: meanImage, program.Dense: dense, program.ScalePlanes: scalePlanes,

	program.MakeComplex: makeComplex, program.Polar: polar, program.RealPart: realPart, program.ImagPart: imagPart,
	program.Abs2: abs2Op, program.Conj: conj,

	program.FFT2: fft2, program.Illuminate: illuminate, program.Intensity: intensity, program.Translate: translate,
	program.MergeWeight: mergeWeight, program.MergePairwise: mergePairwise, program.Assemble: assemble,
	program.Extract: extract, program.BackProject: backProject, program.Gather: gather,

	program.MeanPixels: meanImage, program.PoissonDeviance: loss(deviance), program.PoissonNLL: loss(poissonNLL),
	program.AmplitudeLoss: loss(amplitudeLoss), program.AmplitudeMAE: loss(amplitudeMAE),
	program.ExpectedDeviance: expectedDeviance,
}
