package reference

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
)

// frozen computes the program's values for changed parameters, as the gradient sees it: operands without a gradient keep
// their values of base.
func frozen(m *Machine, groups int, given, base map[string]*Value) map[string]*Value {
	values := map[string]*Value{}
	for name, v := range given {
		values[name] = v
	}
	for _, op := range m.Program.Ops {
		flows := program.Differentiable(op.Kind, len(op.In))
		in := make([]*Value, len(op.In))
		for i, name := range op.In {
			if in[i] = base[name]; slices.Contains(flows, i) {
				in[i] = values[name]
			}
		}
		t := m.types[op.Out]
		out := NewValue(t.Kind, t.Shape.At(groups))
		meanings[op.Kind].forward(op, in, out)
		values[op.Out] = out
	}
	return values
}

// TestGradients_OfRandomPrograms compares the derivative of the loss along a random direction of each parameter.
//
// Long: one program, from its drawing to the comparison of each gradient.
func TestGradients_OfRandomPrograms(t *testing.T) {
	const groups = 2
	reached, trials := 0, 0
	seeds := uint64(60)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := program.Random(seed)
			given, margin, err := ClearValues(p, groups, seed, 8)
			if err != nil {
				t.Fatal(err)
			}
			if !(margin > 1e-5) {
				t.Fatalf("a kink is %.2g away", margin)
			}
			m, err := New(p)
			if err != nil {
				t.Fatal(err)
			}
			base, err := m.Forward(groups, given)
			if err != nil {
				t.Fatal(err)
			}
			weights := map[string]float64{}
			for i, s := range p.Scalars {
				if s.Loss {
					weights[s.Name] = 1 + 0.5*float64(i)
				}
			}
			loss, seeds := m.LossSeeds(base, weights, nil, 0)
			grads := m.Backward(base, seeds)
			rng := rand.New(rand.NewPCG(seed, 2))
			for _, q := range p.Params {
				trials++
				direction := draw(rng, given[q.Name])
				at := func(h float64) float64 {
					moved := map[string]*Value{}
					for name, v := range given {
						moved[name] = v
					}
					v := NewValue(q.Kind, q.Shape)
					for i, d := range direction.Real {
						v.Real[i] = given[q.Name].Real[i] + h*d
					}
					for i, d := range direction.Complex {
						v.Complex[i] = given[q.Name].Complex[i] + complex(h, 0)*d
					}
					moved[q.Name] = v
					loss, _ := m.LossSeeds(frozen(m, groups, moved, base), weights, nil, 0)
					return loss
				}
				const h = 3e-7
				want, got := (at(h)-at(-h))/(2*h), 0.0
				if g := grads[q.Name]; g != nil {
					got = pair(g, direction)
				}
				if got != 0 {
					reached++
				}
				if rounding := 1e-15 * math.Abs(loss) / h; math.Abs(got-want) > 1e-6*math.Abs(want)+rounding+1e-9 {
					t.Errorf("%s %v: the derivative is %.9g, want %.9g", q.Name, q.Shape, got, want)
				}
			}
		})
	}
	// Detached values, and probes used only for weights, have no gradient; nearly all others must have one.
	if reached < trials*9/10 {
		t.Errorf("the loss depends on only %d of %d parameters", reached, trials)
	}
}

func TestRandomValues_ReproducibleAndExact(t *testing.T) {
	p := program.Random(3)
	a, err := RandomValues(p, 2, 7)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := RandomValues(p, 2, 7)
	c, _ := RandomValues(p, 2, 8)
	differ := false
	for name, v := range a {
		if string(v.Tensor().Bytes()) != string(b[name].Tensor().Bytes()) {
			t.Errorf("%s: the same seed gave other numbers", name)
		}
		differ = differ || string(v.Tensor().Bytes()) != string(c[name].Tensor().Bytes())
		for i := range numbers(v) {
			if x := number(v, i); float64(float32(x)) != x {
				t.Fatalf("%s: %v is not exact in float32", name, x)
			}
		}
	}
	if !differ {
		t.Error("another seed gave the same numbers")
	}
	for _, k := range a[program.Counts].Real {
		if k < 0 || k != math.Trunc(k) {
			t.Fatalf("%v photons", k)
		}
	}
}
