package backend

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// generator draws programs: it appends operations and keeps bounds on the values, so that every program stays where all
// operations are defined and well conditioned.
type generator struct {
	rng    *rand.Rand
	p      *program.Program
	types  map[string]program.Type
	bounds map[string]float64
	given  map[string]*reference.Value // parameters, and inputs for the groups
	groups int
	made   []string // values per group that operations may read
	count  map[program.OpKind]int
}

// rows is the length of the generated tables.
const rows = 5

func newGenerator(seed uint64) *generator {
	rng := rand.New(rand.NewPCG(seed, 77))
	g := &generator{rng: rng, bounds: map[string]float64{}, given: map[string]*reference.Value{}, groups: 1 + rng.IntN(3), count: map[program.OpKind]int{}}
	n, c := 2*(2+rng.IntN(4)), 1+rng.IntN(4) // N = 4 … 10: powers of two and others
	g.p = &program.Program{Name: fmt.Sprintf("random %d", seed), N: n, Group: c}
	g.types = map[string]program.Type{}
	one, dn, dc, modes := program.PerGroup(1), program.Dim(n), program.Dim(c), program.Dim(1+rng.IntN(2))
	g.input(program.Counts, program.Real, 20, one, dc, dn, dn)
	for i, k := range g.given[program.Counts].Real {
		g.given[program.Counts].Real[i] = math.Floor(math.Abs(k)) // photons
	}
	g.input(program.Offsets, program.Real, 2, one, dc, 2)
	g.input(program.Probe, program.Complex, 1, modes, dn, dn)
	for _, name := range []string{program.Mask, "masks"} {
		shape := program.Shape{dn, dn}
		if name == "masks" {
			shape = program.Shape{one, dc, dn, dn}
		}
		g.input(name, program.Real, 1, shape...)
		for i := range g.given[name].Real {
			g.given[name].Real[i] = float64(min(rng.IntN(5), 1))
		}
	}
	g.input("rows", program.Index, rows, one, dc)
	for _, kind := range []program.Kind{program.Real, program.Complex} {
		table := g.param(kind, 1, rows, n, n)
		g.add(program.Gather, 1, nil, table, "rows")
	}
	return g
}

func (g *generator) input(name string, kind program.Kind, bound float64, shape ...program.Dim) {
	t := program.Type{Kind: kind, Shape: shape}
	g.p.Inputs = append(g.p.Inputs, program.Input{Name: name, Type: t})
	g.types[name], g.bounds[name], g.given[name] = t, bound, g.draw(kind, bound, t.Shape.At(g.groups))
}

func (g *generator) param(kind program.Kind, bound float64, shape ...int) string {
	name := fmt.Sprintf("p%d", len(g.p.Params))
	g.p.Params = append(g.p.Params, program.Param{Name: name, Kind: kind, Shape: shape, Init: program.Init{Kind: program.Constant}, Trainable: g.rng.IntN(4) > 0})
	dims := make(program.Shape, len(shape))
	for i, d := range shape {
		dims[i] = program.Dim(d)
	}
	g.types[name], g.bounds[name], g.given[name] = program.Type{Kind: kind, Shape: dims}, bound, g.draw(kind, bound, shape)
	return name
}

// draw fills a value with numbers that are exact in float32.
func (g *generator) draw(kind program.Kind, bound float64, shape []int) *reference.Value {
	v := reference.NewValue(kind, slices.Clone(shape))
	number := func() float64 { return float64(float32(bound * (2*g.rng.Float64() - 1))) }
	for i := range v.Real {
		v.Real[i] = number()
	}
	for i := range v.Complex {
		v.Complex[i] = complex(number(), number())
	}
	for i := range v.Index {
		v.Index[i] = int32(g.rng.IntN(int(bound)))
	}
	return v
}

// add appends an operation whose result is at most bound, and scales large results to order one.
func (g *generator) add(kind program.OpKind, bound float64, attrs map[string]float64, in ...string) string {
	return g.finish(program.Op{Kind: kind, In: in, Attrs: attrs}, bound)
}

func (g *generator) finish(op program.Op, bound float64) string {
	op.Out = fmt.Sprintf("v%d", len(g.p.Ops))
	g.p.Ops = append(g.p.Ops, op)
	types, err := g.p.Types()
	if err != nil {
		panic(err) // a bug of the generator
	}
	g.types, g.bounds[op.Out] = types, bound
	g.count[op.Kind]++
	t := g.types[op.Out]
	if len(t.Shape) == 0 || t.Shape[0] > 0 {
		return op.Out
	}
	if bound > 8 {
		if t.Kind == program.Real {
			return g.add(program.Affine, 2, map[string]float64{"scale": 2 / bound}, op.Out)
		}
		return g.add(program.Mul, 2, nil, op.Out, g.param(program.Real, 2/bound))
	}
	g.made = append(g.made, op.Out)
	return op.Out
}

// pick returns one of the values that fit, or "" when there is none.
func (g *generator) pick(fits func(t program.Type) bool) string {
	var have []string
	for _, v := range g.made {
		if fits(g.types[v]) {
			have = append(have, v)
		}
	}
	if len(have) == 0 {
		return ""
	}
	return have[g.rng.IntN(len(have))]
}

func (g *generator) real() string {
	return g.pick(func(t program.Type) bool { return t.Kind == program.Real })
}

// objects returns a complex [−1, C, N, N].
func (g *generator) objects() string { return g.pattern(program.Complex) }

func (g *generator) pattern(kind program.Kind) string {
	n := program.Dim(g.p.N)
	want := program.Shape{-1, program.Dim(g.p.Group), n, n}
	return g.pick(func(t program.Type) bool { return t.Kind == kind && slices.Equal(t.Shape, want) })
}

// planes returns a real value of rank 4.
func (g *generator) planes() string {
	return g.pick(func(t program.Type) bool { return t.Kind == program.Real && len(t.Shape) == 4 })
}

// operand returns a second operand for v: v itself, a value of its type, or a parameter with its last axes.
func (g *generator) operand(v string, kind program.Kind) string {
	t := g.types[v]
	if same := g.pick(func(u program.Type) bool { return u.Kind == kind && slices.Equal(u.Shape, t.Shape) }); same != "" && g.rng.IntN(2) == 0 {
		return same
	}
	from := 1 + g.rng.IntN(len(t.Shape))
	return g.param(kind, 1, t.Shape[from:].At(1)...)
}

// total reduces every unread value to a loss, and makes the losses and the given pattern values the scalars.
func (g *generator) total(losses ...string) {
	read := map[string]bool{}
	for _, o := range g.p.Ops {
		for _, v := range o.In {
			read[v] = true
		}
	}
	c := g.p.Group
	sum := ""
	for _, v := range slices.Clone(g.made) {
		if read[v] || slices.Contains(losses, v) {
			continue
		}
		if g.types[v].Kind == program.Complex {
			v = g.add(program.Abs2, 2*g.bounds[v]*g.bounds[v], nil, v)
		}
		v = g.add(program.Sigmoid, 1, nil, v)
		size := program.Count(g.types[v].Shape.At(1))
		if size%c == 0 {
			v = g.finish(program.Op{Kind: program.Reshape, In: []string{v}, Shape: program.Shape{-1, program.Dim(c), 1, program.Dim(size / c)}}, 1)
			v = g.add(program.MeanPixels, 1, nil, v)
		} else {
			v = g.finish(program.Op{Kind: program.Reshape, In: []string{v}, Shape: program.Shape{-1, program.Dim(size)}}, 1)
			v = g.add(program.Dense, 1, nil, v, g.param(program.Real, 1/float64(size), c, size), g.param(program.Real, 1, c))
		}
		if sum != "" {
			v = g.add(program.Add, 1, nil, sum, v)
		}
		sum = v
	}
	if sum != "" {
		losses = append(losses, sum)
	}
	for i, v := range losses {
		g.p.Scalars = append(g.p.Scalars, program.Scalar{Name: fmt.Sprintf("loss%d", i), Value: v, Loss: true})
	}
}

// randomProgram returns a program with one operation of each of the given kinds and some more.
func randomProgram(seed uint64, kinds ...program.OpKind) *generator {
	g := newGenerator(seed)
	all := slices.Sorted(maps.Keys(makers))
	for range 8 {
		kinds = append(kinds, all[g.rng.IntN(len(all))])
	}
	g.rng.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	var losses []string
	for _, k := range kinds {
		out := makers[k](g, k)
		if slices.Contains(lossKinds, k) && len(losses) < 2 {
			losses = append(losses, out)
		}
	}
	g.total(losses...)
	return g
}
