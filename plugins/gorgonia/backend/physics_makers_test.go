package backend

import "github.com/ptychogo/ptycho/core/program"

func fourier(g *generator, k program.OpKind) string {
	z := g.pick(func(t program.Type) bool { return t.Kind == program.Complex && len(t.Shape) >= 3 })
	return g.add(k, 2*g.bounds[z], map[string]float64{"inverse": float64(g.rng.IntN(2))}, z)
}

// probe returns the input, a parameter, or rows of a table by pattern.
func (g *generator) probe() string {
	n, modes := g.p.N, 1+g.rng.IntN(2)
	switch g.rng.IntN(3) {
	case 0:
		return program.Probe
	case 1:
		return g.param(program.Complex, 1, modes, n, n)
	}
	return g.add(program.Gather, 1, nil, g.param(program.Complex, 1, rows, modes, n, n), "rows")
}

func illuminate(g *generator, k program.OpKind) string {
	o := g.objects()
	return g.add(k, 2*g.bounds[o], nil, o, g.probe())
}

func intensity(g *generator, k program.OpKind) string {
	w := illuminate(g, program.Illuminate)
	return g.add(k, 4*g.bounds[w]*g.bounds[w], nil, w)
}

func translate(g *generator, k program.OpKind) string {
	c := program.Dim(g.p.Group)
	v := g.pick(func(t program.Type) bool { return len(t.Shape) == 4 && t.Shape[0] == -1 && t.Shape[1] == c })
	return g.add(k, g.bounds[v], map[string]float64{"sign": float64(g.rng.IntN(3) - 1)}, v, program.Offsets)
}

func merged(g *generator, k program.OpKind) string {
	w := g.add(program.MergeWeight, 1, map[string]float64{"floor": 0.01}, g.probe())
	o := g.objects()
	if g.rng.IntN(4) == 0 { // images need not be square, and weights may differ
		o = g.add(program.Gather, 1, nil, g.param(program.Complex, 1, rows, g.p.N, g.p.N-1), "rows")
		w = g.add(program.Sigmoid, 1, nil, g.add(program.Gather, 1, nil, g.param(program.Real, 1, rows, g.p.N, g.p.N-1), "rows"))
	}
	if k == program.Assemble {
		return g.add(k, g.bounds[o], map[string]float64{"canvas": float64(g.p.N + 2*g.rng.IntN(4))}, o, program.Offsets, w)
	}
	return g.add(program.MergePairwise, g.bounds[o], nil, o, program.Offsets, w)
}

func extract(g *generator, k program.OpKind) string {
	canvas := merged(g, program.Assemble)
	return g.add(k, g.bounds[canvas], map[string]float64{"n": float64(g.p.N)}, canvas, program.Offsets)
}

func backProject(g *generator, k program.OpKind) string {
	return g.add(k, 8, map[string]float64{"epsilon": 0.1}, program.Counts, g.probe())
}

func gather(g *generator, k program.OpKind) string {
	kind := []program.Kind{program.Real, program.Complex}[g.rng.IntN(2)]
	return g.add(k, 1, nil, g.param(kind, 1, rows, g.p.N, g.p.N), "rows")
}

func losses(g *generator, k program.OpKind) string {
	x := g.pattern(program.Real)
	lambda := g.add(program.Affine, 8, map[string]float64{"scale": 3, "shift": 0.3}, g.add(program.Softplus, 2, nil, x))
	mask := program.Mask
	if g.rng.IntN(2) == 0 {
		mask = "masks"
	}
	if k == program.ExpectedDeviance {
		return g.add(k, 8, nil, lambda, mask)
	}
	return g.add(k, 8, nil, lambda, program.Counts, mask)
}
