package backend

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/program"
)

// What an H100 SXM does at most: bytes from memory and float32 operations a second.
const (
	h100Bytes = 3.35e12
	h100Ops   = 67e12
	h100TF32  = 494e12 // of tensor cores
)

// cost is what the launches of one kernel do in a run: each operand is read once and each result written once.
type cost struct {
	kernel      string
	launches    int
	bytes, flop float64
	seconds     float64 // the larger of what memory and arithmetic need
}

// roofline adds up the launches of a request.
func roofline(t *testing.T, p *program.Program, r request, tf32 bool) []cost {
	t.Helper()
	g, err := lower(newEnv[float32](t, 1), p, r)
	if err != nil {
		t.Fatal(err)
	}
	keep := slices.Concat(slices.Collect(maps.Values(g.Values)), slices.Collect(maps.Values(g.Grads)))
	m, err := newPlan[float32](g.Expr, keep...)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]*cost{}
	d := &device[float32]{tf32: tf32}
	for _, st := range m.steps {
		plan, err := d.build(st)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range plan.Launches {
			c := sums[l.Kernel]
			if c == nil {
				c = &cost{kernel: l.Kernel}
				sums[l.Kernel] = c
			}
			bytes, flop, most := 0.0, 0.0, h100Ops
			if i == 0 {
				bytes = 4 * float64(st.out.size)
				for _, in := range st.in {
					bytes += 4 * float64(in.size)
				}
			}
			switch n := l.N; l.Kernel {
			case "conv_tf32", "conv_weight_tf32":
				most = h100TF32
				fallthrough
			case "conv", "conv_few", "conv_weight", "conv_weight_few":
				flop = 2 * float64(n[0]*n[3]*n[4]) * float64(n[1]*n[2]*n[5]*n[5])
			case "fourier":
				flop = 5 * float64(n[0]*n[1]) * 6
				bytes = 16 * float64(n[0]*n[1])
			}
			c.launches++
			c.bytes += bytes
			c.flop += flop
			c.seconds += max(bytes/h100Bytes, flop/most)
		}
	}
	var out []cost
	for _, c := range sums {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b cost) int { return int(1e12 * (b.seconds - a.seconds)) })
	return out
}

// TestRoofline_OfAnH100 prints the table of docs/gpu.md with -v: what each kernel costs at least. The U-Net has N = 64, gridsize 2 and 64
// patterns.
func TestRoofline_OfAnH100(t *testing.T) {
	p, err := arch.Build(arch.Config{N: 64, Gridsize: 2})
	if err != nil {
		t.Fatal(err)
	}
	value := "patches"
	for _, o := range p.Outputs {
		if o.Name == program.Patches {
			value = o.Value
		}
	}
	train := request{Groups: 16, Values: p.ScalarValues(), Losses: p.ScalarValues()[:0:0], Params: p.Trainable()}
	for name, r := range map[string]request{
		"training step": train, "training step with TF32": train,
		"prediction": {Groups: 16, Values: []string{value}},
	} {
		for _, s := range p.Scalars {
			if s.Loss && r.Params != nil && len(r.Losses) == 0 {
				r.Losses = []string{s.Name}
			}
		}
		total := 0.0
		text := fmt.Sprintf("%s\n", name)
		list := roofline(t, p, r, strings.HasSuffix(name, "TF32"))
		for _, c := range list {
			text += fmt.Sprintf("| %s | %d | %.1f | %.2f | %.0f |\n", c.kernel, c.launches, c.bytes/(1<<20), c.flop/1e9, 1e6*c.seconds)
			total += c.seconds
		}
		t.Logf("%stotal %.0f µs, %.0f patterns/s", text, 1e6*total, 64/total)
		if total <= 0 || !strings.HasPrefix(list[0].kernel, "conv") {
			t.Errorf("%s: the most expensive kernel is %s, want a convolution", name, list[0].kernel)
		}
	}
}
