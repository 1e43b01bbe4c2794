package backend

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// session opens a session for a drawn program, with a batch that contains all inputs.
func (g *generator) session(t testing.TB, d tensor.DType, threads int) (backend.Session, backend.BatchRef) {
	t.Helper()
	ctx := context.Background()
	s, err := New().Open(ctx, backend.OpenOptions{Program: g.p, DType: d, Threads: threads, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	st := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {}}}
	for _, q := range g.p.Params {
		st.Slots[backend.Weights][q.Name] = g.given[q.Name].Tensor()
	}
	if err := s.SetState(ctx, st); err != nil {
		t.Fatal(err)
	}
	id, err := s.Bind(ctx, backend.Dataset{Patterns: 1})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 9))
	b := backend.Batch{Extra: map[string]tensor.Tensor{}, Rows: make([]int32, g.groups*g.p.Group)}
	for i := range b.Rows {
		b.Weights = append(b.Weights, float32(i%3)+0.25*float32(rng.IntN(2)))
	}
	b.Weights[0] = 1.5
	for _, in := range g.p.Inputs {
		b.Extra[in.Name] = g.given[in.Name].Tensor()
	}
	ref := backend.BatchRef{Dataset: id, Batch: b, LossWeights: map[string]float64{}}
	for i, sc := range g.p.Scalars {
		ref.LossWeights[sc.Name] = 1 + 0.5*float64(i)
	}
	return s, ref
}

func norm(v *reference.Value) float64 {
	n := 0.0
	for _, w := range v.Real {
		n += w * w
	}
	for _, w := range v.Complex {
		n += real(w)*real(w) + imag(w)*imag(w)
	}
	return math.Sqrt(n)
}

// relativeError returns the relative L2 error of got, against the norm of want or floor if that is larger.
func relativeError(t testing.TB, got tensor.Tensor, want *reference.Value, floor float64) float64 {
	t.Helper()
	if want == nil {
		v, err := reference.FromTensor(got)
		if err != nil {
			t.Fatal(err)
		}
		want = reference.NewValue(v.Kind, v.Shape)
	}
	g, err := reference.FromTensor(got)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Real) != len(want.Real) || len(g.Complex) != len(want.Complex) || len(g.Index) != len(want.Index) {
		return math.Inf(1)
	}
	d := 0.0
	for i, w := range want.Real {
		d += (g.Real[i] - w) * (g.Real[i] - w)
	}
	for i, w := range want.Complex {
		e := g.Complex[i] - w
		d += real(e)*real(e) + imag(e)*imag(e)
	}
	for i, w := range want.Index {
		d += math.Abs(float64(g.Index[i] - w))
	}
	return math.Sqrt(d) / max(norm(want), floor, 1e-300)
}

// check compares every value and every gradient of a drawn program with core/reference.
func (g *generator) check(t *testing.T, d tensor.DType, valueLimit, gradientLimit float64) {
	t.Helper()
	m, err := reference.New(g.p)
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]*reference.Value{}
	for name, v := range g.given {
		given[name] = v
	}
	values, err := m.Forward(g.groups, given)
	if err != nil {
		t.Fatal(err)
	}
	s, ref := g.session(t, d, 2)
	wantLoss, seeds := m.LossSeeds(values, ref.LossWeights, ref.Batch.Weights, 0)
	grads := m.Backward(values, seeds)
	var taps, params []string
	for _, o := range g.p.Ops {
		taps = append(taps, o.Out)
	}
	taps = append(taps, "rows", program.Probe)
	inspector := s.(backend.Inspector)
	got, err := inspector.Forward(context.Background(), ref, taps...)
	if err != nil {
		t.Fatal(err)
	}
	describe := func(name string) string {
		for _, o := range g.p.Ops {
			if o.Out == name {
				return fmt.Sprintf("%s = %s %v %v", name, o.Kind, o.In, g.types[name])
			}
		}
		return fmt.Sprintf("%s %v", name, g.types[name])
	}
	for _, name := range taps {
		if e := relativeError(t, got[name], values[name], 1e-3); !(e < valueLimit) {
			t.Errorf("%s: relative error %.2g", describe(name), e)
		}
	}
	largest := 0.0
	for _, q := range g.p.Params {
		params = append(params, q.Name)
		if v := grads[q.Name]; v != nil {
			largest = max(largest, norm(v))
		}
	}
	loss, dw, err := inspector.Gradient(context.Background(), ref, params...)
	if err != nil {
		t.Fatal(err)
	}
	if e := math.Abs(loss.Value-wantLoss) / math.Abs(wantLoss); !(e < valueLimit) {
		t.Errorf("loss: relative error %.2g", e)
	}
	for _, name := range params {
		if e := relativeError(t, dw[name], grads[name], 1e-4*largest); !(e < gradientLimit) {
			t.Errorf("gradient of %s: relative error %.2g", describe(name), e)
		}
	}
}

// TestOperations_AgreeWithReference checks a few programs per operation that are built around it.
func TestOperations_AgreeWithReference(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for _, k := range program.Kinds() {
		if makers[k] == nil {
			t.Errorf("the tests cannot generate the operation %s", k)
			continue
		}
		t.Run(string(k), func(t *testing.T) {
			for seed := range seeds {
				g := newGenerator(100 + seed)
				out := makers[k](g, k)
				if slices.Contains(lossKinds, k) {
					g.total(out)
				} else {
					g.total()
				}
				if g.types[out].String() == "" || g.count[k] == 0 {
					t.Fatalf("the operation was not generated")
				}
				g.check(t, tensor.Float64, 1e-10, 1e-10)
				g.check(t, tensor.Float32, 3e-6, 3e-5)
			}
		})
	}
}

func TestRandomPrograms_AgreeWithReference(t *testing.T) {
	kinds := program.Kinds()
	count := map[program.OpKind]int{}
	for seed := range 100 {
		var forced []program.OpKind
		for i := range 3 {
			forced = append(forced, kinds[(3*seed+i)%len(kinds)])
		}
		g := randomProgram(uint64(seed), forced...)
		for k, n := range g.count {
			count[k] += n
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { g.check(t, tensor.Float64, 1e-10, 1e-10) })
	}
	for _, k := range kinds {
		if count[k] < 5 {
			t.Errorf("the operation %s was tried %d times, want at least 5", k, count[k])
		}
	}
}
