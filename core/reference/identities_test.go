package reference

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
)

func realOf(shape []int, data ...float64) *Value {
	return &Value{Kind: program.Real, Shape: shape, Real: data}
}

// apply runs a single operation.
func apply(t *testing.T, op program.Op, in ...*Value) *Value {
	t.Helper()
	c := opCase{string(op.Kind), op, in, -1}
	m, err := New(c.program())
	if err != nil {
		t.Fatal(err)
	}
	return forward(t, m, c.given())["y"]
}

// TestOperations_HaveExpectedValues compares operations with numbers calculated by hand.
func TestOperations_HaveExpectedValues(t *testing.T) {
	one := []int{groups, 1, 1, 1}
	mask := realOf([]int{1, 1}, 1)
	for _, c := range []struct {
		name string
		got  *Value
		want []float64
	}{
		{"Poisson NLL: 5 − 5·ln 5 + ln 120, and λ alone without counts",
			apply(t, program.Op{Kind: program.PoissonNLL}, realOf(one, 5, 1e-8), realOf(one, 5, 0), mask), []float64{1.740302180611545, 1e-8}},
		{"deviance: 0 at λ = k, 2λ without counts",
			apply(t, program.Op{Kind: program.PoissonDeviance}, realOf(one, 5, 3), realOf(one, 5, 0), mask), []float64{0, 6}},
		{"deviance: 2(λ − k + k·ln(k/λ))",
			apply(t, program.Op{Kind: program.PoissonDeviance}, realOf(one, 1, 4), realOf(one, 2, 1), mask), []float64{2*2*math.Ln2 - 2, 6 - 4*math.Ln2}},
		{"deviance of counts that λ rules out",
			apply(t, program.Op{Kind: program.PoissonDeviance}, realOf(one, 0, -1), realOf(one, 2, 2), mask), []float64{math.Inf(1), math.NaN()}},
		{"amplitude loss: (√λ − √k)²",
			apply(t, program.Op{Kind: program.AmplitudeLoss}, realOf(one, 9, 1), realOf(one, 4, 16), mask), []float64{1, 9}},
		{"amplitude mae: |√λ − √k|",
			apply(t, program.Op{Kind: program.AmplitudeMAE}, realOf(one, 9, 1), realOf(one, 4, 16), mask), []float64{1, 3}},
		{"a mask weighs: (1·2·3 + ½·2·5)/1.5",
			apply(t, program.Op{Kind: program.PoissonDeviance}, realOf([]int{groups, 1, 1, 3}, 3, 5, 7, 3, 5, 7), realOf([]int{groups, 1, 1, 3}, 0, 0, 0, 0, 0, 0),
				realOf([]int{1, 3}, 1, 0.5, 0)), []float64{22. / 3, 22. / 3}},
		{"a pool takes the largest, an average the mean",
			apply(t, program.Op{Kind: program.MaxPool2}, realOf([]int{groups, 1, 2, 4}, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8)), []float64{6, 8, -1, -3}},
		{"a mean of four",
			apply(t, program.Op{Kind: program.AvgPool2}, realOf([]int{groups, 1, 2, 2}, 1, 2, 3, 6, 0, 0, 0, 4)), []float64{3, 1}},
		{"doubling repeats rows and columns",
			apply(t, program.Op{Kind: program.Upsample2}, realOf([]int{groups, 1, 1, 2}, 1, 2, 3, 4)), []float64{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}},
		{"padding puts the border on all sides",
			apply(t, with(program.Pad, "amount", 1), realOf([]int{groups, 1, 1, 1}, 7, 8)), []float64{0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0}},
		{"channels stand one after the other",
			apply(t, program.Op{Kind: program.Concat}, realOf([]int{groups, 1, 1, 1}, 1, 2), realOf([]int{groups, 2, 1, 1}, 3, 4, 5, 6)), []float64{1, 3, 4, 2, 5, 6}},
		{"a dense layer: W·x + b",
			apply(t, program.Op{Kind: program.Dense}, realOf([]int{groups, 2}, 1, 2, 3, 4), realOf([]int{1, 2}, 10, 1), realOf([]int{1}, 0.5)), []float64{12.5, 34.5}},
		{"large arguments overflow nowhere",
			apply(t, program.Op{Kind: program.Softplus}, realOf([]int{groups, 2}, 1000, -1000, 0, 1)), []float64{1000, 0, math.Ln2, 1.3132616875182228}},
		{"a sigmoid ends at 0 and 1",
			apply(t, program.Op{Kind: program.Sigmoid}, realOf([]int{groups, 2}, 1000, -1000, 0, 2)), []float64{1, 0, 0.5, 0.8807970779778823}},
	} {
		for i, w := range c.want {
			if g := c.got.Real[i]; math.Abs(g-w) > 1e-12 || math.IsNaN(g) != math.IsNaN(w) {
				t.Errorf("%s: %v, want %v", c.name, c.got.Real, c.want)
				break
			}
		}
	}
}

// TestConv2D_IsACrossCorrelation uses a kernel with a single 1 next to its centre, which moves the image:
// cross-correlation reads x[r+u−k/2] and does not flip.
func TestConv2D_IsACrossCorrelation(t *testing.T) {
	x := realOf([]int{groups, 1, 2, 3}, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0)
	w := realOf([]int{1, 1, 3, 3}, 0, 0, 0, 0, 0, 1, 0, 0, 0) // u = 1, v = 2: the pixel on the right
	y := apply(t, program.Op{Kind: program.Conv2D}, x, w, realOf([]int{1}, 0.5))
	for i, want := range []float64{2.5, 3.5, 0.5, 5.5, 6.5, 0.5} {
		if y.Real[i] != want {
			t.Fatalf("%v, want the image moved left by one pixel", y.Real)
		}
	}
}

// farField computes the chain that every architecture ends with, starting from objects.
func farField(t *testing.T, object, probe *Value) *Value {
	t.Helper()
	wave := apply(t, program.Op{Kind: program.Illuminate}, object, probe)
	return apply(t, program.Op{Kind: program.Intensity}, apply(t, program.Op{Kind: program.FFT2}, wave))
}

func TestIntensity_IgnoresGlobalPhaseKeepsEnergy(t *testing.T) {
	d := drawing{rand.New(rand.NewPCG(23, 1))}
	object, probe := d.complex(groups, 2, 6, 8), d.complex(3, 6, 8)
	before := farField(t, object, probe)
	energy, measured := 0.0, 0.0
	for i, o := range object.Complex {
		for m := range 3 {
			energy += abs2(o * probe.Complex[m*48+i%48])
		}
		s, c := math.Sincos(0.7)
		object.Complex[i] *= complex(c, s)
	}
	after := farField(t, object, probe)
	for i, v := range before.Real {
		measured += v
		if math.Abs(v-after.Real[i]) > 1e-11 {
			t.Fatalf("pixel %d: %v, after a turn of all phases %v", i, v, after.Real[i])
		}
	}
	if math.Abs(measured-energy) > 1e-10*energy {
		t.Errorf("Parseval: %v counts of an energy of %v", measured, energy)
	}
}

// TestIntensity_MovedExitWave checks that a shift of object and probe together changes the phases of the far
// field and not its intensity.
func TestIntensity_MovedExitWave(t *testing.T) {
	d := drawing{rand.New(rand.NewPCG(24, 1))}
	const n = 10
	object, probe := NewValue(program.Complex, []int{groups, 1, n, n}), d.complex(1, n, n)
	inner := d.complex(groups, 1, n, n)
	for i := range object.Complex { // content away from the border, so that nothing is cut off
		if y, x := i/n%n, i%n; y > 2 && y < 7 && x > 2 && x < 7 {
			object.Complex[i] = inner.Complex[i]
		}
	}
	before := farField(t, object, probe)
	move := realOf([]int{groups, 1, 2}, 2, -1, 2, -1)
	p := NewValue(program.Complex, []int{groups, 1, n, n})
	for g := range groups {
		copy(p.Complex[g*n*n:], probe.Complex)
	}
	wave := NewValue(program.Complex, p.Shape)
	for i := range wave.Complex {
		wave.Complex[i] = p.Complex[i] * object.Complex[i]
	}
	moved := apply(t, program.Op{Kind: program.Translate}, wave, move)
	one := NewValue(program.Complex, []int{1, n, n})
	for i := range one.Complex {
		one.Complex[i] = 1
	}
	after := farField(t, moved, one)
	for i, v := range before.Real {
		if math.Abs(v-after.Real[i]) > 1e-11 {
			t.Fatalf("pixel %d: %v, after the move %v", i, v, after.Real[i])
		}
	}
}

// TestLoss_IsWeightedMean checks that the loss of a batch is the mean over its patterns and that weights of 0 exclude
// patterns.
func TestLoss_IsWeightedMean(t *testing.T) {
	p := &program.Program{Name: "loss", N: 2, Group: 2,
		Inputs:  []program.Input{{Name: "a", Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 2}}}, {Name: "b", Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 2}}}},
		Scalars: []program.Scalar{{Name: "first", Value: "a", Loss: true}, {Name: "again", Value: "a", Loss: true}, {Name: "second", Value: "b", Loss: true}, {Name: "report", Value: "b"}}}
	m, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	values := forward(t, m, map[string]*Value{"a": realOf([]int{2, 2}, 1, 2, 3, 4), "b": realOf([]int{2, 2}, 10, 20, 30, math.NaN())})
	for _, c := range []struct {
		name       string
		weights    map[string]float64
		w          []float32
		normaliser float64
		want       float64
		seed       []float64
	}{
		{"all alike", map[string]float64{"first": 1}, nil, 0, 2.5, []float64{.25, .25, .25, .25}},
		{"weighted", map[string]float64{"first": 2}, []float32{1, 0, 3, 0}, 0, 5, []float64{.5, 0, 1.5, 0}},
		{"a given normaliser", map[string]float64{"first": 1}, []float32{1, 1, 1, 0}, 6, 1, []float64{1. / 6, 1. / 6, 1. / 6, 0}},
		{"two scalars of one value", map[string]float64{"first": 1, "again": 1}, nil, 0, 5, []float64{.5, .5, .5, .5}},
		{"a scalar that is only reported", map[string]float64{"first": 1, "report": 1}, nil, 0, 2.5, []float64{.25, .25, .25, .25}},
	} {
		loss, seeds := m.LossSeeds(values, c.weights, c.w, c.normaliser)
		if math.Abs(loss-c.want) > 1e-15 {
			t.Errorf("%s: the loss is %v, want %v", c.name, loss, c.want)
		}
		for i, s := range c.seed {
			if math.Abs(seeds["a"].Real[i]-s) > 1e-15 {
				t.Errorf("%s: the seeds are %v, want %v", c.name, seeds["a"].Real, c.seed)
				break
			}
		}
	}
	loss, _ := m.LossSeeds(values, map[string]float64{"second": 1}, []float32{1, 1, 1, 0}, 0)
	if loss != 20 {
		t.Errorf("padding with a weight of 0 is counted: the loss is %v, want 20", loss)
	}
}

func TestForward_RejectsInvalidValues(t *testing.T) {
	d := drawing{rand.New(rand.NewPCG(25, 1))}
	c := opCase{"gather", program.Op{Kind: program.Gather}, []*Value{d.real(5, 3), d.index(5, groups, 2)}, -1}
	m, err := New(c.program())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]struct {
		given func(map[string]*Value)
		says  string
	}{
		"an index past the table": {func(g map[string]*Value) {
			g["x1"] = &Value{Kind: program.Index, Shape: []int{groups, 2}, Index: []int32{0, 1, 5, 2}}
		}, "entry 2 of x1 refers to row 5"},
		"an index below the table": {func(g map[string]*Value) {
			g["x1"] = &Value{Kind: program.Index, Shape: []int{groups, 2}, Index: []int32{-1, 1, 1, 2}}
		}, "refers to row -1"},
		"a missing input": {func(g map[string]*Value) { delete(g, "x0") }, "x0 is missing"},
		"a wrong shape":   {func(g map[string]*Value) { g["x0"] = d.real(5, 2) }, "x0 is real [5 2], want real [5 3]"},
		"a wrong kind":    {func(g map[string]*Value) { g["x0"] = d.complex(5, 3) }, "x0 is complex"},
		"an unknown name": {func(g map[string]*Value) { g["z"] = d.real(1) }, "z is not an input"},
	} {
		given := c.given()
		change.given(given)
		if _, err := m.Forward(groups, given); err == nil || !strings.Contains(err.Error(), change.says) {
			t.Errorf("%s: %v, want an error that says %q", name, err, change.says)
		}
	}
	if _, err := New(&program.Program{Name: "bad", N: 2, Group: 1, Ops: []program.Op{{Kind: "nonsense", Out: "y", In: []string{"x"}}}}); err == nil {
		t.Error("an unknown operation was accepted")
	}
}
