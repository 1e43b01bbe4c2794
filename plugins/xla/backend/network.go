package backend

import (
	"github.com/gomlx/compute"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/program"
)

var networkRules = map[program.OpKind]rule{
	program.Conv2D:      conv2D,
	program.MaxPool2:    maxPool2,
	program.AvgPool2:    avgPool2,
	program.Upsample2:   upsample2,
	program.GlobalMean:  meanImage,
	program.Dense:       dense,
	program.ScalePlanes: scalePlanes,
}

// convolution reads images [P, H, W, c] and kernels [k, k, ci, co]: the only layout that XLA's convolutions on a CPU, forward
// and both gradients, read without a transposition.
var convolution = compute.ConvolveAxesConfig{
	InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
	KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
	OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
}

func conv2D(c call) value {
	weight := G.TransposeAllAxes(c.in[1].rows(), 2, 3, 1, 0)
	bias := G.Reshape(c.in[2].re, 1, 1, 1, c.out[1])
	y := G.Convolve(c.in[0].channelsLast(), weight).AxesConfig(convolution).PadSame().Done()
	return value{re: G.Add(y, bias), last: true}
}

// pooled splits rows and columns of images [P, H, W, c] into windows of 2×2.
func pooled(c call) *G.Node {
	x := c.in[0].channelsLast()
	return G.Reshape(x, c.out[0], c.out[2], 2, c.out[3], 2, c.out[1])
}

// maxPool2 returns the largest element of each window, with the whole gradient for every maximum of a tie. The elements are
// compared with each other, not with their maximum: XLA may compute an element twice with different rounding, and then no
// element would equal the maximum.
func maxPool2(c call) value {
	x := pooled(c)
	var corners [4]*G.Node
	for i := range corners {
		n := G.SliceAxis(G.SliceAxis(x, 2, G.AxisElem(i/2)), 4, G.AxisElem(i%2))
		corners[i] = G.Reshape(n, c.out[0], c.out[2], c.out[3], c.out[1])
	}
	most := G.StopGradient(G.Max(G.Max(corners[0], corners[1]), G.Max(corners[2], corners[3])))
	for i, n := range corners {
		top := G.Const(c.graph, true)
		for j, other := range corners {
			if j != i {
				top = G.LogicalAnd(top, G.GreaterOrEqual(n, other))
			}
		}
		// The added value is zero, and its derivative is one where n is the maximum.
		most = G.Add(most, G.Mul(G.Sub(n, G.StopGradient(n)), G.ConvertDType(top, n.DType())))
	}
	return value{re: most, last: true}
}

func avgPool2(c call) value {
	sum := G.ReduceSum(pooled(c), 2, 4)
	return value{re: G.Mul(sum, scalar(sum, 0.25)), last: true}
}

func upsample2(c call) value {
	p, h, w, channels := c.out[0], c.out[2]/2, c.out[3]/2, c.out[1]
	x := G.Reshape(c.in[0].channelsLast(), p, h, 1, w, 1, channels)
	return value{re: G.Reshape(G.BroadcastToDims(x, p, h, 2, w, 2, channels), p, 2*h, 2*w, channels), last: true}
}

// meanImage returns the mean over rows and columns.
func meanImage(c call) value {
	row, col := c.in[0].imageAxes()
	sum := G.ReduceSum(c.in[0].re, row, col)
	area := float64(c.in[0].shape[2] * c.in[0].shape[3])
	return value{re: G.Mul(sum, scalar(sum, 1/area))}
}

func dense(c call) value {
	y := G.DotGeneral(c.in[0].re, []int{1}, nil, c.in[1].re, []int{1}, nil)
	return value{re: G.Add(y, G.Reshape(c.in[2].re, 1, c.out[1]))}
}

func scalePlanes(c call) value {
	p, channels := c.out[0], c.out[1]
	factors := G.Reshape(c.in[1].re, p, channels, 1, 1)
	if c.in[0].last {
		factors = G.Reshape(c.in[1].re, p, 1, 1, channels)
	}
	return c.in[0].like(G.Mul(c.in[0].re, factors))
}
