package backend

import (
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// What follows says which calls a backend has to refuse, so that all of them refuse the same.

// Check refuses what is no program and what a backend does not list: an option is never left aside without a word.
func (o OpenOptions) Check(i Info) error {
	switch {
	case o.Program == nil:
		return Errorf(Invalid, "open", "no program")
	case o.Threads < 0 || o.Workers < 0 || o.Prefetch < 0 || o.MemoryLimit < 0:
		return Errorf(Invalid, "open", "%d threads, %d workers, %d batches ahead, %d bytes: none may be negative", o.Threads, o.Workers, o.Prefetch, o.MemoryLimit)
	case len(o.Devices) > 1 && !i.Has(CanDevices):
		return Errorf(Unsupported, "open", "devices %s: the %s backend computes on one", strings.Join(o.Devices, ", "), i.Name)
	case o.Strategy != "" && !i.Has(CanStrategy):
		return Errorf(Unsupported, "open", "the %s backend knows no strategy of sharing the work, %s is none of its own", i.Name, o.Strategy)
	case o.Persistent && !i.Has(CanPersist):
		return Errorf(Unsupported, "open", "the %s backend does not keep its workers from plan to plan", i.Name)
	case o.PinMemory && !i.Has(CanPin):
		return Errorf(Unsupported, "open", "the %s backend cannot lock files in memory on this system", i.Name)
	case o.DType != tensor.Invalid && !slices.Contains(i.DTypes, o.DType):
		return Errorf(Unsupported, "open", "the %s backend computes in %v, not in %v", i.Name, i.DTypes, o.DType)
	}
	if _, err := o.Program.Types(); err != nil {
		return Errorf(Invalid, "open", "%w", err)
	}
	return nil
}

// CheckCPU is Check for a backend whose one device is cpu.
func (o OpenOptions) CheckCPU(i Info) error {
	if err := o.Check(i); err != nil {
		return err
	}
	for _, d := range o.Devices {
		if d != "cpu" {
			return Errorf(Unavailable, "open", "the %s backend computes on the device cpu, not on %s", i.Name, d)
		}
	}
	if o.TF32 {
		return Errorf(Unsupported, "open", "TF32 is a format of GPUs; the %s backend computes in full precision", i.Name)
	}
	return nil
}

// Check refuses a plan before its first step: what is wrong with the last step is better known now.
func (p StepPlan) Check(of *program.Program) error {
	if err := CheckLosses("step", of, p.LossWeights); err != nil {
		return err
	}
	o := p.Optimiser
	switch {
	case !slices.Contains([]OptimiserKind{Adam, AdamW, SGD}, o.Kind):
		return Errorf(Unsupported, "step", "unknown optimiser %q", o.Kind)
	case !(o.Beta1 >= 0 && o.Beta1 < 1 && o.Beta2 >= 0 && o.Beta2 < 1 && o.Epsilon >= 0 && o.Momentum >= 0 && o.Momentum < 1):
		return Errorf(Invalid, "step", "beta1 %v, beta2 %v, momentum %v, epsilon %v: want 0 … 1 without 1, and epsilon 0 or more", o.Beta1, o.Beta2, o.Momentum, o.Epsilon)
	case !finite(o.Epsilon) || !finite(o.WeightDecay):
		return Errorf(Invalid, "step", "epsilon %v and weight decay %v must be finite", o.Epsilon, o.WeightDecay)
	case !slices.Contains([]ClipKind{ClipNone, ClipNorm, ClipValue, ClipAdaptive}, p.Clip.Kind):
		return Errorf(Unsupported, "step", "unknown clipping %q", p.Clip.Kind)
	case p.Clip.Kind != ClipNone && !(p.Clip.Limit > 0):
		return Errorf(Invalid, "step", "clipping to %v, want a limit above 0", p.Clip.Limit)
	case !(p.EMADecay >= 0 && p.EMADecay < 1):
		return Errorf(Invalid, "step", "a moving average with decay %v, want 0 … 1 without 1", p.EMADecay)
	case p.NonFinite != NonFiniteFail && p.NonFinite != NonFiniteSkip:
		return Errorf(Unsupported, "step", "unknown policy %d for what is not finite", p.NonFinite)
	}
	for group, d := range o.GroupDecay {
		if !finite(d) {
			return Errorf(Invalid, "step", "weight decay %v of group %q", d, group)
		}
	}
	for _, st := range p.Steps {
		if err := st.check(of); err != nil {
			return err
		}
	}
	return nil
}

func (s Step) check(of *program.Program) error {
	for _, b := range s.Batches {
		if _, err := b.Groups(of); err != nil {
			return err
		}
	}
	norm := s.Norm()
	if len(s.Batches) == 0 || s.Number < 1 || !(norm > 0) || !finite(norm) {
		return Errorf(Invalid, "step", "step %d of %d micro-batches, normalised by %v: all must be above 0", s.Number, len(s.Batches), norm)
	}
	for _, q := range of.Params {
		_, own := s.LearningRates[q.Group]
		_, general := s.LearningRates[""]
		if r := s.Rate(q.Group); q.Trainable && (!own && !general || !(r >= 0) || !finite(r)) {
			return Errorf(Invalid, "step", "step %d has no learning rate of 0 or more for the parameter group %q", s.Number, q.Group)
		}
	}
	return nil
}

// CheckLosses refuses weights of what is no loss of the program, and a loss of nothing.
func CheckLosses(op string, of *program.Program, weights map[string]float64) error {
	known := map[string]bool{}
	for _, sc := range of.Scalars {
		known[sc.Name] = sc.Loss
	}
	for name, w := range weights {
		if !known[name] {
			return Errorf(Invalid, op, "the program has no loss %s", name)
		}
		if !finite(w) {
			return Errorf(Invalid, op, "the weight of the loss %s is %v", name, w)
		}
	}
	if len(Active(weights)) == 0 {
		return Errorf(Invalid, op, "no loss has a weight")
	}
	return nil
}

// Groups is the number B of groups of a batch, or why it is none for the program.
func (b Batch) Groups(of *program.Program) (int, error) {
	n := len(b.Rows)
	if n == 0 || n%of.Group != 0 {
		return 0, Errorf(Invalid, "batch", "%d patterns are no whole number of groups of %d", n, of.Group)
	}
	if b.Weights != nil && len(b.Weights) != n {
		return 0, Errorf(Invalid, "batch", "%d weights for %d patterns", len(b.Weights), n)
	}
	for i, w := range b.Weights {
		if !(w >= 0) || math.IsInf(float64(w), 0) {
			return 0, Errorf(Invalid, "batch", "the weight of pattern %d is %v, want 0 or more", i, w)
		}
	}
	return n / of.Group, nil
}

// Norm is what the loss of the step is divided by.
func (s Step) Norm() float64 { return normaliser(s.Normaliser, s.Batches...) }

// Norm is what the loss of the batch is divided by.
func (b BatchRef) Norm() float64 { return normaliser(b.Normaliser, b.Batch) }

func normaliser(given float64, batches ...Batch) float64 {
	if given != 0 {
		return given
	}
	for _, b := range batches {
		if b.Weights == nil {
			given += float64(len(b.Rows))
		}
		for _, w := range b.Weights {
			given += float64(w)
		}
	}
	return given
}

// Rate is the learning rate of a parameter group.
func (s Step) Rate(group string) float64 {
	if r, ok := s.LearningRates[group]; ok {
		return r
	}
	return s.LearningRates[""]
}

// Active lists the losses that count, in an order that does not change.
func Active(weights map[string]float64) []string {
	var out []string
	for name, w := range weights {
		if w != 0 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Weigh is the loss of Step: the sum over the losses of weight · scalar's sum / norm.
func Weigh(weights map[string]float64, scalars map[string]Sum, norm float64) float64 {
	sum := 0.0
	for _, l := range Active(weights) {
		sum += weights[l] * scalars[l].Sum / norm
	}
	return sum
}

// AddScalars adds the weighted scalars of a batch, given the values [B·C] behind them. What a pattern of weight zero
// holds does not count: padding may hold anything.
func AddScalars[T float32 | float64](into map[string]Sum, of *program.Program, b Batch, value func(name string) []T) {
	for _, sc := range of.Scalars {
		sum := into[sc.Name]
		for i, x := range value(sc.Value) {
			w := 1.0
			if b.Weights != nil {
				w = float64(b.Weights[i])
			}
			if w != 0 {
				sum.Sum += w * float64(x)
				sum.Count += w
			}
		}
		into[sc.Name] = sum
	}
}

// Check refuses a state that a program cannot have.
func (s State) Check(of *program.Program) error {
	for slot, arrays := range s.Slots {
		for name, t := range arrays {
			kind, shape, err := slot.holds(of, name)
			if err != nil {
				return err
			}
			if !slices.Equal(t.Shape(), shape) || t.DType().IsComplex() != (kind == program.Complex) || (t.DType() == tensor.Int32) != (kind == program.Index) {
				return Errorf(Invalid, "set state", "%s of %s is %v, want %s %v", slot, name, t, kind, shape)
			}
		}
	}
	for _, p := range of.Params {
		if _, ok := s.Slots[Weights][p.Name]; !ok {
			return Errorf(Invalid, "set state", "the weights of %s are missing", p.Name)
		}
	}
	for _, b := range of.Buffers {
		if _, ok := s.Slots[Buffers][b.Name]; !ok {
			return Errorf(Invalid, "set state", "the buffer %s is missing", b.Name)
		}
	}
	if ema, ok := s.Slots[EMA]; ok {
		for _, p := range of.Params {
			if _, ok := ema[p.Name]; p.Trainable && !ok {
				return Errorf(Invalid, "set state", "the moving average of %s is missing, that of others is there", p.Name)
			}
		}
	}
	if s.Step < 0 {
		return Errorf(Invalid, "set state", "%d steps done", s.Step)
	}
	return nil
}

// holds tells what a slot holds under a name.
func (s Slot) holds(of *program.Program, name string) (program.Kind, []int, error) {
	if s == Buffers {
		for _, b := range of.Buffers {
			if b.Name == name {
				return b.Kind, b.Shape, nil
			}
		}
		return "", nil, Errorf(NotFound, "set state", "the program has no buffer %s", name)
	}
	if !slices.Contains([]Slot{Weights, Moment1, Moment2, Velocity, EMA}, s) {
		return "", nil, Errorf(Invalid, "set state", "unknown slot %q", s)
	}
	p, ok := of.Param(name)
	if !ok {
		return "", nil, Errorf(NotFound, "set state", "the program has no parameter %s", name)
	}
	return p.Kind, p.Shape, nil
}

// Value is the value of the program behind the output that the plan names: images of complex numbers that can be cropped as asked.
func (p ReconPlan) Value(of *program.Program) (string, error) {
	name := p.Output
	if name == "" {
		name = program.Patches
	}
	types, err := of.Types()
	if err != nil {
		return "", Errorf(Internal, "reconstruct", "%w", err)
	}
	for _, o := range of.Outputs {
		if o.Name != name {
			continue
		}
		t := types[o.Value]
		if t.Kind != program.Complex || len(t.Shape) < 2 {
			return "", Errorf(Invalid, "reconstruct", "the output %s is %v, not images of complex numbers", name, t)
		}
		h, w := int(t.Shape[len(t.Shape)-2]), int(t.Shape[len(t.Shape)-1])
		if p.Crop < 0 || p.Crop > min(h, w) {
			return "", Errorf(Invalid, "reconstruct", "a crop of %d pixels from images of %d×%d", p.Crop, h, w)
		}
		return o.Value, nil
	}
	return "", Errorf(NotFound, "reconstruct", "the program has no output %q", name)
}

// Gradients resolves what a call of Gradient asks for: the parameters by name, sorted, all trainable ones if none is
// named, and the normaliser of the loss.
func (b BatchRef) Gradients(of *program.Program, params []string) (names []string, norm float64, err error) {
	if len(params) == 0 {
		params = of.Trainable()
	}
	names = slices.Compact(slices.Sorted(slices.Values(params)))
	for _, name := range names {
		if _, ok := of.Param(name); !ok {
			return nil, 0, Errorf(NotFound, "gradient", "the program has no parameter %s", name)
		}
	}
	if err := CheckLosses("gradient", of, b.LossWeights); err != nil {
		return nil, 0, err
	}
	if norm = b.Norm(); !(norm > 0) || !finite(norm) {
		return nil, 0, Errorf(Invalid, "gradient", "a normaliser of %v, want above 0", norm)
	}
	return names, norm, nil
}

// CheckIndex refuses rows of an index input that lie outside a table which the program reads by it.
func CheckIndex(of *program.Program, input string, rows []int32) error {
	types, err := of.Types()
	if err != nil {
		return Errorf(Internal, "gather", "%w", err)
	}
	for table, size := range of.Tables(input, types) {
		for _, r := range rows {
			if r < 0 || int(r) >= size {
				return Errorf(Invalid, "gather", "input %s asks for row %d of %s, which has %d", input, r, table, size)
			}
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
