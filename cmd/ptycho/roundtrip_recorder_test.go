package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// recordKey names the variable with the file that the recorder appends to. The host passes PTYCHO_ variables on.
const recordKey = "PTYCHO_ROUNDTRIP_RECORD"

// call holds the arguments of one call to the plugin.
type call struct {
	Name string // "open", "state", "bind", "step", "evaluate" or "reconstruct"

	Options    *opened  `json:",omitempty"` // open
	Program    []string `json:",omitempty"` // its operations
	Parameters int      `json:",omitempty"`

	Start    int64              `json:",omitempty"` // state: steps done
	Patterns int                `json:",omitempty"` // bind
	Sums     map[string]float64 `json:",omitempty"` // bind: of the values of each array; state: of the weights
	Plan     *backend.StepPlan  `json:",omitempty"`
	EMA      bool               `json:",omitempty"`
	Batches  []int              `json:",omitempty"` // patterns of each
}

// opened is backend.OpenOptions without the program and the callback.
type opened struct {
	Devices             []string
	DType               tensor.DType
	Threads             int
	Workers, Prefetch   int
	Persistent          bool
	PinMemory           bool
	Strategy            string
	MemoryLimit         int64
	TF32, Deterministic bool
}

// recorderName is the name of the recorder as a plugin.
const recorderName = "recorder"

// recorder computes with Gorgonia on the CPU and records all calls. It claims all capabilities.
type recorder struct {
	backend.Backend
}

func newRecorder() recorder { return recorder{gorgonia.New()} }

func (r recorder) Info() backend.Info {
	info := r.Backend.Info()
	info.Name = recorderName
	for _, c := range []backend.Capability{backend.CanPersist, backend.CanPin, backend.CanDevices, backend.CanStrategy} {
		if !slices.Contains(info.Capabilities, c) {
			info.Capabilities = append(info.Capabilities, c)
		}
	}
	return info
}

func (r recorder) Devices(context.Context) ([]backend.Device, error) {
	var out []backend.Device
	for _, id := range []string{"cpu", "cuda:0", "cuda:1", "mps:0", "tpu:0"} {
		out = append(out, backend.Device{ID: id, Usable: true})
	}
	return out, nil
}

func (r recorder) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	c := call{Name: "open", Parameters: o.Program.Parameters(), Options: &opened{o.Devices, o.DType, o.Threads, o.Workers, o.Prefetch,
		o.Persistent, o.PinMemory, o.Strategy, o.MemoryLimit, o.TF32, o.Deterministic}}
	for _, op := range o.Program.Ops {
		c.Program = append(c.Program, fmt.Sprint(op.Kind, " ", op.Out))
	}
	record(c)
	real := o
	real.Devices, real.Strategy, real.Persistent, real.PinMemory, real.MemoryLimit = []string{"cpu"}, "", false, false, 0
	session, err := r.Backend.Open(ctx, real)
	if err != nil {
		return nil, err
	}
	return &recording{session, real.Program}, nil
}

type recording struct {
	backend.Session
	program *program.Program
}

func (r *recording) SetState(ctx context.Context, s backend.State) error {
	record(call{Name: "state", Start: s.Step, Sums: map[string]float64{"weights": sum(s.Slots[backend.Weights])}})
	return r.Session.SetState(ctx, s)
}

func (r *recording) Bind(ctx context.Context, d backend.Dataset) (backend.DatasetID, error) {
	c := call{Name: "bind", Patterns: d.Patterns, Sums: map[string]float64{}}
	for _, a := range d.Arrays {
		value := a.Value
		if a.File != nil {
			raw, err := os.ReadFile(a.File.Path)
			if err != nil {
				return "", err
			}
			size := a.File.DType.Size()
			for _, n := range a.File.Shape {
				size *= n
			}
			if value, err = tensor.FromBytes(a.File.DType, raw[a.File.Offset:][:size], a.File.Shape...); err != nil {
				return "", err
			}
		}
		c.Sums[a.Input] = sum(map[string]tensor.Tensor{"": value})
	}
	record(c)
	return r.Session.Bind(ctx, d)
}

func (r *recording) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	record(call{Name: "step", Plan: &p})
	return r.Session.Step(ctx, p, emit)
}

func (r *recording) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	record(call{Name: "evaluate", EMA: p.EMA, Batches: sizes(p.Batches)})
	return r.Session.Evaluate(ctx, p, emit)
}

func (r *recording) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	record(call{Name: "reconstruct", EMA: p.EMA, Batches: sizes(p.Batches)})
	return r.Session.Reconstruct(ctx, p, emit)
}

func sizes(batches []backend.Batch) []int {
	var out []int
	for _, b := range batches {
		out = append(out, len(b.Rows))
	}
	return out
}

// sum adds magnitudes, so that the order of the values does not matter.
func sum(arrays map[string]tensor.Tensor) float64 {
	total := 0.0
	for _, t := range arrays {
		for _, b := range t.Bytes() {
			total += float64(b)
		}
	}
	return total
}

var oneAtATime sync.Mutex

// record appends a call to the file. It panics if it cannot write.
func record(c call) {
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	f, err := os.OpenFile(os.Getenv(recordKey), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if err := json.NewEncoder(f).Encode(c); err != nil {
		panic(err)
	}
}
