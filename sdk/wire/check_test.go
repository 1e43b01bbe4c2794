package wire

import (
	"math"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// tinyProgram returns a program with a parameter, a buffer, a scalar and patches of 4×4 pixels.
func tinyProgram() *program.Program {
	each := program.PerGroup(1)
	return &program.Program{
		Name: "tiny", N: 4, Group: 1,
		Inputs: []program.Input{{Name: "each", Type: program.Type{Kind: program.Real, Shape: program.Shape{each, 1}}},
			{Name: "object", Type: program.Type{Kind: program.Complex, Shape: program.Shape{each, 1, 4, 4}}}},
		Params:  []program.Param{{Name: "w", Kind: program.Real, Shape: []int{2}, Trainable: true, Init: program.Init{Kind: program.Constant}}},
		Buffers: []program.Buffer{{Name: "b", Kind: program.Real, Shape: []int{1}}},
		Scalars: []program.Scalar{{Name: "loss", Value: "each", Loss: true}},
		Outputs: []program.Output{{Name: program.Patches, Value: "object"}},
	}
}

// faulty runs a check, which must accept the good answer and must find the fault after f has changed it.
func faulty[M any](t *testing.T, good func() M, check func(M) error, faults map[string]struct {
	change func(M)
	kind   backend.Kind
	says   string
}) {
	t.Helper()
	if err := check(good()); err != nil {
		t.Fatalf("a good answer is rejected: %v", err)
	}
	for name, f := range faults {
		m := good()
		f.change(m)
		if err := check(m); err == nil || backend.KindOf(err) != f.kind || !strings.Contains(err.Error(), f.says) || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%s: %v of kind %s, want %s and %q", name, err, backend.KindOf(err), f.kind, f.says)
		}
	}
}

type fault[M any] = map[string]struct {
	change func(M)
	kind   backend.Kind
	says   string
}

func TestCheckInfo_FindsEachFault(t *testing.T) {
	type m = *pb.InfoResponse
	good := func() m {
		return &pb.InfoResponse{Name: "toy", Version: "1", Engine: "none", ProtocolMajor: 2, ProtocolMinor: 0, Capabilities: []string{"train"}, Dtypes: []pb.DType{1}, Operations: []string{"add"}}
	}
	faulty(t, good, checkInfo, fault[m]{
		"no name":           {func(m m) { m.Name = "" }, backend.Internal, "name is"},
		"an escape":         {func(m m) { m.Name = "\x1b[31mtoy" }, backend.Internal, "name is"},
		"a long version":    {func(m m) { m.Version = strings.Repeat("1", 1<<20) }, backend.Internal, "version is"},
		"engine":            {func(m m) { m.Engine = "a\nb" }, backend.Internal, "engine is"},
		"major":             {func(m m) { m.ProtocolMajor = 1 }, backend.Internal, "protocol_major is 1, expected 2"},
		"minor":             {func(m m) { m.ProtocolMinor = -1 }, backend.Internal, "protocol_minor is -1"},
		"capability twice":  {func(m m) { m.Capabilities = []string{"train", "train"} }, backend.Internal, "capabilities has"},
		"an odd operation":  {func(m m) { m.Operations[0] = "../add" }, backend.Internal, "operations has"},
		"too many":          {func(m m) { m.Operations = make([]string, 1<<20) }, backend.Internal, "1048576 entries"},
		"an unknown dtype":  {func(m m) { m.Dtypes[0] = 99 }, backend.Internal, "type 99"},
		"a dtype of 2³²+…1": {func(m m) { m.Dtypes[0] = -1 }, backend.Internal, "type -1"},
	})
}

func TestCheckStep_FindsEachFault(t *testing.T) {
	type m = *pb.StepResponse
	e := newExpectation(tinyProgram(), tensor.Float32)
	p := backend.StepPlan{Steps: []backend.Step{{Number: 7, Batches: []backend.Batch{{Rows: []int32{0, 1}, Weights: []float32{1, 0.5}}}}}}
	good := func() m {
		return &pb.StepResponse{Number: 7, Loss: 1, GradNorm: 2, Patterns: 2, Scalars: map[string]*pb.Sum{"loss": {Sum: 1, Count: 1.5}}}
	}
	nan := math.NaN()
	faulty(t, good, func(m m) error { return e.checkStep(m, 0, p) }, fault[m]{
		"number":          {func(m m) { m.Number = math.MaxInt64 }, backend.Internal, "expected 7"},
		"patterns":        {func(m m) { m.Patterns = -1 }, backend.Internal, "patterns of step 7 is -1, expected 2"},
		"loss":            {func(m m) { m.Loss = nan }, backend.Internal, "loss of step 7 is NaN"},
		"norm":            {func(m m) { m.GradNorm = -1 }, backend.Internal, "grad_norm"},
		"clipped":         {func(m m) { m.Clipped = true }, backend.Internal, "clipped"},
		"waited":          {func(m m) { m.Waited = math.Inf(1) }, backend.Internal, "waited"},
		"no scalar":       {func(m m) { clear(m.Scalars) }, backend.Internal, "scalars of step 7 are 0"},
		"another scalar":  {func(m m) { m.Scalars = map[string]*pb.Sum{"\x1b": {}} }, backend.Internal, "lack loss"},
		"an empty scalar": {func(m m) { m.Scalars["loss"] = nil }, backend.Internal, "lack loss"},
		"count":           {func(m m) { m.Scalars["loss"].Count = 2 }, backend.Internal, "expected 1.5"},
		"scalar":          {func(m m) { m.Scalars["loss"].Sum = 1e300 }, backend.Numeric, "the scalar loss is 1e+300"},
	})
	if err := e.checkStep(good(), 1, p); err == nil {
		t.Error("a result after the last is accepted")
	}
}

func TestCheckState_FindsEachFault(t *testing.T) {
	type m = *pb.StateHead
	e, h := newExpectation(tinyProgram(), tensor.Float32), newHistory()
	array := func(name string, n int64) *pb.NamedTensor {
		return &pb.NamedTensor{Name: name, Tensor: &pb.Tensor{Dtype: 1, Shape: []int64{n}}}
	}
	w := tensor.Must([]float32{1, 2}, 2)
	h.replaced(backend.State{Step: 3, Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {"w": w}, backend.Buffers: {"b": tensor.Must([]float32{1}, 1)}}})
	before := *h
	plan := backend.StepPlan{Optimiser: backend.Optimiser{Kind: backend.Adam}, Steps: []backend.Step{{Number: 4}, {Number: 5}}}
	h.requested(plan)
	h.done(plan, before, 5)
	good := func() m {
		return &pb.StateHead{Session: 1, Step: 5, Slots: []*pb.Slot{
			{Name: "weights", Tensors: []*pb.NamedTensor{array("w", 2)}}, {Name: "buffers", Tensors: []*pb.NamedTensor{array("b", 1)}},
			{Name: "m", Tensors: []*pb.NamedTensor{array("w", 2)}}, {Name: "v", Tensors: []*pb.NamedTensor{array("w", 2)}}}}
	}
	faulty(t, good, func(m m) error { return e.checkStateHead(m, 1, h) }, fault[m]{
		"session":         {func(m m) { m.Session = 2 }, backend.Internal, "session is 2"},
		"step":            {func(m m) { m.Step = 4 }, backend.Internal, "step is 4, expected 5"},
		"a slot twice":    {func(m m) { m.Slots[1].Name = "weights" }, backend.Internal, "name of a slot"},
		"an odd slot":     {func(m m) { m.Slots[2].Name = "../x" }, backend.Internal, "name of a slot"},
		"another slot":    {func(m m) { m.Slots[2].Name = "ema" }, backend.Internal, "neither"},
		"a lost slot":     {func(m m) { m.Slots = m.Slots[:3] }, backend.Internal, "slot v lack w"},
		"a lost buffer":   {func(m m) { m.Slots[1].Tensors = nil }, backend.Internal, "slot buffers lack b"},
		"a lost weight":   {func(m m) { m.Slots[0].Tensors = nil }, backend.Internal, "slot weights lack w"},
		"another name":    {func(m m) { m.Slots[0].Tensors[0].Name = "\x1b" }, backend.Internal, "name of an array"},
		"a name twice":    {func(m m) { m.Slots[0].Tensors = append(m.Slots[0].Tensors, array("w", 2)) }, backend.Internal, "name of an array"},
		"too many arrays": {func(m m) { m.Slots[0].Tensors = make([]*pb.NamedTensor, 1000) }, backend.Internal, "are 1000"},
		"a huge shape":    {func(m m) { m.Slots[0].Tensors[0].Tensor.Shape = []int64{1 << 60} }, backend.Internal, "expected [2]"},
		"many axes":       {func(m m) { m.Slots[0].Tensors[0].Tensor.Shape = make([]int64, 1<<20) }, backend.Internal, "of 1048576 axes"},
		"dtype":           {func(m m) { m.Slots[0].Tensors[0].Tensor.Dtype = 5 }, backend.Internal, "expected [float32 float64]"},
		"no array":        {func(m m) { m.Slots[0].Tensors[0].Tensor = nil }, backend.Internal, "is missing"},
	})
	double := good()
	for _, s := range double.Slots {
		s.Tensors[0].Tensor.Dtype = 2
	}
	if err := e.checkStateHead(double, 1, h); err != nil {
		t.Errorf("a backend that keeps its state in float64: %v", err)
	}
	odd := backend.State{Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {"w": tensor.Must([]float32{1, float32(math.NaN())}, 2)}}}
	if err := h.checkState(odd); backend.KindOf(err) != backend.Numeric || !strings.Contains(err.Error(), "weights of w is NaN at element 1") {
		t.Errorf("a state that is not finite: %v", err)
	}
	if h.replaced(odd); h.checkState(odd) != nil {
		t.Error("a state that the host set itself is rejected")
	}
}

func TestCheckEvaluation_FindsEachFault(t *testing.T) {
	type m = *pb.EvaluateResult
	e := newExpectation(tinyProgram(), tensor.Float32)
	p := backend.EvalPlan{Batches: []backend.Batch{{Rows: []int32{0, 1}}}}
	good := func() m {
		return &pb.EvaluateResult{Scalars: map[string]*pb.Sum{"loss": {Sum: 1, Count: 2}}}
	}
	faulty(t, good, func(m m) error { return e.checkEvaluation(m, 0, p) }, fault[m]{
		"batch":    {func(m m) { m.Batch = -1 }, backend.Internal, "batch of result 0 is -1"},
		"count":    {func(m m) { m.Scalars["loss"].Count = math.NaN() }, backend.Internal, "expected 2"},
		"a scalar": {func(m m) { m.Scalars["loss"].Sum = math.Inf(1) }, backend.Numeric, "+Inf"},
	})
}

func TestCheckPatches_FindsEachFault(t *testing.T) {
	type m = *pb.Patches
	e := newExpectation(tinyProgram(), tensor.Float32)
	p := backend.ReconPlan{Batches: []backend.Batch{{Rows: []int32{0, 1}, Weights: []float32{1, 0}}}}
	good := func() m { return &pb.Patches{Data: &pb.Tensor{Dtype: 3, Shape: []int64{2, 4, 4}}} }
	faulty(t, good, func(m m) error { return e.checkPatches(m, 0, p) }, fault[m]{
		"batch":   {func(m m) { m.Batch = 1 << 40 }, backend.Internal, "expected 0"},
		"shape":   {func(m m) { m.Data.Shape[0] = 3 }, backend.Internal, "expected [2 4 4]"},
		"dtype":   {func(m m) { m.Data.Dtype = 1 }, backend.Internal, "expected [complex64]"},
		"no data": {func(m m) { m.Data = nil }, backend.Internal, "is missing"},
	})
	data := make([]complex64, 8)
	data[5] = complex(float32(math.NaN()), 0) // of the second pattern, which is padding
	if err := finitePatches(tensor.Must(data, 2, 2, 2), 0, p.Batches[0]); err != nil {
		t.Errorf("padding is checked: %v", err)
	}
	data[3] = complex(0, float32(math.Inf(1)))
	if err := finitePatches(tensor.Must(data, 2, 2, 2), 0, p.Batches[0]); backend.KindOf(err) != backend.Numeric || !strings.Contains(err.Error(), "pattern 0 is (0+Infi) at pixel 3") {
		t.Errorf("a patch that is not finite: %v", err)
	}
}

func TestCheckDevices_FindsEachFaultAndMakesNamesPrintable(t *testing.T) {
	type m = *pb.DevicesResponse
	good := func() m {
		return &pb.DevicesResponse{Devices: []*pb.Device{{Id: "cuda:0", Name: "\x1b[31mA100", Memory: 1 << 36, Cores: 1}, {Id: "cpu"}}}
	}
	faulty(t, good, func(m m) error {
		list, err := devicesIn(m)
		if err == nil && list[0].Name != "A100" {
			t.Errorf("the name is %q", list[0].Name)
		}
		return err
	}, fault[m]{
		"id":     {func(m m) { m.Devices[0].Id = "../cuda" }, backend.Internal, "id of a device"},
		"twice":  {func(m m) { m.Devices[1].Id = "cuda:0" }, backend.Internal, "each once"},
		"memory": {func(m m) { m.Devices[0].Memory = -1 }, backend.Internal, "-1 bytes"},
		"cores":  {func(m m) { m.Devices[0].Cores = -1 }, backend.Internal, "cores"},
		"many":   {func(m m) { m.Devices = make([]*pb.Device, 1<<20) }, backend.Internal, "1048576 entries"},
	})
}

func TestCheckEvent_FindsEachFault(t *testing.T) {
	type m = *pb.Event
	good := func() m { return &pb.Event{Phase: "compile", Message: "a", Done: 1, Total: 2, Seconds: 0.5} }
	faulty(t, good, func(m m) error { _, err := eventIn(m, 0); return err }, fault[m]{
		"phase":   {func(m m) { m.Phase = "\x1b" }, backend.Internal, "phase is"},
		"done":    {func(m m) { m.Done = 3 }, backend.Internal, "done is 3"},
		"total":   {func(m m) { m.Total = -1 }, backend.Internal, "total of -1"},
		"seconds": {func(m m) { m.Seconds = math.NaN() }, backend.Internal, "seconds is NaN"},
	})
	if _, err := eventIn(good(), maxEvents); err == nil {
		t.Error("an unlimited number of events is accepted")
	}
}

func TestCheckParams_ComparesWithTheProgram(t *testing.T) {
	p := tinyProgram()
	for name, raw := range map[string]string{
		"no list": `7`, "none": `[]`, "another name": `[{"name":"x","kind":"real","shape":[2],"trainable":true}]`,
		"another shape": `[{"name":"w","kind":"real","shape":[3],"trainable":true}]`, "not trainable": `[{"name":"w","kind":"real","shape":[2]}]`,
	} {
		if err := checkParams([]byte(raw), p); backend.KindOf(err) != backend.Internal || err == nil || !strings.Contains(err.Error(), "params") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := checkParams([]byte(`[{"name":"w","kind":"real","shape":[2],"trainable":true,"group":"","init":{"kind":"constant"}}]`), p); err != nil {
		t.Error(err)
	}
}
