package backend

import (
	"context"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
)

// branched returns a network whose values have several readers, so that G.Grad must create sums: conv -> relu -> (pool ->
// up, itself) -> concat -> conv -> |.|² of a complex value -> mean per pattern.
func branched() *program.Program {
	one := program.PerGroup(1)
	return &program.Program{
		Name: "branched", N: 8, Group: 1,
		Inputs: []program.Input{{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{one, 1, 8, 8}}}},
		Params: []program.Param{
			{Name: "w0", Kind: program.Real, Shape: []int{4, 1, 3, 3}, Trainable: true}, {Name: "b0", Kind: program.Real, Shape: []int{4}, Trainable: true},
			{Name: "w1", Kind: program.Real, Shape: []int{1, 8, 3, 3}, Trainable: true}, {Name: "b1", Kind: program.Real, Shape: []int{1}, Trainable: true},
		},
		Ops: []program.Op{
			{Kind: program.Conv2D, Out: "y0", In: []string{program.Counts, "w0", "b0"}},
			{Kind: program.ReLU, Out: "r0", In: []string{"y0"}},
			{Kind: program.MaxPool2, Out: "p0", In: []string{"r0"}},
			{Kind: program.Upsample2, Out: "u0", In: []string{"p0"}},
			{Kind: program.Concat, Out: "c0", In: []string{"u0", "r0"}},
			{Kind: program.Conv2D, Out: "y1", In: []string{"c0", "w1", "b1"}},
			{Kind: program.Polar, Out: "z", In: []string{"y1", "y1"}},
			{Kind: program.FFT2, Out: "f", In: []string{"z"}},
			{Kind: program.RealPart, Out: "re", In: []string{"f"}},
			{Kind: program.Square, Out: "sq", In: []string{"re"}},
			{Kind: program.MeanPixels, Out: "m", In: []string{"sq"}},
			{Kind: program.MeanPixels, Out: "n", In: []string{"y1"}},
		},
		Scalars: []program.Scalar{{Name: "power", Value: "m", Loss: true}, {Name: "mean", Value: "n", Loss: true}},
	}
}

func newEnv[T float](t *testing.T, threads int) *kernel.Env[T] {
	t.Helper()
	env, err := kernel.NewEnv[T](threads)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// build lowers branched and sets every input.
func build(t *testing.T) (*graph, *kernel.Pool) {
	t.Helper()
	p := branched()
	for i := range p.Params {
		p.Params[i].Init.Kind = program.Constant
	}
	env := newEnv[float64](t, 2)
	g, err := lower(env, p, request{Groups: 3, Values: []string{"m", "n"}, Losses: []string{"power", "mean"}, Params: []string{"w0", "b0", "w1", "b1"}})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range g.Expr.Inputs() {
		data := make([]float64, n.Shape().TotalSize())
		for i := range data {
			data[i] = rng.NormFloat64()
		}
		if err := G.Let(n, tensor.New(tensor.WithShape(len(data)), tensor.WithBacking(data))); err != nil {
			t.Fatal(err)
		}
	}
	return g, env.Pool
}

// runAll runs with the values that gorgonia.Let gave to the inputs.
func runAll(m *executor[float64]) error {
	for name, s := range m.inputs {
		if s.node.Value() == nil {
			continue
		}
		if err := m.Set(name, s.node.Value().Data().([]float64)); err != nil {
			return err
		}
	}
	return m.Run(context.Background(), nil)
}

func TestExecutor_AgreesWithTapeMachine(t *testing.T) {
	g, workers := build(t)
	keep := map[string]*G.Node{"value m": g.Values["m"], "value n": g.Values["n"]}
	for name, n := range g.Grads {
		keep["gradient of "+name] = n
	}
	var nodes G.Nodes
	for _, n := range keep {
		nodes = append(nodes, n)
	}
	m, err := newExecutor(workers, &arena[float64]{}, g.Expr, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second run overwrites the arena
		if err := runAll(m); err != nil {
			t.Fatal(err)
		}
	}
	read := map[string]*G.Value{}
	for name, n := range keep {
		read[name] = new(G.Value)
		G.Read(n, read[name])
	}
	tape := G.NewTapeMachine(g.Expr)
	defer tape.Close()
	if err := tape.RunAll(); err != nil {
		t.Fatal(err)
	}
	for name, n := range keep {
		want, ok := (*read[name]).Data().([]float64)
		if !ok {
			want = []float64{(*read[name]).Data().(float64)}
		}
		got := m.Value(n)
		for i, w := range want {
			if got[i] != w {
				t.Fatalf("%s[%d] is %v, the tape machine has %v", name, i, got[i], w)
			}
		}
	}
}

func TestExecutor_SharesArena(t *testing.T) {
	g, workers := build(t)
	arena := &arena[float64]{}
	large, err := newExecutor(workers, arena, g.Expr, g.Grads["w0"], g.Values["m"])
	if err != nil {
		t.Fatal(err)
	}
	small, err := newExecutor(workers, arena, g.Expr, g.Values["m"])
	if err != nil {
		t.Fatal(err)
	}
	if err := runAll(small); err != nil {
		t.Fatal(err)
	}
	first := append([]float64(nil), small.Value(g.Values["m"])...)
	for range 2 {
		for _, m := range []*executor[float64]{large, small} {
			if err := runAll(m); err != nil {
				t.Fatal(err)
			}
			for i, v := range m.Value(g.Values["m"]) {
				if v != first[i] {
					t.Fatalf("value %d is %v, but %v when the machine runs alone", i, v, first[i])
				}
			}
		}
	}
	if arena.Bytes() != max(large.Bytes(), small.Bytes()) {
		t.Errorf("the arena holds %d bytes for machines of %d and %d", arena.Bytes(), large.Bytes(), small.Bytes())
	}
	if small.Bytes() >= large.Bytes() {
		t.Errorf("forward alone needs %d bytes, with the gradient %d", small.Bytes(), large.Bytes())
	}
}

func TestExecutor_MissingInputIsAnError(t *testing.T) {
	p := branched()
	for i := range p.Params {
		p.Params[i].Init.Kind = program.Constant
	}
	env := newEnv[float64](t, 1)
	g, err := lower(env, p, request{Groups: 1, Values: []string{"m"}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := newExecutor(env.Pool, &arena[float64]{}, g.Expr, g.Values["m"])
	if err != nil {
		t.Fatal(err)
	}
	if err := runAll(m); err == nil {
		t.Error("ran without inputs")
	}
	if err := m.Set("w0", make([]float64, 3)); err == nil {
		t.Error("took an input of the wrong length")
	}
}
