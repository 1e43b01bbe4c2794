package reference_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// golden is one frozen case of the field's forward model: objects [1, C, N, N] -> counts.
type golden struct {
	t *testing.T
	z *npz.Archive
}

func (g golden) real(name string) *reference.Value {
	g.t.Helper()
	data, shape, err := g.z.Float64(name)
	if err != nil {
		g.t.Fatal(err)
	}
	return &reference.Value{Kind: program.Real, Shape: shape, Real: data}
}

func (g golden) complex(re, im string, factor float64) *reference.Value {
	g.t.Helper()
	a, b := g.real(re), g.real(im)
	v := reference.NewValue(program.Complex, a.Shape)
	for i := range v.Complex {
		v.Complex[i] = complex(factor*a.Real[i], factor*b.Real[i])
	}
	return v
}

// offsets returns (row, column). The files have (x, y) of the group's centre relative to the pattern, so both signs change.
func (g golden) offsets() *reference.Value {
	p := g.real("positions") // [1, C, 1, 2]
	v := reference.NewValue(program.Real, []int{1, p.Shape[1], 2})
	for i := range p.Shape[1] {
		v.Real[2*i], v.Real[2*i+1] = -p.Real[2*i+1], -p.Real[2*i]
	}
	return v
}

// The ways to merge the group of a frozen case on a canvas. Some weight with |P|² down to a millionth of its peak, where
// Assemble treats less than a thousandth as not covered (the models' own weights have a floor). For these the merge is a
// quotient of two evenly weighted ones: (Σ T(w·O) / Σ T(1)) / (Σ T(w) / Σ T(1)).
const (
	alone = iota
	assembled
	quotient
)

// forwardProgram returns λ = |F(P·O)|² with its Poisson loss.
func forwardProgram(c, n, merge int) *program.Program {
	one, members, side := program.PerGroup(1), program.Dim(c), program.Dim(n)
	images := program.Shape{one, members, side, side}
	input := func(name string, k program.Kind, s ...program.Dim) program.Input {
		return program.Input{Name: name, Type: program.Type{Kind: k, Shape: s}}
	}
	p := &program.Program{Name: "forward model", N: n, Group: c, Inputs: []program.Input{
		input("objects", program.Complex, images...), input(program.Offsets, program.Real, one, members, 2),
		input("weight", program.Real, images...), input(program.Probe, program.Complex, 1, side, side),
		input(program.Counts, program.Real, images...), input(program.Mask, program.Real, side, side),
	}}
	op := func(out string, k program.OpKind, attrs map[string]float64, in ...string) {
		p.Ops = append(p.Ops, program.Op{Kind: k, Out: out, In: in, Attrs: attrs})
	}
	// 78 holds patches at ±3 px; a larger canvas changes nothing.
	canvas, seen := map[string]float64{"canvas": 78}, "merged"
	switch merge {
	case alone:
		seen = "objects"
	case assembled:
		op("canvas", program.Assemble, canvas, "objects", program.Offsets, "weight")
	case quotient: // the mask is 1 everywhere: the even weight
		op("weighted", program.Mul, nil, "objects", "weight")
		op("sum", program.Assemble, canvas, "weighted", program.Offsets, program.Mask)
		op("zero", program.Affine, map[string]float64{"scale": 0}, "weight")
		op("weight.complex", program.MakeComplex, nil, "weight", "zero")
		op("weights", program.Assemble, canvas, "weight.complex", program.Offsets, program.Mask)
		op("weights.real", program.RealPart, nil, "weights")
		op("denominator", program.Affine, map[string]float64{"shift": 1e-30}, "weights.real") // not 0 outside all patches
		op("sum.real", program.RealPart, nil, "sum")
		op("sum.imag", program.ImagPart, nil, "sum")
		op("re", program.Div, nil, "sum.real", "denominator")
		op("im", program.Div, nil, "sum.imag", "denominator")
		op("canvas", program.MakeComplex, nil, "re", "im")
	}
	if merge != alone {
		op("merged", program.Extract, map[string]float64{"n": float64(n)}, "canvas", program.Offsets)
	}
	op("wave", program.Illuminate, nil, seen, program.Probe)
	op("far", program.FFT2, nil, "wave")
	op("lambda", program.Intensity, nil, "far")
	op("nll", program.PoissonNLL, nil, "lambda", program.Counts, program.Mask)
	return p
}

// Long: one table of cases, and their computation.
func TestForward_FrozenCases(t *testing.T) {
	for _, c := range []struct {
		file    string
		merge   int
		uniform bool // weights: ones on the central half, else |P|²
	}{
		{"c1_bigF.npz", alone, false},
		{"c1_bigT_probe.npz", quotient, false},
		{"c4_bigT_probe.npz", quotient, false},
		{"c4_bigT_uniform.npz", quotient, true},
		{"c4_bigT_uniform.npz", assembled, true},
	} {
		t.Run(c.file, func(t *testing.T) {
			z, err := npz.Open(fixture.Measured(t, filepath.Join("golden", c.file)))
			if err != nil {
				t.Fatal(err)
			}
			defer z.Close()
			g := golden{t, z}
			objects, counts := g.complex("x_real", "x_imag", 1), g.real("I_raw")
			members, n := objects.Shape[1], objects.Shape[2]
			probe := g.complex("probe_real", "probe_imag", g.real("scale").Real[0])
			probe.Shape = []int{1, n, n}
			weight, mask := reference.NewValue(program.Real, objects.Shape), reference.NewValue(program.Real, []int{n, n})
			for i := range weight.Real {
				p := probe.Complex[i%(n*n)]
				mask.Real[i%(n*n)] = 1
				weight.Real[i] = real(p)*real(p) + imag(p)*imag(p)
				if y, x := i/n%n, i%n; c.uniform {
					weight.Real[i] = 0
					if y >= n/4 && y < n/4*3 && x >= n/4 && x < n/4*3 {
						weight.Real[i] = 1
					}
				}
			}
			m, err := reference.New(forwardProgram(members, n, c.merge))
			if err != nil {
				t.Fatal(err)
			}
			values, err := m.Forward(1, map[string]*reference.Value{
				"objects": objects, program.Offsets: g.offsets(), "weight": weight, program.Probe: probe, program.Counts: counts, program.Mask: mask,
			})
			if err != nil {
				t.Fatal(err)
			}
			lambda, want := values["lambda"].Real, g.real("expected_forward").Real
			worst, nll, mae := 0.0, 0.0, 0.0
			for i, w := range want {
				worst = max(worst, math.Abs(lambda[i]-w)-2e-5*math.Abs(w))
				mae += math.Abs(lambda[i]*lambda[i] - counts.Real[i]) // the mean absolute error in the files squares λ
			}
			for _, v := range values["nll"].Real {
				nll += v * float64(n*n)
			}
			if !(worst <= 5e-4) { // counts per pixel, in addition to the relative 2e-5; the files are float32
				t.Errorf("λ is off by %.2g counts", worst)
			}
			if w := g.real("expected_poisson_loss").Real[0]; math.Abs(nll/w-1) > 2e-5 {
				t.Errorf("Poisson loss %v, want %v", nll, w)
			}
			mae /= float64(len(want))
			if w := g.real("expected_mae_loss").Real[0]; math.Abs(mae/w-1) > 2e-5 {
				t.Errorf("mean absolute error %v, want %v", mae, w)
			}
		})
	}
}
