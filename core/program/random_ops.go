package program

// The draw functions of the operations, for the rows of the table.

func drawKinked(g *random, k OpKind) {
	x := g.spread(g.real())
	g.op(k, g.scale[x], nil, x)
}

func drawLeaky(g *random, k OpKind) {
	x := g.spread(g.real())
	g.op(k, g.scale[x], map[string]float64{"slope": 0.3}, x)
}

func drawPool(g *random, k OpKind) {
	x := g.spread(g.pick(isEven))
	g.op(k, g.scale[x], nil, x)
}

func isEven(t Type) bool { return isPlanes(t) && t.Shape[2]%2 == 0 && t.Shape[3]%2 == 0 }

func drawPointwise(g *random, k OpKind) {
	x := g.real()
	g.op(k, max(g.scale[x], 0.5), nil, x)
}

func drawSigmoid(g *random, k OpKind) { g.op(k, 0.5, nil, g.real()) }

func drawTanh(g *random, k OpKind) {
	x := g.real()
	g.op(k, min(g.scale[x], 1), nil, x)
}

func drawExp(g *random, k OpKind) {
	x := g.real()
	g.op(k, 1.5, nil, g.op(Tanh, min(g.scale[x], 1), nil, x))
}

// drawPositive draws an operation whose operand must be above 0.
func drawPositive(g *random, k OpKind) { g.op(k, 1, nil, g.positive(g.real(), 0.1)) }

func drawSquare(g *random, k OpKind) {
	x := g.real()
	g.op(k, g.scale[x]*g.scale[x], nil, x)
}

func drawAffine(g *random, k OpKind) {
	x := g.real()
	g.op(k, 1.5*g.scale[x], map[string]float64{"scale": -1.5, "shift": 0.25}, x)
}

func drawSum(g *random, k OpKind) {
	a := g.any()
	b := g.operand(a, g.types[a].Kind)
	g.op(k, g.scale[a]+g.scale[b], nil, a, b)
}

func drawProduct(g *random, k OpKind) {
	a := g.any()
	kind := g.types[a].Kind
	if g.rng.IntN(2) == 0 {
		kind = Real
	}
	b := g.operand(a, kind)
	g.op(k, g.scale[a]*g.scale[b], nil, a, b)
}

func drawRatio(g *random, k OpKind) {
	a := g.real()
	b := g.op(Sigmoid, 0.5, nil, g.operand(a, Real))
	b = g.op(Affine, 1, map[string]float64{"scale": 1, "shift": 0.5}, b)
	g.op(k, g.scale[a], nil, a, b)
}

// drawReshape moves the members of a group between the first two axes, which networks that see one pattern at a time need.
func drawReshape(g *random, k OpKind) {
	v := g.pick(func(t Type) bool { return len(t.Shape) == 4 })
	s, c := g.types[v].Shape, Dim(g.p.Group)
	each := -s[0] * s[1] // images per group
	to := Shape{PerGroup(1), each, s[2], s[3]}
	switch {
	case s[0] == PerGroup(1):
		to = Shape{-each, 1, s[2], s[3]}
	case each%c == 0 && g.rng.IntN(2) == 0:
		to = Shape{-c, each / c, s[2], s[3]}
	}
	g.add(Op{Kind: k, In: []string{v}, Shape: to}, g.scale[v])
}

func drawConcat(g *random, k OpKind) {
	a := g.planes()
	s := g.types[a].Shape
	in := []string{a}
	for range 1 + g.rng.IntN(2) {
		in = append(in, g.pick(func(t Type) bool {
			return isPlanes(t) && t.Shape[0] == s[0] && t.Shape[2] == s[2] && t.Shape[3] == s[3]
		}))
	}
	g.op(k, g.scale[a], nil, in...)
}

func drawSlice(g *random, k OpKind) {
	v := g.planes()
	c := int(g.types[v].Shape[1])
	from := g.rng.IntN(c)
	to := from + 1 + g.rng.IntN(c-from)
	g.op(k, g.scale[v], map[string]float64{"from": float64(from), "to": float64(to)}, v)
}

// images returns a value with images of at least the given number of pixels a side.
func (g *random) images(least Dim) string {
	return g.pick(func(t Type) bool {
		n := len(t.Shape)
		return n >= 3 && t.Shape[n-1] >= least && t.Shape[n-2] >= least
	})
}

func drawBorder(g *random, k OpKind) {
	v := g.images(5)
	g.op(k, g.scale[v], map[string]float64{"amount": float64(1 + g.rng.IntN(2))}, v)
}

func drawImage(g *random, k OpKind) {
	v := g.images(1)
	g.op(k, g.scale[v], nil, v)
}

// drawConv adds a ReLU after a convolution half of the time, because engines fuse the two.
func drawConv(g *random, k OpKind) {
	v := g.planes()
	in, out, side := int(g.types[v].Shape[1]), 1+g.rng.IntN(4), 1+2*g.rng.IntN(3)
	y := g.op(k, g.scale[v]+0.3, nil, v, g.param(Real, 1/float64(side), out, in, side, side), g.param(Real, 0.3, out))
	if g.rng.IntN(2) == 0 {
		g.op(ReLU, g.scale[y], nil, y)
	}
}

func drawPlanes(g *random, k OpKind) {
	v := g.planes()
	switch k {
	case AvgPool2:
		v = g.pick(isEven)
	case Upsample2:
		v = g.pick(func(t Type) bool { return isPlanes(t) && t.Shape[2]*t.Shape[3] <= 120 })
	}
	g.op(k, g.scale[v], nil, v)
}

func drawDense(g *random, k OpKind) {
	v := g.planes()
	v = g.op(GlobalMean, g.scale[v], nil, v)
	in, out := int(g.types[v].Shape[1]), 1+g.rng.IntN(4)
	g.op(k, g.scale[v]+0.5, nil, v, g.param(Real, 1, out, in), g.param(Real, 1, out))
}

// drawScaled scales planes by their own mean, or by a number per pattern from a table.
func drawScaled(g *random, k OpKind) {
	v := g.planes()
	if s := g.types[v].Shape; s[0] == PerGroup(1) && s[1] == Dim(g.p.Group) && g.rng.IntN(2) == 0 {
		g.op(k, g.scale[v], nil, v, g.op(Gather, 1, nil, g.param(Real, 1, TableRows), "rows"))
		return
	}
	g.op(k, g.scale[v], nil, v, g.op(Sigmoid, 0.5, nil, g.op(GlobalMean, g.scale[v], nil, v)))
}

func drawPair(g *random, k OpKind) {
	a := g.real()
	b := g.pick(func(t Type) bool { return equal(t, g.types[a]) })
	g.op(k, g.scale[a], nil, a, b)
}

func drawPart(g *random, k OpKind) {
	z := g.complex()
	s := g.scale[z]
	if k == Abs2 {
		s *= s
	}
	g.op(k, s, nil, z)
}

func drawFFT(g *random, k OpKind) {
	z := g.complex()
	g.op(k, g.scale[z], map[string]float64{"inverse": float64(g.rng.IntN(2))}, z)
}

// probe returns the input, a parameter, or a probe per pattern from a table.
func (g *random) probe() string {
	modes, n := 1+g.rng.IntN(2), g.p.N
	switch g.rng.IntN(3) {
	case 0:
		return Probe
	case 1:
		return g.param(Complex, 1, modes, n, n)
	}
	return g.op(Gather, 1, nil, g.param(Complex, 1, TableRows, modes, n, n), "rows")
}

// drawFarField draws the chain from objects to intensity, or its first part.
func drawFarField(g *random, k OpKind) {
	o, p := g.square(Complex), g.probe()
	wave := g.op(Illuminate, g.scale[o]*g.scale[p], nil, o, p)
	if k == Illuminate {
		return
	}
	if g.rng.IntN(2) == 0 {
		wave = g.op(FFT2, g.scale[wave], nil, wave)
	}
	g.op(Intensity, 2*g.scale[wave]*g.scale[wave], nil, wave)
}

func drawTranslate(g *random, k OpKind) {
	c := Dim(g.p.Group)
	v := g.pick(func(t Type) bool { return len(t.Shape) == 4 && t.Shape[0] == PerGroup(1) && t.Shape[1] == c })
	sign := float64(g.rng.IntN(3) - 1)
	g.op(k, g.scale[v], map[string]float64{"sign": sign}, v, Offsets)
}

// mergeFloor keeps every pixel that a patch covers by an eighth of a pixel clearly above the coverage limit of Assemble.
const mergeFloor = 0.25

// weight returns weights for the images of a group: from a probe, one image for all, or one per pattern.
func (g *random) weight(rows, cols int) string {
	if rows == g.p.N && cols == g.p.N && g.rng.IntN(3) > 0 {
		return g.op(MergeWeight, 1, map[string]float64{"floor": mergeFloor}, g.probe())
	}
	w := g.param(Real, 1, rows, cols)
	if g.rng.IntN(2) == 0 {
		w = g.op(Gather, 1, nil, g.param(Real, 1, TableRows, rows, cols), "rows")
	}
	return g.op(Sigmoid, 0.5, nil, w)
}

func drawMerge(g *random, k OpKind) {
	n := g.p.N
	if k == MergePairwise && g.rng.IntN(3) == 0 { // images need not be square
		rows, cols := int(g.height), int(g.width)-1
		o := g.op(Gather, 1, nil, g.param(Complex, 1, TableRows, rows, cols), "rows")
		g.op(k, 1, nil, o, Offsets, g.weight(rows, cols))
		return
	}
	o := g.square(Complex)
	w := g.weight(n, n)
	if k == MergeWeight {
		w = g.op(k, 1, map[string]float64{"floor": mergeFloor}, g.probe())
	}
	g.op(MergePairwise, g.scale[o], nil, o, Offsets, w)
}

func drawCanvas(g *random, k OpKind) {
	n, o := g.p.N, g.square(Complex)
	canvas := g.op(Assemble, g.scale[o], map[string]float64{"canvas": float64(n + 2*g.rng.IntN(4))}, o, Offsets, g.weight(n, n))
	if k == Extract {
		g.op(k, g.scale[canvas], map[string]float64{"n": float64(n - g.rng.IntN(2))}, canvas, Offsets)
	}
}

func drawBackProjection(g *random, k OpKind) {
	g.op(k, 3, map[string]float64{"epsilon": 0.1}, Counts, g.probe())
}

func drawGather(g *random, k OpKind) {
	rows, cols := g.p.N, g.p.N
	if g.rng.IntN(2) == 0 {
		rows, cols = int(g.height), int(g.width)
	}
	kind := []Kind{Real, Complex}[g.rng.IntN(2)]
	g.op(k, 1, nil, g.param(kind, 1, TableRows, rows, cols), "rows")
}

// drawLoss compares counts with λ from a far field or from any pattern.
func drawLoss(g *random, k OpKind) {
	var lambda string
	if g.rng.IntN(2) == 0 {
		o := g.square(Complex)
		far := g.op(FFT2, g.scale[o], nil, g.op(Illuminate, g.scale[o], nil, o, Probe))
		lambda = g.op(Add, 2*g.scale[far]*g.scale[far], nil, g.op(Intensity, 2*g.scale[far]*g.scale[far], nil, far), Background)
	} else {
		lambda = g.positive(g.square(Real), 0.3)
	}
	mask := Mask
	if g.rng.IntN(2) == 0 {
		mask = "masks"
	}
	if k == ExpectedDeviance {
		g.op(k, 1, nil, lambda, mask)
		return
	}
	g.losses = append(g.losses, g.op(k, 2, nil, lambda, Counts, mask))
}
