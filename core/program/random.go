package program

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// TableRows is the number of rows of the tables that random programs gather from.
const TableRows = 5

// Random draws a small valid program for tests of backends. It contains at least one operation of each given kind and some
// others, with losses that depend on nearly all of them. Without kinds it takes three in turn, so that a hundred
// consecutive seeds use every operation at least six times. The same seed returns the same program. Unknown kinds are
// ignored.
//
// Images are 6 … 12 pixels wide, some higher than wide; groups have 1 … 4 patterns. Values stay of order one and inside
// every operation's domain for any finite inputs and parameters, as long as counts and masks are not negative, Background
// is above 0 and indices are below TableRows. core/reference draws such numbers.
func Random(seed uint64, kinds ...OpKind) *Program {
	g := newRandom(seed)
	all := Kinds()
	if kinds = slices.Clone(kinds); len(kinds) == 0 {
		for i := range uint64(3) {
			kinds = append(kinds, all[(3*seed+i)%uint64(len(all))])
		}
	}
	for range 6 {
		kinds = append(kinds, all[g.rng.IntN(len(all))])
	}
	g.rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for _, k := range kinds {
		if draw := table[k].draw; draw != nil {
			draw(g, k)
		}
	}
	g.finish()
	return g.p
}

// random appends operations to a program.
type random struct {
	rng    *rand.Rand
	p      *Program
	types  map[string]Type
	infer  func(op Op, types map[string]Type) (Type, error) // Op.infer; a direct call would be an initialisation cycle, because the table holds the draw functions
	scale  map[string]float64                               // approximate size of a value's numbers
	made   []string                                         // values that come per group, which operations read
	losses []string                                         // those of made that are results of loss operations
	height Dim                                              // of images that are not square; even, as is their width
	width  Dim
}

func newRandom(seed uint64) *random {
	rng := rand.New(rand.NewPCG(seed, 0x70747963686f)) // the second number selects a separate stream
	even := []Dim{6, 8, 10, 12}
	n := even[rng.IntN(4)]
	sides := rng.Perm(4)
	g := &random{rng: rng, types: map[string]Type{}, infer: Op.infer, scale: map[string]float64{}, height: even[sides[0]], width: even[sides[1]]}
	g.p = &Program{Name: fmt.Sprintf("random-%d", seed), N: int(n), Group: 1 + rng.IntN(4)}
	b, c := PerGroup(1), Dim(g.p.Group)

	g.input(Counts, "photons", 4, Real, b, c, n, n)
	g.input(Offsets, "(row, column), object pixels", 1, Real, b, c, 2)
	g.input(Probe, "", 1, Complex, Dim(1+rng.IntN(2)), n, n)
	g.input(Mask, "1 valid, 0 bad pixel", 1, Real, n, n)
	g.input("masks", "a mask for each pattern", 1, Real, b, c, n, n)
	g.input(Background, "counts per pixel, above 0", 0.2, Real, n, n)
	g.input("rows", "of tables", 1, Index, b, c)
	g.buffer("gain", 1)
	g.buffer("flat", 1, int(n), int(n))

	// The values that the other operations start from.
	pattern := g.op(Gather, 1, nil, g.param(Real, 1, TableRows, int(n), int(n)), "rows")
	g.op(Mul, 1, nil, g.op(Sub, 1, nil, pattern, "flat"), "gain")
	g.op(Gather, 1, nil, g.param(Complex, 1, TableRows, int(n), int(n)), "rows")
	g.op(Gather, 1, nil, g.param(Real, 1, TableRows, int(g.height), int(g.width)), "rows")
	g.op(Log1p, 1, nil, Counts)
	return g
}

func (g *random) input(name, doc string, scale float64, k Kind, shape ...Dim) {
	t := Type{k, shape}
	g.p.Inputs = append(g.p.Inputs, Input{Name: name, Type: t, Doc: doc})
	g.types[name], g.scale[name] = t, scale
}

func (g *random) buffer(name string, scale float64, shape ...int) {
	shape = append([]int{}, shape...) // [] instead of null in JSON
	g.p.Buffers = append(g.p.Buffers, Buffer{Name: name, Kind: Real, Shape: shape})
	t, _ := fixed(Real, shape)
	g.types[name], g.scale[name] = t, scale
}

// param adds a parameter with numbers up to scale, the factor on its initial values.
func (g *random) param(k Kind, scale float64, shape ...int) string {
	name := fmt.Sprintf("w%d", len(g.p.Params))
	q := Param{Name: name, Kind: k, Shape: append([]int{}, shape...), Init: Init{Kind: KaimingUniform, Value: scale}, Trainable: g.rng.IntN(5) > 0}
	if g.rng.IntN(4) == 0 {
		q.Group = "slow"
	}
	g.p.Params = append(g.p.Params, q)
	t, _ := fixed(k, shape)
	g.types[name], g.scale[name] = t, scale
	return name
}

// op appends an operation whose result has numbers of about the given scale, and rescales results that are not of order
// one.
func (g *random) op(k OpKind, scale float64, attrs map[string]float64, in ...string) string {
	return g.add(Op{Kind: k, In: in, Attrs: attrs}, scale)
}

func (g *random) add(op Op, scale float64) string {
	op.Out = fmt.Sprintf("v%d", len(g.p.Ops))
	t, err := g.infer(op, g.types)
	if err != nil {
		panic(fmt.Sprintf("program: random: %s of %v: %v", op.Kind, op.In, err)) // a bug in the draw functions, whatever the seed
	}
	g.p.Ops = append(g.p.Ops, op)
	g.types[op.Out], g.scale[op.Out] = t, scale
	if len(t.Shape) < 2 || t.Shape[0] > 0 {
		return op.Out // not per group, such as a weight image
	}
	if scale > 4 || scale < 0.2 {
		if t.Kind == Real {
			return g.op(Affine, 1, map[string]float64{"scale": 1 / scale}, op.Out)
		}
		return g.op(Mul, 1, nil, op.Out, g.param(Real, 1/scale))
	}
	g.made = append(g.made, op.Out)
	return op.Out
}

// pick returns one of the values that fit, usually a late one, or "" when there is none.
func (g *random) pick(fits func(t Type) bool) string {
	var have []string
	for _, v := range g.made {
		if fits(g.types[v]) {
			have = append(have, v)
		}
	}
	if len(have) == 0 {
		return ""
	}
	return have[max(g.rng.IntN(len(have)), g.rng.IntN(len(have)))]
}

func (g *random) any() string    { return g.pick(func(Type) bool { return true }) }
func (g *random) real() string   { return g.pick(func(t Type) bool { return t.Kind == Real }) }
func (g *random) planes() string { return g.pick(isPlanes) }

func (g *random) complex() string {
	return g.pick(func(t Type) bool { return t.Kind == Complex && len(t.Shape) > 2 })
}

func isPlanes(t Type) bool { return t.Kind == Real && len(t.Shape) == 4 }

// square returns a value [−1, C, N, N].
func (g *random) square(k Kind) string {
	n := Dim(g.p.N)
	want := Type{k, Shape{PerGroup(1), Dim(g.p.Group), n, n}}
	return g.pick(func(t Type) bool { return equal(t, want) })
}

// tail returns a parameter with the last axes of v, starting at any axis, possibly a scalar.
func (g *random) tail(v string, k Kind, from int) string {
	return g.param(k, 1, g.types[v].Shape[from:].At(1)...)
}

// operand returns a second operand for v: a value of the same shape, possibly v itself, or a parameter.
func (g *random) operand(v string, k Kind) string {
	s := g.types[v].Shape
	if g.rng.IntN(2) == 0 {
		if same := g.pick(func(t Type) bool { return t.Kind == k && slices.Equal(t.Shape, s) }); same != "" {
			return same
		}
	}
	return g.tail(v, k, 1+g.rng.IntN(len(s)))
}

// spread adds a parameter to each number of a pattern, so that no number is 0 and no two are equal by construction: at
// kinks and ties the gradient is a matter of convention.
func (g *random) spread(v string) string {
	return g.op(Add, g.scale[v]+1, nil, v, g.tail(v, Real, 1))
}

// positive maps a real value to numbers above shift.
func (g *random) positive(v string, shift float64) string {
	return g.op(Affine, g.scale[v]+shift, map[string]float64{"scale": 1, "shift": shift}, g.op(Softplus, max(g.scale[v], 0.7), nil, v))
}

// finish adds losses for values that nothing has read, and names scalars and outputs.
func (g *random) finish() {
	read := map[string]bool{}
	for _, o := range g.p.Ops {
		for _, v := range o.In {
			read[v] = true
		}
	}
	losses, made := g.losses[:min(2, len(g.losses))], slices.Clone(g.made)
	total := g.reduce(g.square(Real))
	for _, v := range made {
		if !read[v] && !slices.Contains(losses, v) {
			total = g.op(Add, 1, nil, total, g.reduce(v))
		}
	}
	for i, v := range append(slices.Clone(losses), total) {
		g.p.Scalars = append(g.p.Scalars, Scalar{Name: fmt.Sprintf("loss%d", i), Value: v, Loss: true})
	}
	g.p.Scalars = append(g.p.Scalars, Scalar{Name: "report", Value: g.op(MeanPixels, 1, nil, g.square(Real))})
	g.p.Outputs = []Output{{Name: Patches, Value: g.square(Complex)}}
	if canvas := g.pick(func(t Type) bool { return t.Kind == Complex && len(t.Shape) == 3 && t.Shape[0] == PerGroup(1) }); canvas != "" {
		g.p.Outputs = append(g.p.Outputs, Output{Name: "canvas", Value: canvas})
	}
}

// reduce reduces any value to one number per pattern that depends on each element differently.
func (g *random) reduce(v string) string {
	if g.types[v].Kind == Complex {
		v = g.op(Abs2, g.scale[v]*g.scale[v], nil, v)
	}
	v = g.op(Tanh, 0.5, nil, v)
	v = g.op(Mul, 0.5, nil, v, g.tail(v, Real, 1))
	c, size := g.p.Group, Count(g.types[v].Shape.At(1))
	if size%c == 0 {
		v = g.add(Op{Kind: Reshape, In: []string{v}, Shape: Shape{PerGroup(1), Dim(c), 1, Dim(size / c)}}, 0.5)
		return g.op(MeanPixels, 0.5, nil, v)
	}
	v = g.add(Op{Kind: Reshape, In: []string{v}, Shape: Shape{PerGroup(1), Dim(size)}}, 0.5)
	return g.op(Dense, 0.5, nil, v, g.param(Real, 1, c, size), g.param(Real, 1, c))
}
