// Package backend is the contract between the host and an engine. A backend compiles a program for a device and runs the
// plans that the host makes. It has no knowledge of file formats, the command line or policy. A third party implements
// Backend and Session, embeds Unimplemented, and passes the value to sdk.Serve.
//
// The file backend.go holds every type that crosses the process boundary. check.go defines which calls a backend must
// reject, so that all backends reject the same calls. Every error is an Error whose Kind determines how the host reacts. What
// a session supports beyond Session is found by type assertion (Inspector) and listed as a Capability. A backend must not
// modify the arguments of a call. Shapes are in brackets, slowest axis first: B groups of C patterns of N×N pixels.
package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// ProtocolMajor and ProtocolMinor are the version of this contract. A new major version breaks compatibility; a new minor
// version only adds to the contract.
//
// Version 2.1 adds: the counts in a file may be uint8 or uint16. The host rejects a backend of version 2.0 for them.
const (
	ProtocolMajor = 2
	ProtocolMinor = 1
)

// Backend is an engine.
type Backend interface {
	// Info describes the engine. It is cheap, has no side effects and does not access a device.
	Info() Info
	// Devices lists the devices, with the reason for each one that is not usable.
	Devices(ctx context.Context) ([]Device, error)
	// Open compiles a program for a device. Compiling may take seconds and reports to o.Progress.
	Open(ctx context.Context, o OpenOptions) (Session, error)
}

// Session is a program on a device with its state. Calls are made one at a time, except Stop.
type Session interface {
	// Params lists the program's parameters, in its order.
	Params() []program.ParamSpec
	// SetState replaces the state. Slots that are missing in s are zeroed; weights and buffers must be complete.
	SetState(ctx context.Context, s State) error
	// State returns a copy of the state.
	State(ctx context.Context) (State, error)
	// Bind makes the arrays of a dataset available to plans until the session is closed. A plan for a dataset that was not
	// bound is a NotFound error.
	Bind(ctx context.Context, d Dataset) (DatasetID, error)
	Trainer
	Reconstructor
	// Stop asks the running Step, Evaluate or Reconstruct to finish the current step or batch and to return nil. To end a
	// call immediately, cancel its context instead.
	Stop(ctx context.Context) error
	// Close frees the device memory, the datasets and the workers. No call may follow.
	Close() error
}

// Trainer changes the state. An error of emit ends the call and is returned.
type Trainer interface {
	// Step runs the plan's optimiser steps in order and emits one result per step.
	Step(ctx context.Context, p StepPlan, emit func(StepResult) error) error
	// Evaluate computes the program's scalars without changing the state. It emits one result per batch.
	Evaluate(ctx context.Context, p EvalPlan, emit func(EvalResult) error) error
}

// Reconstructor predicts object patches.
type Reconstructor interface {
	// Reconstruct emits the patches of each batch, in order.
	Reconstruct(ctx context.Context, p ReconPlan, emit func(Patches) error) error
}

// Inspector is optional. It returns named intermediate values, loss and gradients at the current weights. Parity tests need
// it.
type Inspector interface {
	// Forward returns the named values of the program for one batch.
	Forward(ctx context.Context, b BatchRef, taps ...string) (map[string]tensor.Tensor, error)
	// Gradient returns the loss and dLoss/dParam for the named parameters, or for all trainable ones if none is named. The
	// gradient of a complex parameter is dL/dRe + i·dL/dIm.
	Gradient(ctx context.Context, b BatchRef, params ...string) (Loss, map[string]tensor.Tensor, error)
}

// Capability names an optional feature of a backend. The list is derived from the implementation.
type Capability string

// The capabilities.
const (
	CanTrain    Capability = "train"
	CanInspect  Capability = "inspect" // Session implements Inspector
	CanFloat64  Capability = "float64"
	CanCUDA     Capability = "cuda"
	CanEMA      Capability = "ema"
	CanPersist  Capability = "persistent-workers" // the workers and their buffers are kept from plan to plan
	CanPin      Capability = "pin-memory"         // bound files are locked in memory
	CanDevices  Capability = "multi-device"       // several devices share the work
	CanStrategy Capability = "strategy"           // how several devices share the work can be chosen
)

// Info describes an engine.
type Info struct {
	Name          string // as in --backend NAME
	Version       string // of the backend
	Engine        string // name and version of the library that computes
	ProtocolMajor int
	ProtocolMinor int
	Capabilities  []Capability
	DTypes        []tensor.DType
	Operations    []program.OpKind // that the backend can compile
}

// Has reports whether the backend has the capability c.
func (i Info) Has(c Capability) bool {
	for _, have := range i.Capabilities {
		if have == c {
			return true
		}
	}
	return false
}

// Device is a processor that can run programs.
type Device struct {
	ID     string // "cpu", "cuda:0"
	Name   string // from its maker
	Usable bool   // now, by this backend
	Reason string // why it is not usable and how to fix that
	Memory int64  // bytes, 0 when unknown
	Cores  int
}

// OpenOptions describes what to compile and how to run it. The zero value of a field selects the backend's default.
type OpenOptions struct {
	Program       *program.Program
	Devices       []string     // IDs; the first usable one if empty
	DType         tensor.DType // Float32 (default) or Float64
	Threads       int          // for computation; 0: all cores
	Workers       int          // goroutines that gather batches
	Prefetch      int          // batches gathered ahead
	Persistent    bool         // keep the workers from plan to plan (CanPersist)
	PinMemory     bool         // lock bound files in memory (CanPin)
	Strategy      string       // how Devices share the work; "": the backend's default (CanStrategy)
	MemoryLimit   int64        // bytes
	TF32          bool         // allow reduced precision in matrix products
	Deterministic bool         // same bits in every run
	Train         bool         // optimiser steps will be requested; otherwise only forward passes are compiled
	Progress      func(Event)  // may be nil; called from any goroutine until the session is closed
}

// Event is progress that is not a result.
type Event struct {
	Phase   string  // "compile", "device" (a better one is not usable: the host shows the message), "transfer", …
	Message string  // for people
	Done    int64   // of Total, in units of the phase
	Total   int64   // 0 when unknown
	Seconds float64 // duration, once the phase has ended
}

// DatasetID identifies a bound dataset within its session.
type DatasetID string

// Gathering defines how an array feeds an input of the program.
type Gathering uint8

// The ways of gathering. They are part of the wire format.
const (
	Whole      Gathering = 1 // the same array for every batch: mask [N, N], probe [modes, N, N]
	PerPattern Gathering = 2 // row r of the array belongs to pattern r: counts [patterns, N, N]
	Indexed    Gathering = 3 // pattern r reads row Index[r]: a probe per scan [probes, modes, N, N]
)

// Dataset holds the arrays of one or several scans under the names of the program's inputs. The input "offsets" and all
// other inputs that a plan carries are not part of it.
type Dataset struct {
	Patterns int // rows of every PerPattern array
	Arrays   []Array
}

// Array is one array of a dataset: by value or by reference to a file that the backend maps read-only.
type Array struct {
	Input  string // the program's input that it feeds
	Gather Gathering
	Index  []int32       // [patterns] rows for Indexed
	Value  tensor.Tensor // the array itself, or empty
	File   *FileRef      // when Value is empty
}

// FileRef is an array in a regular file, little-endian. The counts are uint8, uint16 or float32, as a rule the smallest type that
// holds all of them; a backend converts the rows that it gathers. The file may be the user's scan, in which they need not be aligned. All other
// arrays have the types of a Value. The host keeps the file open while the session is. A backend opens it read-only during Bind. On Linux the
// file usually has no name: its path is then /proc/PID/fd/N of the host's process.
type FileRef struct {
	Path    string // absolute
	Offset  int64  // bytes from the start of the file
	DType   tensor.DType
	Shape   []int
	Strides []int64 // bytes between elements along each axis; nil: row-major without gaps
}

// Batch holds the groups of one micro-batch. The host chooses rows and offsets; a row may occur more than once.
type Batch struct {
	Rows    []int32                  // [B, C] patterns of the dataset
	Offsets []float32                // [B, C, 2] (row, column) of each pattern relative to its group's centre, object pixels
	Weights []float32                // [B, C] weight of each pattern in sums and loss; nil: 1. Zero marks padding
	Extra   map[string]tensor.Tensor // further inputs from the host, such as noise; they replace arrays of the dataset
}

// OptimiserKind names an update rule. Package core/optim contains the formulas.
type OptimiserKind string

// The update rules.
const (
	Adam  OptimiserKind = "adam"
	AdamW OptimiserKind = "adamw"
	SGD   OptimiserKind = "sgd"
)

// Optimiser is an update rule with its constants.
type Optimiser struct {
	Kind        OptimiserKind
	Beta1       float64 // Adam, AdamW
	Beta2       float64
	Epsilon     float64 // added to sqrt(v̂), outside the root
	Momentum    float64 // SGD
	Nesterov    bool    // SGD
	WeightDecay float64 // AdamW: decoupled; Adam and SGD: added to the gradient
}

// ClipKind names a method of limiting gradients.
type ClipKind string

// The methods of clipping.
const (
	ClipNone     ClipKind = ""
	ClipNorm     ClipKind = "norm"  // g·min(1, limit/‖g‖₂) over all parameters
	ClipValue    ClipKind = "value" // limits each element to ±limit
	ClipAdaptive ClipKind = "agc"   // per parameter: ‖g‖ at most limit·max(‖w‖, 1e-3)
)

// Clip limits gradients after accumulation and before the update.
type Clip struct {
	Kind  ClipKind
	Limit float64 // above 0, except for ClipNone
}

// Step is one optimiser step: it computes the gradient of
//
//	Σ_l LossWeights[l] · Σ_batches Σ_patterns weight·scalar_l / Σ_batches Σ_patterns weight
//
// clips it, and makes one update. A gradient or loss that is not finite is a Numeric error, and the state stays that before
// the step.
type Step struct {
	Number        int64              // t of the update rule, from 1
	Batches       []Batch            // micro-batches, accumulated in order
	LearningRates map[string]float64 // by parameter group; "" is the default group
}

// StepPlan is a sequence of optimiser steps.
type StepPlan struct {
	Dataset     DatasetID
	Steps       []Step
	Optimiser   Optimiser
	Clip        Clip
	EMADecay    float64            // 0: no moving average of the weights
	LossWeights map[string]float64 // by the program's scalars with Loss set; missing ones are 0
}

// Sum is a weighted sum over patterns. Count is the sum of the weights.
type Sum struct{ Sum, Count float64 }

// Mean returns Sum/Count, or NaN without patterns.
func (s Sum) Mean() float64 { return s.Sum / s.Count }

// StepResult describes one optimiser step, at the weights before its update.
type StepResult struct {
	Number   int64
	Loss     float64        // as in Step
	Scalars  map[string]Sum // every scalar of the program
	GradNorm float64        // L2 over all trainable parameters, before clipping
	Clipped  bool           // the clipping changed the gradient
	Patterns int            // B·C of all micro-batches, padding included
	Waited   float64        // seconds for which the step waited for its batches
}

// EvalPlan is a sequence of forward passes.
type EvalPlan struct {
	Dataset DatasetID
	Batches []Batch
	EMA     bool // use the moving average of the weights; a state without it is an Invalid error
}

// EvalResult holds the scalars of one batch.
type EvalResult struct {
	Batch   int // index into the plan's Batches
	Scalars map[string]Sum
}

// ReconPlan is a sequence of predictions of the program's output program.Patches.
type ReconPlan struct {
	Dataset DatasetID
	Batches []Batch
	EMA     bool // as in EvalPlan
}

// Patches is the prediction for one batch.
type Patches struct {
	Batch int           // index into the plan's Batches
	Data  tensor.Tensor // complex64 (or complex128) [B·C, n, n]
}

// BatchRef is a batch of a dataset with the loss to compute.
type BatchRef struct {
	Dataset     DatasetID
	Batch       Batch
	LossWeights map[string]float64
}

// Loss is a weighted loss with the scalars that it consists of.
type Loss struct {
	Value   float64
	Scalars map[string]Sum
}

// Slot names a part of the state. Every slot maps parameter (or buffer) names to arrays of the program's shapes.
type Slot string

// The slots.
const (
	Weights  Slot = "weights"
	Moment1  Slot = "m"        // Adam's first moment
	Moment2  Slot = "v"        // Adam's second moment
	Velocity Slot = "momentum" // of SGD
	EMA      Slot = "ema"      // moving average of the weights
	Buffers  Slot = "buffers"  // constants of the model
)

// State is everything that a session needs to continue with identical bits.
type State struct {
	Step  int64 // optimiser steps done
	Slots map[Slot]map[string]tensor.Tensor
}
