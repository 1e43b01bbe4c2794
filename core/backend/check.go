package backend

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// The methods below define which calls a backend must reject, so that all backends reject the same calls.

// Check rejects an invalid program and options that the backend does not list, so that no option is silently ignored.
func (o OpenOptions) Check(i Info) error {
	switch {
	case o.Program == nil:
		return Errorf(Invalid, "open", "the program is missing")
	case o.Threads < 0 || o.Workers < 0 || o.Prefetch < 0 || o.MemoryLimit < 0:
		return Errorf(Invalid, "open", "--threads %d, --num-workers %d, --prefetch-factor %d and a memory limit of %d bytes: none may be negative", o.Threads, o.Workers, o.Prefetch, o.MemoryLimit)
	case len(o.Devices) > 1 && !i.Has(CanDevices):
		return Errorf(Unsupported, "open", "devices %s: backend %q supports only one device", strings.Join(o.Devices, ", "), i.Name)
	case o.Strategy != "" && !i.Has(CanStrategy):
		return Errorf(Unsupported, "open", "backend %q does not support --strategy %s", i.Name, o.Strategy)
	case o.Persistent && !i.Has(CanPersist):
		return Errorf(Unsupported, "open", "backend %q does not support --persistent-workers", i.Name)
	case o.PinMemory && !i.Has(CanPin):
		return Errorf(Unsupported, "open", "backend %q does not support --pin-memory on this system", i.Name)
	case o.DType != tensor.Invalid && !slices.Contains(i.DTypes, o.DType):
		return Errorf(Unsupported, "open", "backend %q supports the precisions %v, not %v", i.Name, i.DTypes, o.DType)
	}
	if _, err := o.Program.Types(); err != nil {
		return Errorf(Invalid, "open", "%w", err)
	}
	for _, op := range o.Program.Ops {
		if !slices.Contains(i.Operations, op.Kind) {
			return Errorf(Unsupported, "open", "backend %q does not support the operation %s, which computes %s in %s", i.Name, op.Kind, op.Out, o.Program.Name)
		}
	}
	return nil
}

// Check validates a plan before its first step, so that a mistake in the last step is found early.
func (p StepPlan) Check(of *program.Program) error {
	if err := CheckLosses("step", of, p.LossWeights); err != nil {
		return err
	}
	o := p.Optimiser
	switch {
	case !slices.Contains([]OptimiserKind{Adam, AdamW, SGD}, o.Kind):
		return Errorf(Unsupported, "step", "unknown optimiser %q", o.Kind)
	case !(o.Beta1 >= 0 && o.Beta1 < 1 && o.Beta2 >= 0 && o.Beta2 < 1 && o.Epsilon >= 0 && o.Momentum >= 0 && o.Momentum < 1):
		return Errorf(Invalid, "step", "beta1 %v, beta2 %v, momentum %v, epsilon %v: want beta1, beta2 and momentum of at least 0 and below 1, and epsilon of 0 or more", o.Beta1, o.Beta2, o.Momentum, o.Epsilon)
	case !finite(o.Epsilon) || !finite(o.WeightDecay):
		return Errorf(Invalid, "step", "epsilon %v and weight decay %v must be finite", o.Epsilon, o.WeightDecay)
	case !slices.Contains([]ClipKind{ClipNone, ClipNorm, ClipValue, ClipAdaptive}, p.Clip.Kind):
		return Errorf(Unsupported, "step", "unknown clipping %q", p.Clip.Kind)
	case p.Clip.Kind != ClipNone && !(p.Clip.Limit > 0):
		return Errorf(Invalid, "step", "the clipping limit is %v, want above 0", p.Clip.Limit)
	case !(p.EMADecay >= 0 && p.EMADecay < 1):
		return Errorf(Invalid, "step", "the decay of the moving average is %v, want at least 0 and below 1", p.EMADecay)
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
		return Errorf(Invalid, "step", "step %d has %d micro-batches and a sum of weights of %v: all three numbers must be above 0", s.Number, len(s.Batches), norm)
	}
	for _, q := range of.Params {
		_, own := s.LearningRates[q.Group]
		_, general := s.LearningRates[""]
		if r := s.Rate(q.Group); q.Trainable && (!own && !general || !(r >= 0) || !finite(r)) {
			return Errorf(Invalid, "step", "step %d: the learning rate of parameter group %q is missing, negative or not finite", s.Number, q.Group)
		}
	}
	return nil
}

// CheckLosses rejects weights for names that are not losses of the program, and plans without any weighted loss.
func CheckLosses(op string, of *program.Program, weights map[string]float64) error {
	known := map[string]bool{}
	for _, sc := range of.Scalars {
		known[sc.Name] = sc.Loss
	}
	for name, w := range weights {
		if !known[name] {
			return Errorf(Invalid, op, "the program does not have the loss %s", name)
		}
		if !finite(w) {
			return Errorf(Invalid, op, "the weight of the loss %s is %v, want a finite number", name, w)
		}
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(weights)), func(w float64) bool { return w != 0 }) {
		return Errorf(Invalid, op, "all losses have weight 0, want at least one above 0")
	}
	return nil
}

// Groups returns the number B of groups of a batch, or an error if the batch does not fit the program.
func (b Batch) Groups(of *program.Program) (int, error) {
	n := len(b.Rows)
	if n == 0 || n%of.Group != 0 {
		return 0, Errorf(Invalid, "batch", "%d patterns cannot be divided into groups of %d", n, of.Group)
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

// Norm returns the divisor of the step's loss: the sum of all pattern weights.
func (s Step) Norm() float64 {
	sum := 0.0
	for _, b := range s.Batches {
		if b.Weights == nil {
			sum += float64(len(b.Rows))
		}
		for _, w := range b.Weights {
			sum += float64(w)
		}
	}
	return sum
}

// Rate returns the learning rate of a parameter group.
func (s Step) Rate(group string) float64 {
	if r, ok := s.LearningRates[group]; ok {
		return r
	}
	return s.LearningRates[""]
}

// Check rejects a state that does not fit the program.
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
				return Errorf(Invalid, "set state", "the moving average of %s is missing, but other parameters have one", p.Name)
			}
		}
	}
	if s.Step < 0 {
		return Errorf(Invalid, "set state", "the number of steps done is %d, want 0 or more", s.Step)
	}
	return nil
}

// holds returns the kind and shape that a slot has for a name.
func (s Slot) holds(of *program.Program, name string) (program.Kind, []int, error) {
	if s == Buffers {
		for _, b := range of.Buffers {
			if b.Name == name {
				return b.Kind, b.Shape, nil
			}
		}
		return "", nil, Errorf(NotFound, "set state", "the program does not have the buffer %s", name)
	}
	if !slices.Contains([]Slot{Weights, Moment1, Moment2, Velocity, EMA}, s) {
		return "", nil, Errorf(Invalid, "set state", "unknown slot %q", s)
	}
	p, ok := of.Param(name)
	if !ok {
		return "", nil, Errorf(NotFound, "set state", "the program does not have the parameter %s", name)
	}
	return p.Kind, p.Shape, nil
}

// PatchValue returns the program's value for its output program.Patches: complex images.
func PatchValue(of *program.Program) (string, error) {
	types, err := of.Types()
	if err != nil {
		return "", Errorf(Internal, "reconstruct", "%w", err)
	}
	for _, o := range of.Outputs {
		if o.Name != program.Patches {
			continue
		}
		t := types[o.Value]
		if t.Kind != program.Complex || len(t.Shape) < 2 {
			return "", Errorf(Invalid, "reconstruct", "the output %s is %v, want complex images", o.Name, t)
		}
		return o.Value, nil
	}
	return "", Errorf(NotFound, "reconstruct", "the program does not have the output %q", program.Patches)
}

// Gradients resolves the arguments of Gradient: the sorted names of the parameters, all trainable ones if none is named,
// and the divisor of the loss.
func (b BatchRef) Gradients(of *program.Program, params []string) (names []string, norm float64, err error) {
	if len(params) == 0 {
		params = of.Trainable()
	}
	names = slices.Compact(slices.Sorted(slices.Values(params)))
	for _, name := range names {
		if _, ok := of.Param(name); !ok {
			return nil, 0, Errorf(NotFound, "gradient", "the program does not have the parameter %s", name)
		}
	}
	if err := CheckLosses("gradient", of, b.LossWeights); err != nil {
		return nil, 0, err
	}
	if norm = (Step{Batches: []Batch{b.Batch}}).Norm(); !(norm > 0) || !finite(norm) {
		return nil, 0, Errorf(Invalid, "gradient", "the weights add up to %v, want above 0", norm)
	}
	return names, norm, nil
}

// CheckIndex rejects index values outside of the tables that the program reads with this input.
func CheckIndex(of *program.Program, input string, rows []int32) error {
	types, err := of.Types()
	if err != nil {
		return Errorf(Internal, "gather", "%w", err)
	}
	for table, size := range of.Tables(input, types) {
		for _, r := range rows {
			if r < 0 || int(r) >= size {
				return Errorf(Invalid, "gather", "input %s refers to row %d of %s, which has %d rows", input, r, table, size)
			}
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
