package conformance

import (
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
	"github.com/ptychogo/ptycho/core/tensor"
)

// randomPrograms is the number of random programs in addition to those built around one operation.
const randomPrograms = 40

// draws is the number of sets of numbers that are tried to find one far from kinks.
const draws = 8

// comparison is a case that compares programs with core/reference, operation by operation: one operation alone, or random programs.
type comparison struct {
	name, rule string
	single     program.OpKind // "": random programs
	programs   []*program.Program
	groups     []int    // of the batch, for each random program
	seeds      []uint64 // of the numbers, for each random program
}

// reducing are the operations that reduce the results of all others to a number per pattern. Their cases run before the others, so
// that the first case that fails is about the operation that is wrong. Examples of one need only those before it, but real and imag.
var reducing = []program.OpKind{program.RealPart, program.ImagPart, program.Reshape, program.Dense, program.Gather}

// alone begins the names of the cases about an operation alone.
const alone = "operation/"

// aloneOrder lists every operation.
func aloneOrder() []program.OpKind {
	out := slices.Clone(reducing)
	for _, k := range program.Kinds() {
		if !slices.Contains(reducing, k) {
			out = append(out, k)
		}
	}
	return out
}

func comparisons() []comparison {
	var out []comparison
	for _, k := range aloneOrder() {
		out = append(out, comparison{name: alone + string(k), single: k, rule: "the operation alone: its value and the gradient of each operand agree with core/reference"})
	}
	for i, k := range program.Kinds() {
		c := comparison{name: "composed/" + string(k), rule: "the operation agrees with core/reference in random programs", groups: []int{1, 2, 1}, seeds: []uint64{0, 1, 2}}
		for _, seed := range c.seeds {
			c.programs = append(c.programs, program.Random(1000+3*uint64(i)+seed, k))
		}
		out = append(out, c)
	}
	for seed := range uint64(randomPrograms) {
		out = append(out, comparison{name: fmt.Sprintf("random/%02d", seed), rule: "the values and gradients of a random program agree with core/reference",
			programs: []*program.Program{program.Random(seed)}, groups: []int{2}, seeds: []uint64{seed}})
	}
	return out
}

func (c comparison) run(s *subject) error {
	if c.single != "" {
		return s.alone(c.single)
	}
	for i, p := range c.programs {
		if err := s.agrees(p, c.groups[i], c.seeds[i]); err != nil {
			return err
		}
	}
	return nil
}

func computes() []Case {
	var out []Case
	for _, c := range comparisons() {
		out = append(out, Case{Computes, c.name, c.rule, c.run})
	}
	for _, c := range []struct {
		name     string
		config   arch.Config
		groups   int
		seed     uint64 // of up to 60, the seed whose ReLUs and pools are furthest from a kink
		gradient Quantity
	}{
		{"unet-small-gridsize1", arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 1}, 3, 58, SmallGradient},
		{"unet-small-gridsize2", arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2}, 2, 55, SmallGradient},
		{"unet-small-amplitude", arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Loss: "amplitude", Modes: 2, Start: arch.BackProjection}, 1, 58, SmallGradient},
		{"unet-small-exposure", arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2, Exposure: true, Start: arch.ScaledBeam}, 1, 34, SmallGradient},
		{"cnn-small-standardised", arch.Config{Arch: "cnn", N: 64, BaseWidth: 8, FiltersScale: 1, Gridsize: 2, Canvas: 72, PadObject: true, ProbeBig: true, Standardise: true}, 1, 56, SmallGradient},
		{"cnn-small-gridsize2", arch.Config{Arch: "cnn", N: 64, BaseWidth: 8, FiltersScale: 1, Gridsize: 2, Canvas: 72, PadObject: true, ProbeBig: true}, 1, 36, SmallGradient},
		{"unet-64-gridsize1", arch.Config{N: 64, Gridsize: 1}, 1, 33, FullGradient},
		{"unet-64-gridsize2", arch.Config{N: 64, Gridsize: 2}, 1, 38, FullGradient},
		{"unet-128-gridsize2", arch.Config{N: 128, Gridsize: 2}, 1, 8, FullGradient},
		{"cnn-64-gridsize1", arch.Config{Arch: "cnn", N: 64, Gridsize: 1, PadObject: true, ProbeBig: true}, 1, 17, FullGradient},
		{"cnn-64-gridsize2", arch.Config{Arch: "cnn", N: 64, Gridsize: 2, Canvas: 80, PadObject: true, ProbeBig: true}, 1, 16, FullGradient},
		{"cnn-128-gridsize1", arch.Config{Arch: "cnn", N: 128, Gridsize: 1, PadObject: true}, 1, 3, FullGradient},
		{"cnn-128-gridsize2", arch.Config{Arch: "cnn", N: 128, FiltersScale: 1, Gridsize: 2, Canvas: 144, PadObject: true}, 1, 58, FullGradient},
	} {
		out = append(out, Case{Computes, "network/" + c.name, "patches, λ, scalars, loss and gradients of a whole network agree with core/reference", func(s *subject) error {
			p, err := arch.Build(c.config)
			if err != nil {
				return err
			}
			return s.network(p, c.groups, c.seed, c.gradient)
		}})
	}
	return append(out,
		Case{Computes, "identity/loss-is-a-mean", "the loss of a batch is the weighted mean of the losses of its patterns", lossIsAMean},
		Case{Computes, "identity/order", "a group's result does not depend on its place in the batch", order},
		Case{Computes, "reconstruct", "Reconstruct returns the program's patches, in the batch's order", reconstruct},
		Case{Computes, "evaluate", "Evaluate returns sums of the scalars, weighted by pattern", evaluate},
		Case{Computes, "evaluate/extra", "an input that a batch carries replaces the dataset's, for this batch", extra},
		Case{Computes, "evaluate/indexed", "a pattern reads the row of an indexed table that its index names", indexed},
	)
}

// agrees compares every value and every gradient of a random program.
func (s *subject) agrees(p *program.Program, groups int, seed uint64) error {
	if err := s.need(backend.CanInspect); err != nil {
		return err
	}
	if err := s.lists(p); err != nil {
		return err
	}
	w, err := newWork(p, groups, seed, draws)
	if err != nil {
		return err
	}
	return s.compared(w, OperationValue, OperationGradient, nil)
}

// network compares the named results and all gradients of an architecture.
func (s *subject) network(p *program.Program, groups int, seed uint64, gradient Quantity) error {
	if err := s.need(backend.CanInspect); err != nil {
		return err
	}
	w, err := newWork(p, groups, seed, 1)
	if err != nil {
		return err
	}
	taps := []string{program.Patches, arch.Merged, "lambda"}
	for _, sc := range p.Scalars {
		taps = append(taps, sc.Value)
	}
	return s.compared(w, NetworkValue, gradient, taps)
}

// truth holds the results of core/reference for a work.
type truth struct {
	values, grads map[string]*reference.Value
	loss          float64
}

func (w *work) truth(ref backend.BatchRef) (truth, error) {
	m, err := reference.New(w.program)
	if err != nil {
		return truth{}, err
	}
	t := truth{}
	if t.values, err = m.Forward(w.groups, w.given); err != nil {
		return t, err
	}
	var seeds map[string]*reference.Value
	t.loss, seeds = m.LossSeeds(t.values, ref.LossWeights, ref.Batch.Weights, 0)
	t.grads = m.Backward(t.values, seeds)
	return t, nil
}

// openToLook opens a session that can be looked into, with its batch and the oracle's values.
func (s *subject) openToLook(w *work) (look backend.Inspector, ref backend.BatchRef, want truth, err error) {
	session, ref, err := s.open(w, 1)
	if err != nil {
		return nil, ref, want, err
	}
	if look, err = inspector(session); err != nil {
		return nil, ref, want, err
	}
	want, err = w.truth(ref)
	return look, ref, want, err
}

func (s *subject) compared(w *work, value, gradient Quantity, taps []string) error {
	look, ref, want, err := s.openToLook(w)
	if err != nil {
		return err
	}
	kinds := map[string]program.OpKind{}
	all := taps == nil
	for _, op := range w.program.Ops {
		kinds[op.Out] = op.Kind
		if all {
			taps = append(taps, op.Out)
		}
	}
	got, err := look.Forward(s.ctx, ref, taps...)
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	for _, name := range taps {
		if err := s.compare(value, fmt.Sprintf("%s = %s(…) of %s", name, kinds[name], w.program.Name), got[name], want.values[name], order1(want.values[name])); err != nil {
			return err
		}
	}
	loss, grads, err := look.Gradient(s.ctx, ref)
	if err != nil && s.withoutGradients(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("gradient: %w", err)
	}
	if err := s.near(LossValue, "the loss", loss.Value, want.loss); err != nil {
		return err
	}
	if err := s.comparedGradients(w, gradient, grads, want); err != nil {
		if all { // a random program
			return s.located(w, err)
		}
		return err
	}
	return nil
}

// comparedGradients compares the gradients of all parameters.
func (s *subject) comparedGradients(w *work, gradient Quantity, grads map[string]tensor.Tensor, want truth) error {
	largest, tiny := 0.0, 0.0
	if gradient == OperationGradient {
		tiny = 1e-2 // in random programs some gradients are 0 except for rounding; docs/conformance.md has the figures
	}
	for _, q := range w.program.Params {
		if v := want.grads[q.Name]; v != nil {
			largest = max(largest, norm(complexes(v)))
		}
	}
	for _, q := range w.program.Params {
		if !q.Trainable {
			continue
		}
		v := want.grads[q.Name]
		if v == nil {
			v = reference.NewValue(q.Kind, q.Shape)
		}
		g, ok := grads[q.Name]
		if !ok {
			return fmt.Errorf("the gradient of %s is missing", q.Name)
		}
		// A gradient that is tiny compared with the others of a random program is compared at their scale, because its
		// terms cancel.
		if err := s.compare(gradient, fmt.Sprintf("the gradient of %s of %s", q.Name, w.program.Name), g, v, tiny*largest); err != nil {
			return err
		}
	}
	return nil
}

// order1 returns the norm below which the error of a value is absolute: numbers of random programs are of order one, and a
// mean that cancels to less than a tenth keeps their rounding errors.
func order1(v *reference.Value) float64 { return 0.1 * math.Sqrt(float64(program.Count(v.Shape))) }
