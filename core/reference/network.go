package reference

import (
	"slices"

	"github.com/ptychogo/ptycho/core/program"
)

var networkMeanings = map[program.OpKind]meaning{
	program.Conv2D: conv2D,
	program.MaxPool2: kinked(maxPool2, func(in []*Value, out *Value, near func(float64)) {
		x := in[0].Real
		windows(in[0], out, func(_ int, at [4]int) {
			w := []float64{x[at[0]], x[at[1]], x[at[2]], x[at[3]]}
			slices.Sort(w)
			near(w[3] - w[2])
		})
	}),
	program.AvgPool2:    avgPool2,
	program.Upsample2:   upsample2,
	program.GlobalMean:  meanImage,
	program.Dense:       dense,
	program.ScalePlanes: scalePlanes,
}

// conv2D computes y[n, o, r, c] = bias[o] + Σ_i,u,v w[o, i, u, v]·x[n, i, r+u−k/2, c+v−k/2], with zeros outside the image.
var conv2D = meaning{
	forward: func(_ program.Op, in []*Value, out *Value) {
		area := out.Shape[2] * out.Shape[3]
		for i := range out.Real {
			out.Real[i] = in[2].Real[i/area%out.Shape[1]]
		}
		eachProduct(in[0], in[1], func(x, w, y, n int) {
			weight, src, dst := in[1].Real[w], in[0].Real[x:x+n], out.Real[y:y+n]
			for i, v := range src {
				dst[i] += weight * v
			}
		})
	},
	backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
		area := out.Shape[2] * out.Shape[3]
		for i, v := range g.Real {
			din[2].Real[i/area%out.Shape[1]] += v
		}
		eachProduct(in[0], in[1], func(x, w, y, n int) {
			weight, src, back, dx, dw := in[1].Real[w], in[0].Real[x:x+n], g.Real[y:y+n], din[0].Real[x:x+n], 0.0
			for i, v := range back {
				dx[i] += weight * v
				dw += v * src[i]
			}
			din[1].Real[w] += dw
		})
	},
}

// eachProduct visits the products of a convolution in runs along a row: n elements from x of the input and from y of the
// output, with element w of the weight.
func eachProduct(x, w *Value, visit func(x, w, y, n int)) {
	batch, channels, height, width := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	outputs, kernel := w.Shape[0], w.Shape[2]
	for n := range batch {
		for o := range outputs {
			for c := range channels {
				for u := range kernel {
					for v := range kernel {
						dy, dx := u-kernel/2, v-kernel/2
						from, to := max(0, -dx), min(width, width-dx)
						if from >= to {
							continue
						}
						for r := max(0, -dy); r < min(height, height-dy); r++ {
							visit(((n*channels+c)*height+r+dy)*width+from+dx, ((o*channels+c)*kernel+u)*kernel+v,
								((n*outputs+o)*height+r)*width+from, to-from)
						}
					}
				}
			}
		}
	}
}

// windows lists the four input elements of each output element of a 2×2 pool.
func windows(in, out *Value, visit func(i int, at [4]int)) {
	for i := range out.Real {
		image, row, col := plane(i, out.Shape)
		j := element(image, 2*row, 2*col, in.Shape)
		w := in.Shape[len(in.Shape)-1]
		visit(i, [4]int{j, j + 1, j + w, j + w + 1})
	}
}

var (
	maxPool2 = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			windows(in[0], out, func(i int, at [4]int) {
				x := in[0].Real
				out.Real[i] = max(x[at[0]], x[at[1]], x[at[2]], x[at[3]])
			})
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			windows(in[0], out, func(i int, at [4]int) {
				for _, j := range at {
					if in[0].Real[j] == out.Real[i] {
						din[0].Real[j] += g.Real[i]
					}
				}
			})
		},
	}
	avgPool2 = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			windows(in[0], out, func(i int, at [4]int) {
				for _, j := range at {
					out.Real[i] += in[0].Real[j] / 4
				}
			})
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			windows(in[0], out, func(i int, at [4]int) {
				for _, j := range at {
					din[0].Real[j] += g.Real[i] / 4
				}
			})
		},
	}
	// meanImage returns the mean over the last two axes.
	meanImage = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			area := len(in[0].Real) / len(out.Real)
			for i, v := range in[0].Real {
				out.Real[i/area] += v / float64(area)
			}
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			area := len(in[0].Real) / len(out.Real)
			for i := range in[0].Real {
				din[0].Real[i] += g.Real[i/area] / float64(area)
			}
		},
	}
	scalePlanes = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			area := len(in[0].Real) / len(in[1].Real)
			for i, v := range in[0].Real {
				out.Real[i] = v * in[1].Real[i/area]
			}
		},
		backward: func(_ program.Op, in []*Value, _, g *Value, din []*Value) {
			area := len(in[0].Real) / len(in[1].Real)
			for i, v := range g.Real {
				din[0].Real[i] += v * in[1].Real[i/area]
				din[1].Real[i/area] += v * in[0].Real[i]
			}
		},
	}
	dense = meaning{
		forward: func(_ program.Op, in []*Value, out *Value) {
			denseProducts(in, out, func(x, w, y int) { out.Real[y] += in[0].Real[x] * in[1].Real[w] })
			for i := range out.Real {
				out.Real[i] += in[2].Real[i%out.Shape[1]]
			}
		},
		backward: func(_ program.Op, in []*Value, out, g *Value, din []*Value) {
			denseProducts(in, out, func(x, w, y int) {
				din[0].Real[x] += g.Real[y] * in[1].Real[w]
				din[1].Real[w] += g.Real[y] * in[0].Real[x]
			})
			for i, v := range g.Real {
				din[2].Real[i%out.Shape[1]] += v
			}
		},
	}
)

func denseProducts(in []*Value, out *Value, visit func(x, w, y int)) {
	features := in[0].Shape[1]
	for y := range out.Real {
		n, o := y/out.Shape[1], y%out.Shape[1]
		for f := range features {
			visit(n*features+f, o*features+f, y)
		}
	}
}
