package conformance

import (
	"context"
	"flag"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/internal/fixture"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

var fullSize = flag.Bool("outliers", false, "find the cause of outliers at full size (takes a few minutes)")

// sighting is a network with the results of a float32 engine and of core/reference.
type sighting struct {
	machine  *reference.Machine
	work     *work
	values   map[string]*reference.Value // of the reference
	seeds    map[string]*reference.Value // derivatives of the loss, which Backward starts from
	rounded  map[string]*reference.Value // of the engine, at kinks
	gradient map[string]*reference.Value // of the engine
}

func see(t *testing.T, w *work) *sighting {
	t.Helper()
	s := &subject{ctx: context.Background(), backend: gorgonia.New()}
	s.info = s.backend.Info()
	session, ref, err := s.open(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	m, err := reference.New(w.program)
	if err != nil {
		t.Fatal(err)
	}
	look := &sighting{machine: m, work: w, rounded: map[string]*reference.Value{}, gradient: map[string]*reference.Value{}}
	if look.values, err = m.Forward(w.groups, w.given); err != nil {
		t.Fatal(err)
	}
	_, look.seeds = m.LossSeeds(look.values, ref.LossWeights, ref.Batch.Weights, 0)
	taps := []string{"lambda"}
	for _, op := range w.program.Ops {
		if op.Kind == program.ReLU || op.Kind == program.MaxPool2 {
			taps = append(taps, op.In[0])
		}
	}
	inside := session.(backend.Inspector)
	tapped, err := inside.Forward(s.ctx, ref, taps...)
	if err != nil {
		t.Fatal(err)
	}
	_, grads, err := inside.Gradient(s.ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range tapped {
		if look.rounded[name], err = reference.FromTensor(v); err != nil {
			t.Fatal(err)
		}
	}
	for name, v := range grads {
		if look.gradient[name], err = reference.FromTensor(v); err != nil {
			t.Fatal(err)
		}
	}
	return look
}

// flips counts the kinks where the engine decided otherwise, and returns the reference's values with the engine's
// decisions: at such kinks the engine's numbers, which are within its rounding of the reference's.
func (s *sighting) flips() (relus, pools int, decided map[string]*reference.Value) {
	decided = maps.Clone(s.values)
	own := func(name string) *reference.Value {
		if decided[name] == s.values[name] {
			v := *s.values[name]
			v.Real = slices.Clone(v.Real)
			decided[name] = &v
		}
		return decided[name]
	}
	for _, op := range s.work.program.Ops {
		x, y := s.values[op.In[0]], s.rounded[op.In[0]]
		switch op.Kind {
		case program.ReLU:
			for i := range x.Real {
				if (x.Real[i] > 0) != (y.Real[i] > 0) {
					relus++
					own(op.In[0]).Real[i] = y.Real[i]
				}
			}
		case program.MaxPool2:
			w := x.Shape[3]
			for i := range s.values[op.Out].Real {
				at := 2*(i/(w/2))*w + 2*(i%(w/2))
				window := []int{at, at + 1, at + w, at + w + 1}
				a, b := winners(x, window), winners(y, window)
				if a == b || s.values[op.Out].Real[i] == 0 { // a tie of zeros: the ReLU before stops the gradient
					continue
				}
				pools++
				for _, j := range window {
					own(op.In[0]).Real[j] = y.Real[j]
				}
				own(op.Out).Real[i] = max(y.Real[window[0]], y.Real[window[1]], y.Real[window[2]], y.Real[window[3]])
			}
		}
	}
	return relus, pools, decided
}

// winners reports which of four elements are the maximum.
func winners(v *reference.Value, window []int) [4]bool {
	var out [4]bool
	top := math.Inf(-1)
	for _, j := range window {
		top = max(top, v.Real[j])
	}
	for i, j := range window {
		out[i] = v.Real[j] == top
	}
	return out
}

// errors returns the relative L2 errors of the engine's gradients against those of the values, by parameter and for all
// together.
func (s *sighting) errors(values map[string]*reference.Value) (each map[string]float64, all float64) {
	grads := s.machine.Backward(values, s.seeds)
	each = map[string]float64{}
	var got, want []complex128
	for name, g := range s.gradient {
		a, b := complexes(g), complexes(grads[name])
		each[name] = distance(a, b, 0)
		got, want = append(got, a...), append(want, b...)
	}
	return each, distance(got, want, 0)
}

func worst(each map[string]float64) (name string, largest, median float64) {
	var sorted []float64
	for _, n := range slices.Sorted(maps.Keys(each)) {
		sorted = append(sorted, each[n])
		if each[n] > largest {
			name, largest = n, each[n]
		}
	}
	slices.Sort(sorted)
	return name, largest, sorted[len(sorted)/2]
}

// smooth replaces operations with kinks: SiLU for ReLU, the mean for the maximum.
func smooth(p *program.Program) *program.Program {
	q := *p
	q.Ops = slices.Clone(p.Ops)
	for i := range q.Ops {
		switch q.Ops[i].Kind {
		case program.ReLU:
			q.Ops[i].Kind = program.SiLU
		case program.MaxPool2:
			q.Ops[i].Kind = program.AvgPool2
		}
	}
	return &q
}

// TestOutliers_AreReversedDecisions shows that an outlying gradient is caused by decisions of ReLUs and pools that rounding reversed:
// with the engine's decisions the reference agrees, and a network without kinks has no outliers.
func TestOutliers_AreReversedDecisions(t *testing.T) {
	fixture.Long(t)
	cases := map[string]arch.Config{
		"unet-16-gridsize1": {N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 1}, "unet-16-gridsize2": {N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2},
	}
	if *fullSize {
		cases = map[string]arch.Config{
			"unet-64-gridsize1": {N: 64, Gridsize: 1}, "unet-64-gridsize2": {N: 64, Gridsize: 2},
			"cnn-64-gridsize1": {Arch: "cnn", N: 64, Gridsize: 1, PadObject: true, ProbeBig: true},
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		p, err := arch.Build(cases[name])
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(6) {
			w, err := newWork(p, 1, 100+seed, 1)
			if err != nil {
				t.Fatal(err)
			}
			look := see(t, w)
			relus, pools, decided := look.flips()
			tensor, plain, median := worst(first(look.errors(look.values)))
			again, explained, _ := worst(first(look.errors(decided)))
			w.program = smooth(p)
			even := see(t, w)
			_, without, _ := worst(first(even.errors(even.values)))
			t.Logf("%s seed %d | %s | %.1e | %.1e | %d + %d | %.1e (%s) | %.1e", name, seed, tensor, plain, median, relus, pools, explained, again, without)
			if explained > limit(SmallGradient, 0) {
				t.Errorf("%s seed %d: with the engine's decisions %s is off by %.2g, want only rounding", name, seed, again, explained)
			}
			if relus+pools == 0 && plain > limit(SmallGradient, 0) {
				t.Errorf("%s seed %d: %s is off by %.2g although no decision was reversed", name, seed, tensor, plain)
			}
		}
	}
}

func first(each map[string]float64, _ float64) map[string]float64 { return each }

// TestOutliers_AtDarkPixels examines the likelihood's 1/λ separately, on a network without kinks: how much
// rounding of the far field grows where counts were measured and the model is dark.
//
// Long: one argument, each figure follows from the one before.
func TestOutliers_AtDarkPixels(t *testing.T) {
	if !*fullSize {
		t.Skip("takes a minute; make outliers runs it")
	}
	built, err := arch.Build(arch.Config{N: 64, Gridsize: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := smooth(built)
	p.Inputs = append(slices.Clone(p.Inputs), program.Input{Name: "measured", Type: p.Inputs[0].Type})
	for i, op := range p.Ops { // the network sees other counts than the loss, so that the latter can follow λ
		if op.Kind == program.PoissonDeviance {
			p.Ops[i].In = []string{op.In[0], "measured", op.In[2]}
		}
	}
	for _, background := range []float64{0.1, 1e-3, 1e-6} {
		for _, kind := range []string{"drawn apart from λ", "Poisson of λ", "0 where λ < 0.01, else drawn"} {
			w, err := newWork(p, 4, 7, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range w.given[program.Background].Real {
				w.given[program.Background].Real[i] = float64(float32(background))
			}
			m, err := reference.New(p)
			if err != nil {
				t.Fatal(err)
			}
			values, err := m.Forward(w.groups, w.given)
			if err != nil {
				t.Fatal(err)
			}
			lambda, least := values["lambda"].Real, math.Inf(1)
			k := w.given["measured"].Real
			copy(k, w.given[program.Counts].Real)
			rng := rand.New(rand.NewPCG(1, 1))
			for i, v := range lambda {
				least = min(least, v)
				switch {
				case kind == "Poisson of λ":
					k[i] = poisson(rng, v)
				case kind != "drawn apart from λ" && v < 0.01:
					k[i] = 0
				}
			}
			look := see(t, w)
			each, all := look.errors(look.values)
			name, largest, _ := worst(each)
			heaviest := 0.0
			for i := range lambda {
				heaviest = max(heaviest, k[i]/lambda[i])
			}
			field := distance(complexes(look.rounded["lambda"]), complexes(values["lambda"]), 0)
			size := 0.0
			for _, g := range look.gradient {
				size = math.Hypot(size, norm(complexes(g)))
			}
			t.Logf("background %.0e, counts %s | gradient %.1e | least λ %.1e | largest k/λ %.1e | λ %.1e | all %.1e | %s %.1e", background, kind, size, least, heaviest, field, all, name, largest)
		}
	}
}

// poisson draws a count by inversion, and from the normal distribution where inversion would underflow.
func poisson(rng *rand.Rand, mean float64) float64 {
	if mean > 50 {
		return max(0, math.Round(mean+math.Sqrt(mean)*rng.NormFloat64()))
	}
	k, p, u := 0.0, math.Exp(-mean), rng.Float64()
	for sum := p; u > sum && k < 1000; sum += p {
		k++
		p *= mean / k
	}
	return k
}

// TestOutliers_DecisionsWeighMoreAtDarkPixels reverses one decision, and lowers the background below λ: where counts were
// measured and the model is dark, 1/λ lets few pixels dominate the gradient, and a unit that affects them dominates it too.
func TestOutliers_DecisionsWeighMoreAtDarkPixels(t *testing.T) {
	if !*fullSize {
		t.Skip("needs the full size; make outliers runs it")
	}
	p, err := arch.Build(arch.Config{N: 64, Gridsize: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, background := range []float64{10, 1, 0.1, 1e-3, 1e-6} {
		w, err := newWork(p, 1, 104, 1) // the seed at which rounding reverses a ReLU
		if err != nil {
			t.Fatal(err)
		}
		for i := range w.given[program.Background].Real {
			w.given[program.Background].Real[i] = float64(float32(background))
		}
		look := see(t, w)
		relus, pools, decided := look.flips()
		each, all := look.errors(look.values)
		name, largest, _ := worst(each)
		_, explained := look.errors(decided)
		t.Logf("background %.0e | turned %d + %d | all %.1e, %s %.1e | with its decisions all %.1e", background, relus, pools, all, name, largest, explained)
	}
}
