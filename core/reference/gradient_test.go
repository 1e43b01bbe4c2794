package reference

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
)

// pair returns ⟨a, b⟩ over all numbers; real and imaginary parts count as two.
func pair(a, b *Value) float64 {
	sum := 0.0
	for i, v := range a.Real {
		sum += v * b.Real[i]
	}
	for i, v := range a.Complex {
		sum += real(v)*real(b.Complex[i]) + imag(v)*imag(b.Complex[i])
	}
	return sum
}

// draw returns an array with the kind and shape of like and normally distributed numbers.
func draw(rng *rand.Rand, like *Value) *Value {
	v := NewValue(like.Kind, like.Shape)
	for i := range v.Real {
		v.Real[i] = rng.NormFloat64()
	}
	for i := range v.Complex {
		v.Complex[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	return v
}

func forward(t *testing.T, m *Machine, given map[string]*Value) map[string]*Value {
	t.Helper()
	values, err := m.Forward(groups, given)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// numbers returns how many real numbers a value has.
func numbers(v *Value) int { return len(v.Real) + 2*len(v.Complex) }

// nudge adds h to one of the numbers.
func nudge(v *Value, i int, h float64) {
	switch {
	case v.Kind == program.Real:
		v.Real[i] += h
	case i%2 == 0:
		v.Complex[i/2] += complex(h, 0)
	default:
		v.Complex[i/2] += complex(0, h)
	}
}

func number(v *Value, i int) float64 {
	switch {
	case v.Kind == program.Real:
		return v.Real[i]
	case i%2 == 0:
		return real(v.Complex[i/2])
	}
	return imag(v.Complex[i/2])
}

func TestOperations_AreAllTested(t *testing.T) {
	all := cases()
	for _, k := range program.Kinds() {
		if !slices.ContainsFunc(all, func(c opCase) bool { return c.op.Kind == k }) {
			t.Errorf("no case for the operation %s", k)
		}
		m, ok := meanings[k]
		if !ok || m.forward == nil {
			t.Errorf("the operation %s is missing in core/reference", k)
		}
		if len(program.Differentiable(k, 1)) > 0 && m.backward == nil {
			t.Errorf("the gradient of the operation %s is missing", k)
		}
	}
	if len(meanings) != len(program.Kinds()) {
		t.Errorf("%d meanings for %d operations", len(meanings), len(program.Kinds()))
	}
}

// TestGradients_AreDerivatives compares the gradient of every operation, for each number of each input, with central
// differences.
func TestGradients_AreDerivatives(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			m, err := New(c.program())
			if err != nil {
				t.Fatal(err)
			}
			given := c.given()
			values := forward(t, m, given)
			seed := draw(rand.New(rand.NewPCG(21, 1)), values["y"])
			grads := m.Backward(values, map[string]*Value{"y": seed})
			flows := program.Differentiable(c.op.Kind, len(c.in))
			for i, x := range c.in {
				name := fmt.Sprintf("x%d", i)
				if !slices.Contains(flows, i) {
					if grads[name] != nil {
						t.Errorf("a gradient flows to input %d", i)
					}
					continue
				}
				largest, worst := 0.0, 0.0
				for j := range numbers(x) {
					// The third-order error is h²/6·f‴, rounding 1e-16/h; five points make it h⁴.
					const h = 1e-3
					at := func(step float64) float64 {
						nudge(x, j, step)
						defer nudge(x, j, -step)
						return pair(forward(t, m, given)["y"], seed)
					}
					want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
					largest = max(largest, math.Abs(want))
					worst = max(worst, math.Abs(number(grads[name], j)-want))
				}
				if !(worst <= 1e-8*largest+1e-11) {
					t.Errorf("input %d: the gradient is off by %.2g where derivatives are up to %.2g", i, worst, largest)
				}
			}
		})
	}
}

// TestLinearOperations_HaveAdjoints checks ⟨A·x, y⟩ = ⟨x, A*·y⟩ for every operation that is linear in an input, and the
// linearity.
func TestLinearOperations_HaveAdjoints(t *testing.T) {
	for _, c := range cases() {
		if c.linear < 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			m, err := New(c.program())
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("x%d", c.linear)
			given := c.given()
			rng := rand.New(rand.NewPCG(22, 1))
			u, v := draw(rng, given[name]), draw(rng, given[name])
			// The operation may be affine in the input: subtract the result for zero.
			apply := func(x *Value) *Value {
				given[name] = NewValue(x.Kind, x.Shape)
				zero := forward(t, m, given)["y"]
				given[name] = x
				y := forward(t, m, given)["y"]
				for i, z := range zero.Real {
					y.Real[i] -= z
				}
				for i, z := range zero.Complex {
					y.Complex[i] -= z
				}
				return y
			}
			au, av := apply(u), apply(v)
			both := NewValue(u.Kind, u.Shape)
			accumulate(both, u)
			accumulate(both, v)
			sum := apply(both)
			for i := range sum.Real {
				sum.Real[i] -= au.Real[i] + av.Real[i]
			}
			for i := range sum.Complex {
				sum.Complex[i] -= au.Complex[i] + av.Complex[i]
			}
			if d := pair(sum, sum); d > 1e-24*(1+pair(au, au)) {
				t.Errorf("A(u+v) differs from Au + Av by %.2g", math.Sqrt(d))
			}
			given[name] = u
			values := forward(t, m, given)
			y := draw(rng, values["y"])
			back := m.Backward(values, map[string]*Value{"y": y})[name]
			if a, b := pair(au, y), pair(u, back); math.Abs(a-b) > 1e-11*(1+math.Abs(a)) {
				t.Errorf("⟨Ax, y⟩ = %v, ⟨x, A*y⟩ = %v", a, b)
			}
		})
	}
}

// TestGradients_AtKinks checks the conventions at kinks, where the derivative does not exist.
func TestGradients_AtKinks(t *testing.T) {
	for _, c := range []struct {
		name    string
		op      program.Op
		in      []float64
		shape   []int
		want    []float64 // gradient for a seed of ones
		further []*Value
	}{
		{"relu at 0", program.Op{Kind: program.ReLU}, []float64{0, 1, -1, math.Copysign(0, -1)}, []int{2, 2}, []float64{0, 1, 0, 0}, nil},
		{"leaky relu at 0", with(program.LeakyReLU, "slope", 0.5), []float64{0, 2}, []int{2, 1}, []float64{0.5, 1}, nil},
		{"sqrt at 0", program.Op{Kind: program.Sqrt}, []float64{0, 4}, []int{2, 1}, []float64{0, 0.25}, nil},
		{"a tie in a pool", program.Op{Kind: program.MaxPool2}, []float64{3, 3, 1, 3, 0, 2, 1, 2}, []int{2, 1, 2, 2}, []float64{1, 1, 0, 1, 0, 1, 0, 1}, nil},
		{"amplitudes that agree", program.Op{Kind: program.AmplitudeMAE}, []float64{4, 9}, []int{2, 1, 1, 1}, []float64{0, 1. / 6},
			[]*Value{{Kind: program.Real, Shape: []int{2, 1, 1, 1}, Real: []float64{4, 4}}, {Kind: program.Real, Shape: []int{1, 1}, Real: []float64{1}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := opCase{c.name, c.op, append([]*Value{{Kind: program.Real, Shape: c.shape, Real: c.in}}, c.further...), -1}
			m, err := New(k.program())
			if err != nil {
				t.Fatal(err)
			}
			values := forward(t, m, k.given())
			seed := NewValue(program.Real, values["y"].Shape)
			for i := range seed.Real {
				seed.Real[i] = 1
			}
			got := m.Backward(values, map[string]*Value{"y": seed})["x0"].Real
			for i, w := range c.want {
				if math.Abs(got[i]-w) > 1e-15 {
					t.Errorf("the gradient is %v, want %v", got, c.want)
					break
				}
			}
		})
	}
}
