package kernels

// Extents of a tile of the convolution kernels, and the pixels that they sum at once; see conv.cu.
const (
	manyRows = 64
	fewRows  = 16
	columns  = 64
	depth    = 16
	piece    = 4096
	shares   = 64 // most shares of the sum of a weight

	strideTF32 = 72 // of the rows of shared memory; see conv_tf32.cu
)

func detach(b *builder, gradient int) error {
	if gradient == Forward {
		b.copyOf(in(0), b.c.Out.Size())
	}
	return nil
}

func border(b *builder, gradient int) error {
	amount := int(b.c.Attr("amount"))
	if b.c.Kind == "crop" {
		amount = -amount
	}
	from, small, large := in(0), b.c.In[0], b.c.Out
	if gradient != Forward {
		from, small, large, amount = incoming, b.c.Out, b.c.In[0], -amount
	}
	images, h, w, k := image(small)
	_, oh, ow, _ := image(large)
	b.flat("window", large.Size(), p(from, target), images, h, w, oh, ow, amount, k)
	return nil
}

func maskCenter(b *builder, gradient int) error {
	from := in(0)
	if gradient != Forward {
		from = incoming
	}
	images, h, w, k := image(b.c.Out)
	b.flat("mask_center", b.c.Out.Size(), p(from, target), images, h, w, k)
	return nil
}

func concat(b *builder, gradient int) error {
	area := b.c.Out.Shape[2] * b.c.Out.Shape[3]
	total, at := b.c.Out.Shape[1]*area, 0
	for i, o := range b.c.In {
		length := o.Shape[1] * area
		switch gradient {
		case Forward:
			b.flat("runs", o.Size(), p(in(i), target), o.Shape[0], length, length, 0, total, at)
		case i:
			b.flat("runs", o.Size(), p(incoming, target), o.Shape[0], length, total, at, length, 0)
		}
		at += length
	}
	return nil
}

func sliceChannels(b *builder, gradient int) error {
	x := b.c.In[0]
	area := x.Shape[2] * x.Shape[3]
	all, kept, from := x.Shape[1]*area, b.c.Out.Shape[1]*area, int(b.c.Attr("from"))*area
	if gradient == Forward {
		b.flat("runs", b.c.Out.Size(), p(in(0), target), x.Shape[0], kept, all, from, kept, 0)
		return nil
	}
	b.flat("unary", x.Size(), p(incoming, target), x.Size(), clear0)
	b.flat("runs", b.c.Out.Size(), p(incoming, target), x.Shape[0], kept, kept, 0, all, from)
	return nil
}

func gather(b *builder, gradient int) error {
	rows, count := b.c.In[0].Shape[0], b.c.In[1].Len()
	row := b.c.In[0].Size() / rows
	if gradient == Forward {
		b.flat("gather", count*row, p(in(0), in(1), target), count, row)
	} else {
		b.flat("gather_back", rows*row, p(in(1), incoming, target), rows, row, count)
	}
	return nil
}

func conv(b *builder, gradient int) error {
	x, w := b.c.In[0].Shape, b.c.In[1].Shape
	images, ci, co, h, wd, k := x[0], x[1], w[0], x[2], x[3], w[2]
	pixels := images * h * wd
	mask, relu := null, 0
	if b.c.ReLU {
		mask, relu = result, 1
	}
	// tiles adds a launch that computes rows channels × cols columns, with the smaller tile for few channels. terms is the number of terms of
	// a sum that are next to each other: of few, the kernel of TF32 would add many zeros.
	tiles := func(name string, rows, cols, split, terms int, refs []Ref, ns ...int) {
		each := manyRows
		if rows <= fewRows {
			name, each = name+"_few", fewRows
		} else if b.tf32 && terms >= depth {
			b.grid(name+"_tf32", [3]int{(cols + columns - 1) / columns, (rows + each - 1) / each, split}, 2*depth*strideTF32*b.size, refs, ns...)
			return
		}
		b.grid(name, [3]int{(cols + columns - 1) / columns, (rows + each - 1) / each, split}, (each+columns)*depth*b.size, refs, ns...)
	}
	switch gradient {
	case Forward:
		tiles("conv", co, pixels, 1, ci, p(in(0), in(1), in(2), null, target), images, ci, co, h, wd, k, relu, 0)
	case 0:
		tiles("conv", ci, pixels, 1, co, p(incoming, in(1), null, mask, target), images, co, ci, h, wd, k, 0, 1)
	case 1:
		split, n := min((pixels+piece-1)/piece, shares), co*ci*k*k
		sums := target
		if split > 1 {
			sums = b.scratch(split*n, b.size)
		}
		tiles("conv_weight", co, ci*k*k, split, pixels, p(in(0), incoming, mask, sums), images, ci, co, h, wd, k, split)
		if split > 1 {
			b.flat("fold", n, p(sums, null, null, target), split*n, n, plus, 1, 0)
		}
	default:
		b.blocks("conv_bias", co, p(incoming, mask, target), images, co, h*wd)
	}
	return nil
}

func dense(b *builder, gradient int) error {
	n, f, o := b.c.In[0].Shape[0], b.c.In[0].Shape[1], b.c.Out.Shape[1]
	switch gradient {
	case Forward:
		b.flat("matmul", n*o, p(in(0), in(1), in(2), target), n, o, f, f, 1, f, 1)
	case 0:
		b.flat("matmul", n*f, p(incoming, in(1), null, target), n, f, o, o, 1, 1, f)
	case 1:
		b.flat("matmul", o*f, p(incoming, in(0), null, target), o, f, n, 1, o, 1, f)
	default:
		b.fold(incoming, null, null, n*o, o, plus, 1, 0)
	}
	return nil
}

func maxPool(b *builder, gradient int) error {
	planes, h, w, _ := image(b.c.Out)
	if gradient == Forward {
		b.flat("maxpool", b.c.Out.Size(), p(in(0), target), planes, h, w)
	} else {
		b.flat("maxpool_back", b.c.In[0].Size(), p(in(0), result, incoming, target), planes, h, w)
	}
	return nil
}

// squares adds a launch that sums squares of 2×2 pixels of the large image, or spreads pixels over them.
func (b *builder) squares(from Ref, planes, h, w, spread int, factor float64) {
	n := planes * h * w
	if spread == 1 {
		n *= 4
	}
	b.flat("squares", n, p(from, target), planes, h, w, spread).F[0] = factor
}

func avgPool(b *builder, gradient int) error {
	planes, h, w, _ := image(b.c.Out)
	if gradient == Forward {
		b.squares(in(0), planes, h, w, 0, 0.25)
	} else {
		b.squares(incoming, planes, h, w, 1, 0.25)
	}
	return nil
}

func upsample(b *builder, gradient int) error {
	planes, h, w, _ := image(b.c.In[0])
	if gradient == Forward {
		b.squares(in(0), planes, h, w, 1, 1)
	} else {
		b.squares(incoming, planes, h, w, 0, 1)
	}
	return nil
}

func mean(b *builder, gradient int) error {
	planes, h, w, _ := image(b.c.In[0])
	if gradient == Forward {
		b.blocks("plane_sum", planes, p(in(0), null, target), planes, h*w).F[0] = float64(h * w)
	} else {
		b.flat("plane_scale", planes*h*w, p(null, incoming, target), planes, h*w).F[0] = float64(h * w)
	}
	return nil
}

func scalePlanes(b *builder, gradient int) error {
	planes, h, w, _ := image(b.c.In[0])
	switch gradient {
	case Forward:
		b.flat("plane_scale", planes*h*w, p(in(0), in(1), target), planes, h*w).F[0] = 1
	case 0:
		b.flat("plane_scale", planes*h*w, p(incoming, in(1), target), planes, h*w).F[0] = 1
	default:
		b.blocks("plane_sum", planes, p(incoming, in(0), target), planes, h*w).F[0] = 1
	}
	return nil
}
