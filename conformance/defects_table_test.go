package conformance_test

import (
	"encoding/binary"
	"maps"
	"math"
	"os"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Defects returns all defects that the suite is tested with.
func Defects() []Defect {
	return slices.Concat(speech, arithmetic, learning, reproduction, operating)
}

var speech = []Defect{
	{Name: "the engine has no name", Case: "info", info: func(i *backend.Info) { i.Engine = "" }},
	{Name: "claims a capability that it lacks", Case: "capabilities", open: func(o *backend.OpenOptions) {
		if o.DType == tensor.Float64 {
			o.DType = tensor.Uint16
		}
	}},
	{Name: "claims persistent workers, and rejects them", Case: "options/persistent-workers", open: func(o *backend.OpenOptions) {
		if o.Persistent {
			o.Workers = -1
		}
	}},
	{Name: "accepts pinned memory without listing it", Case: "options/pin-memory", info: func(i *backend.Info) {
		i.Capabilities = slices.DeleteFunc(slices.Clone(i.Capabilities), func(c backend.Capability) bool { return c == backend.CanPin })
	}},
	{Name: "claims strategies and supports none", Case: "options/strategy", info: func(i *backend.Info) {
		i.Capabilities = append(slices.Clone(i.Capabilities), backend.CanStrategy)
	}},
	{Name: "a strategy is silently ignored", Case: "options/strategy", open: func(o *backend.OpenOptions) { o.Strategy = "" }},
	{Name: "the second of two devices is ignored", Case: "options/multi-device", open: func(o *backend.OpenOptions) { o.Devices = o.Devices[:min(1, len(o.Devices))] }},
	{Name: "every error is internal", Case: "refuses/device", fault: func(err error) error { return backend.Errorf(backend.Internal, "call", "%v", err) }},
	{Name: "accepts an array of the wrong shape", Case: "refuses/array", bind: func(error) error { return nil }},
	{Name: "reads counts of 8 bits with a sign", Case: "stored-types", dataset: misread(tensor.Uint8, func(raw []byte, i int) float32 { return max(float32(int8(raw[i])), 0) })},
	{Name: "loses the high byte of counts of 16 bits", Case: "stored-types", dataset: misread(tensor.Uint16, func(raw []byte, i int) float32 { return float32(raw[2*i]) })},
	{Name: "swaps the bytes of counts of 16 bits", Case: "stored-types", dataset: misread(tensor.Uint16, func(raw []byte, i int) float32 { return float32(binary.BigEndian.Uint16(raw[2*i:])) })},
	{Name: "reads float32 counts in half precision", Case: "stored-types", dataset: misread(tensor.Float32, func(raw []byte, i int) float32 {
		return float32(rounded(float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))), 10))
	})},
	{Name: "Stop is ignored", Case: "stop", stop: true},
	{Name: "a gradient that is not finite is ignored", Case: "not-finite", fault: func(err error) error {
		if backend.KindOf(err) == backend.Numeric {
			return nil
		}
		return err
	}},
	{Name: "loses the number of steps done", Case: "state/round-trip", state: func(_ *session, st *backend.State) { st.Step = 0 }},
	{Name: "weights are returned in half precision", Case: "state/round-trip", state: func(_ *session, st *backend.State) {
		for name, t := range st.Slots[backend.Weights] {
			st.Slots[backend.Weights][name] = mapped(t, func(x float64) float64 { return rounded(x, 10) })
		}
	}},
}

// misread replaces counts in a file of type t by what read makes of number i of its bytes.
func misread(t tensor.DType, read func(raw []byte, i int) float32) func(*backend.Dataset) {
	return func(d *backend.Dataset) {
		for i, a := range d.Arrays {
			if a.Input != program.Counts || a.File == nil || a.File.DType != t {
				continue
			}
			raw, err := os.ReadFile(a.File.Path)
			if err != nil {
				panic(err)
			}
			counts := make([]float32, len(raw)/t.Size())
			for j := range counts {
				counts[j] = read(raw, j)
			}
			d.Arrays[i].Value, d.Arrays[i].File = tensor.Must(counts, a.File.Shape...), nil
		}
	}
}

// after applies another operation to the results of operations of a kind.
func after(kind, then program.OpKind, attrs map[string]float64) func(*backend.OpenOptions) {
	return func(o *backend.OpenOptions) {
		var ops []program.Op
		for _, op := range o.Program.Ops {
			if op.Kind != kind {
				ops = append(ops, op)
				continue
			}
			out := op.Out
			op.Out += "-before"
			ops = append(ops, op, program.Op{Kind: then, Out: out, In: []string{op.Out}, Attrs: attrs})
		}
		o.Program.Ops = ops
	}
}

// instead replaces one operation by another.
func instead(of, other program.OpKind, attrs map[string]float64) func(*backend.OpenOptions) {
	return func(o *backend.OpenOptions) {
		o.Program.Ops = slices.Clone(o.Program.Ops)
		for i, op := range o.Program.Ops {
			if op.Kind == of {
				o.Program.Ops[i].Kind, o.Program.Ops[i].Attrs = other, attrs
			}
		}
	}
}

// kernels changes 3×3 kernels on their way in and reverts the change on their way out.
func kernels(at func(y, x int) (int, int)) Defect {
	turn := func(t tensor.Tensor) tensor.Tensor {
		shape := t.Shape()
		if len(shape) != 4 || shape[2] != shape[3] {
			return t
		}
		n := shape[2]
		out := mapped(t, func(x float64) float64 { return x })
		size := t.DType().Size()
		src, dst := t.Bytes(), out.Bytes()
		for i := range t.Len() {
			y, x := at(i/n%n, i%n)
			copy(dst[i*size:][:size], src[(i/(n*n)*n*n+y*n+x)*size:])
		}
		return out
	}
	each := func(m map[string]tensor.Tensor) {
		for name, t := range m {
			m[name] = turn(t)
		}
	}
	slots := func(st *backend.State) {
		for slot, m := range st.Slots {
			if slot != backend.Buffers {
				each(m)
			}
		}
	}
	return Defect{
		set:      func(_ *session, st *backend.State) bool { slots(st); return false },
		state:    func(_ *session, st *backend.State) { slots(st) },
		gradient: func(_ *program.Program, m map[string]tensor.Tensor) { each(m) },
	}
}

// named sets the name and case of a defect.
func named(name, at string, d Defect) Defect {
	d.Name, d.Case = name, at
	return d
}

// offsets changes the positions of a batch.
func offsets(f func(y, x float32) (float32, float32)) func(backend.Batch) backend.Batch {
	return func(b backend.Batch) backend.Batch {
		b.Offsets = slices.Clone(b.Offsets)
		for i := 0; i+1 < len(b.Offsets); i += 2 {
			b.Offsets[i], b.Offsets[i+1] = f(b.Offsets[i], b.Offsets[i+1])
		}
		return b
	}
}

var arithmetic = []Defect{
	named("kernels are transposed", "operation/conv2d", kernels(func(y, x int) (int, int) { return x, y })),
	named("kernels are flipped", "operation/conv2d", kernels(func(y, x int) (int, int) { return 2 - y, 2 - x })),
	{Name: "the far field is conjugated", Case: "operation/fft2", open: after(program.FFT2, program.Conj, nil)},
	{Name: "a leaky ReLU instead of a ReLU", Case: "operation/relu", open: instead(program.ReLU, program.LeakyReLU, map[string]float64{"slope": 0.01})},
	{Name: "the maximum instead of the mean in a pool", Case: "operation/avgpool2", open: instead(program.AvgPool2, program.MaxPool2, nil)},
	{Name: "a real factor of the FFT's normalisation is missing", Case: "operation/intensity", open: after(program.Intensity, program.Affine, map[string]float64{"scale": 4, "shift": 0})},
	{Name: "the deviance is halved", Case: "operation/poisson_deviance", open: after(program.PoissonDeviance, program.Affine, map[string]float64{"scale": 0.5, "shift": 0})},
	{Name: "tanh instead of softplus", Case: "operation/softplus", open: instead(program.Softplus, program.Tanh, nil)},
	{Name: "positions are half a pixel off", Case: "operation/merge_pairwise", batch: offsets(func(y, x float32) (float32, float32) { return 1.25 * y, x })},
	{Name: "rows and columns of positions are swapped", Case: "operation/merge_pairwise", batch: offsets(func(y, x float32) (float32, float32) { return x, y })},
	{Name: "shifts have the wrong sign", Case: "operation/merge_pairwise", batch: offsets(func(y, x float32) (float32, float32) { return -y, -x })},
	{Name: "products in TF32", Case: "operation/conv2d", values: func(_ *program.Program, m map[string]tensor.Tensor) {
		for name, t := range m {
			m[name] = mapped(t, func(x float64) float64 { return rounded(x, 10) })
		}
	}},
	{Name: "one parameter has no gradient, the loss is right", Case: "operation/conv2d", gradient: func(p *program.Program, m map[string]tensor.Tensor) {
		for _, q := range p.Params {
			if len(q.Shape) == 4 {
				m[q.Name] = mapped(m[q.Name], func(float64) float64 { return 0 })
				return
			}
		}
	}},
	{Name: "gradients are of the wrong sign", Case: "operation/conv2d", gradient: func(_ *program.Program, m map[string]tensor.Tensor) {
		for name, t := range m {
			m[name] = mapped(t, func(x float64) float64 { return -x })
		}
	}},
	{Name: "weights of patterns are ignored", Case: "evaluate", batch: func(b backend.Batch) backend.Batch { b.Weights = positive(b.Weights); return b }},
	{Name: "means instead of sums", Case: "evaluate", eval: func(r *backend.EvalResult) {
		for name, s := range r.Scalars {
			r.Scalars[name] = backend.Sum{Sum: s.Mean(), Count: s.Count}
		}
	}},
	{Name: "inputs that a batch carries are ignored", Case: "evaluate/extra", batch: func(b backend.Batch) backend.Batch {
		b.Extra = maps.Clone(b.Extra)
		delete(b.Extra, program.Counts)
		return b
	}},
	{Name: "the index of a table is ignored", Case: "evaluate/indexed", dataset: func(d *backend.Dataset) {
		for i := range d.Arrays {
			if a := d.Arrays[i]; a.Gather == backend.Indexed && len(a.Index) == d.Patterns && int(slices.Max(a.Index)) < d.Patterns {
				d.Arrays[i].Gather = backend.PerPattern
			}
		}
	}},
	{Name: "patches are conjugated", Case: "reconstruct", patches: func(r *backend.Patches) {
		if z, err := tensor.Data[complex64](r.Data); err == nil {
			for i, v := range z {
				z[i] = complex(real(v), -imag(v))
			}
		}
	}},
	{Name: "batches are predicted in the wrong order", Case: "reconstruct", recon: func(p *backend.ReconPlan) { p.Batches = slices.Clone(p.Batches); slices.Reverse(p.Batches) }},
}

// positive sets weights to 1 where they are valid.
func positive(w []float32) []float32 {
	w = slices.Clone(w)
	for i, v := range w {
		if v > 0 {
			w[i] = 1
		}
	}
	return w
}

var learning = []Defect{
	{Name: "Adam has no bias correction", Case: "train/adam/1", plan: func(p *backend.StepPlan) { number(p, 1<<50) },
		result: func(r *backend.StepResult) { r.Number -= 1 << 50 },
		state:  func(_ *session, st *backend.State) { st.Step %= 1 << 50 }},
	{Name: "ε differs from the plan's", Case: "train/adam/1", plan: func(p *backend.StepPlan) {
		if p.Optimiser.Epsilon > 0 {
			p.Optimiser.Epsilon = 1e-8
		}
	}},
	{Name: "AdamW decays through the gradient", Case: "train/adamw/decay", plan: func(p *backend.StepPlan) {
		if p.Optimiser.Kind == backend.AdamW {
			p.Optimiser.Kind = backend.Adam
		}
	}},
	{Name: "momentum is ignored", Case: "train/sgd/momentum", plan: func(p *backend.StepPlan) {
		if m := p.Optimiser.Momentum; m > 0 && m < 1 {
			p.Optimiser.Momentum = 1e-12
		}
	}},
	{Name: "Nesterov's momentum is computed as plain momentum", Case: "train/sgd/nesterov", plan: func(p *backend.StepPlan) { p.Optimiser.Nesterov = false }},
	{Name: "elements are clipped instead of the norm", Case: "train/clip/norm", plan: func(p *backend.StepPlan) {
		if p.Clip.Kind == backend.ClipNorm {
			p.Clip.Kind = backend.ClipValue
		}
	}},
	{Name: "the last micro-batch is dropped", Case: "train/accumulate", plan: func(p *backend.StepPlan) {
		for i, st := range p.Steps {
			if n := len(st.Batches); n > 1 {
				p.Steps[i].Batches = st.Batches[:n-1]
			}
		}
	}},
	{Name: "micro-batches are averaged, not added", Case: "train/accumulate", plan: func(p *backend.StepPlan) {
		if n := len(p.Steps[0].Batches); n > 1 {
			p.LossWeights = maps.Clone(p.LossWeights)
			for name := range p.LossWeights {
				p.LossWeights[name] /= float64(n)
			}
		}
	}},
	{Name: "batches are shuffled", Case: "train/batches-in-order", plan: func(p *backend.StepPlan) {
		if n := len(p.Steps); n > 2 {
			p.Steps[0].Batches, p.Steps[n-1].Batches = p.Steps[n-1].Batches, p.Steps[0].Batches
		}
	}},
	{Name: "the moving average has a wrong decay", Case: "train/ema", plan: func(p *backend.StepPlan) {
		if p.EMADecay > 0 {
			p.EMADecay = 1 - p.EMADecay
		}
	}},
	{Name: "inputs that a step's batch carries are ignored", Case: "train/extra", plan: func(p *backend.StepPlan) {
		for _, st := range p.Steps {
			for j := range st.Batches {
				st.Batches[j].Extra = maps.Clone(st.Batches[j].Extra)
				delete(st.Batches[j].Extra, program.Counts)
			}
		}
	}},
	{Name: "all parameter groups have the default learning rate", Case: "train/rates-by-group", plan: func(p *backend.StepPlan) {
		for i, st := range p.Steps {
			if len(st.LearningRates) > 1 {
				p.Steps[i].LearningRates = map[string]float64{"": st.LearningRates[""]}
			}
		}
	}},
	{Name: "SetState does not replace the weights", Case: "train/state-is-read", set: func(s *session, _ *backend.State) bool { return s.stepped }},
}

func number(p *backend.StepPlan, by int64) {
	for i := range p.Steps {
		p.Steps[i].Number += by
	}
}

// nudged changes every weight by its last bit.
func nudged(st *backend.State) {
	for name, t := range st.Slots[backend.Weights] {
		st.Slots[backend.Weights][name] = mapped(t, func(x float64) float64 { return float64(math.Nextafter32(float32(x), 2)) })
	}
}

// varying nudges every other state of a session that has done steps.
func varying() func(s *session, st *backend.State) {
	asked := 0
	return func(s *session, st *backend.State) {
		if !s.stepped {
			return
		}
		if asked++; asked%2 == 0 {
			nudged(st)
		}
	}
}

var reproduction = []Defect{
	{Name: "sums are added in an order that varies", Case: "bits/again", state: varying()},
	{Name: "the bits depend on the number of threads", Case: "bits/threads", state: func(s *session, st *backend.State) {
		if s.stepped && s.threads > 1 {
			nudged(st)
		}
	}},
	{Name: "the batches' order depends on the number of workers", Case: "bits/feed", steps: func(s *session, p *backend.StepPlan) {
		if n := len(p.Steps); n > 1 && s.workers > 1 {
			p.Steps[0].Batches, p.Steps[n-1].Batches = p.Steps[n-1].Batches, p.Steps[0].Batches
		}
	}},
	{Name: "moments are lost when resuming", Case: "state/every-slot", set: func(_ *session, st *backend.State) bool {
		if st.Step > 0 {
			delete(st.Slots, backend.Moment1)
			delete(st.Slots, backend.Moment2)
		}
		return false
	}},
	{Name: "evaluating changes the weights", Case: "bits/looking-changes-nothing", state: func(s *session, st *backend.State) {
		if s.looked {
			nudged(st)
		}
	}},
}

// mapped returns a copy of a tensor of floats with f applied to every number, or to both parts of complex ones.
func mapped(t tensor.Tensor, f func(float64) float64) tensor.Tensor {
	switch t.DType() {
	case tensor.Float32:
		s, _ := tensor.Data[float32](t)
		out := make([]float32, len(s))
		for i, x := range s {
			out[i] = float32(f(float64(x)))
		}
		return tensor.Must(out, t.Shape()...)
	case tensor.Float64:
		s, _ := tensor.Data[float64](t)
		out := make([]float64, len(s))
		for i, x := range s {
			out[i] = f(x)
		}
		return tensor.Must(out, t.Shape()...)
	case tensor.Complex64:
		s, _ := tensor.Data[complex64](t)
		out := make([]complex64, len(s))
		for i, z := range s {
			out[i] = complex(float32(f(float64(real(z)))), float32(f(float64(imag(z)))))
		}
		return tensor.Must(out, t.Shape()...)
	}
	return t
}

// rounded keeps the given number of bits after the leading one.
func rounded(x float64, bits int) float64 {
	m, e := math.Frexp(x)
	s := math.Ldexp(1, bits+1)
	return math.Ldexp(math.Round(m*s)/s, e)
}
