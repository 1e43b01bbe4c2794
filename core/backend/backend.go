// Package backend is the contract between the host and an engine. A backend compiles a program for a device and runs
// the plans that the host makes; it knows no file formats, no command line and no policy. A third party implements
// Backend and Session, embeds Unimplemented, and hands the value to sdk.Serve.
//
// The file backend.go holds every type that crosses; check.go says what a backend has to refuse, so that all refuse the
// same. Every error is an Error whose Kind says what the host can do about it. What a session offers beside Session is
// found by type assertion (Inspector) and listed as a Capability. Nothing that a call is given may be written to. Shapes
// are in brackets, slowest axis first: B groups of C patterns of N×N pixels.
package backend

import (
	"context"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// ProtocolMajor and ProtocolMinor are the version of this contract. A major breaks; a minor only adds.
const (
	ProtocolMajor = 1
	ProtocolMinor = 2 // 1: events of a session after it was opened; 2: workers that stay, pinned memory, strategy, waiting
)

// Backend is an engine.
type Backend interface {
	// Info describes the engine. It is pure and cheap and touches no device.
	Info() Info
	// Devices tells what is usable here and now, and why the rest is not.
	Devices(ctx context.Context) ([]Device, error)
	// Open compiles a program for a device. Compiling may take seconds: o.Progress hears of it.
	Open(ctx context.Context, o OpenOptions) (Session, error)
}

// Session is a program on a device with its state. Calls are made one at a time, but for Stop.
type Session interface {
	// Params lists the program's parameters, in its order.
	Params() []program.ParamSpec
	// SetState replaces the state. Slots that s lacks are zeroed; weights and buffers must be complete.
	SetState(ctx context.Context, s State) error
	// State copies the state out.
	State(ctx context.Context) (State, error)
	// Bind makes the arrays of a dataset known to plans.
	Bind(ctx context.Context, d Dataset) (DatasetID, error)
	// Unbind forgets a dataset and gives back its memory; one that is not bound, and a plan that names it later, is NotFound.
	Unbind(ctx context.Context, id DatasetID) error
	Trainer
	Reconstructor
	// Stop asks the running Step, Evaluate or Reconstruct to finish the step or batch that it is in and to return nil.
	// To give up at once, cancel that call's context instead.
	Stop(ctx context.Context) error
	// Close frees the device memory, the datasets and the workers; no call may follow.
	Close() error
}

// Trainer changes the state. An error of emit ends the call and is its error.
type Trainer interface {
	// Step runs the plan's optimiser steps in order and emits one result per step.
	Step(ctx context.Context, p StepPlan, emit func(StepResult) error) error
	// Evaluate computes the program's scalars and changes nothing. It emits one result per batch.
	Evaluate(ctx context.Context, p EvalPlan, emit func(EvalResult) error) error
}

// Reconstructor predicts object patches.
type Reconstructor interface {
	// Reconstruct emits the patches of each batch, in order.
	Reconstruct(ctx context.Context, p ReconPlan, emit func(Patches) error) error
}

// Inspector is optional: named intermediate values, loss and gradients at the present weights. Parity tests need it.
type Inspector interface {
	// Forward gives the named values of the program for one batch.
	Forward(ctx context.Context, b BatchRef, taps ...string) (map[string]tensor.Tensor, error)
	// Gradient gives the loss and dLoss/dParam for the named parameters, all trainable ones if none is named. The
	// gradient of a complex parameter is dL/dRe + i·dL/dIm.
	Gradient(ctx context.Context, b BatchRef, params ...string) (Loss, map[string]tensor.Tensor, error)
}

// Capability names something that a backend may or may not offer. The list is derived from what is implemented.
type Capability string

// The capabilities.
const (
	CanTrain    Capability = "train"
	CanInspect  Capability = "inspect" // Session implements Inspector
	CanFloat64  Capability = "float64"
	CanCUDA     Capability = "cuda"
	CanEMA      Capability = "ema"
	CanPersist  Capability = "persistent-workers" // the feed keeps its workers from plan to plan
	CanPin      Capability = "pin-memory"         // bound files are locked in memory
	CanDevices  Capability = "multi-device"       // several devices share the work
	CanStrategy Capability = "strategy"           // of sharing the work can be chosen
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
	Operations    []program.OpKind // that it compiles
}

// Has says whether the backend offers c.
func (i Info) Has(c Capability) bool {
	for _, have := range i.Capabilities {
		if have == c {
			return true
		}
	}
	return false
}

// Device is a place where programs run.
type Device struct {
	ID     string // "cpu", "cuda:0"
	Name   string // the maker's
	Usable bool   // now, by this backend
	Reason string // why it is not usable and what mends that
	Memory int64  // bytes, 0 when unknown
	Cores  int
}

// OpenOptions says what to compile and how to run it. The zero value of a field means the backend's default.
type OpenOptions struct {
	Program       *program.Program
	Devices       []string     // IDs; the first usable one if empty
	DType         tensor.DType // Float32 (default) or Float64
	Threads       int          // of computation; 0: all cores
	Workers       int          // that gather batches
	Prefetch      int          // batches gathered ahead
	Persistent    bool         // keep the workers from plan to plan (CanPersist)
	PinMemory     bool         // lock bound files in memory (CanPin)
	Strategy      string       // of sharing the work among Devices; "": the backend's own (CanStrategy)
	MemoryLimit   int64        // bytes
	TF32          bool         // allow reduced precision in matrix products
	Deterministic bool         // the same bits on every run
	Train         bool         // optimiser steps will be asked for; without it only forward passes are compiled
	Progress      func(Event)  // may be nil; heard until the session is closed, from any goroutine
}

// Event is progress that is not a result.
type Event struct {
	Phase   string  // "compile", "transfer", …
	Message string  // for people
	Done    int64   // of Total, in units of the phase
	Total   int64   // 0 when unknown
	Seconds float64 // that it took, once it is done
}

// DatasetID names a bound dataset within its session.
type DatasetID string

// Gathering says how an array feeds an input of the program.
type Gathering uint8

// The ways of gathering. They are part of the wire format.
const (
	Whole      Gathering = 1 // the same array for every batch: mask [N, N], probe [modes, N, N]
	PerPattern Gathering = 2 // row r of the array belongs to pattern r: counts [patterns, N, N]
	Indexed    Gathering = 3 // pattern r reads row Index[r]: a probe per scan [probes, modes, N, N]
)

// Dataset is the arrays of a scan, or of several, under the names of the program's inputs. The input "offsets" and
// whatever else a plan carries is not part of it.
type Dataset struct {
	Patterns int // rows of every PerPattern array
	Arrays   []Array
}

// Array is one array of a dataset: by value or by reference to a file that the backend maps read-only.
type Array struct {
	Input  string // the program's input that it feeds
	Gather Gathering
	Index  []int32       // [patterns] for Indexed
	Value  tensor.Tensor // the array itself, or nothing
	File   *FileRef      // when Value is empty
}

// FileRef is an array in a regular file. The host keeps the file open until Unbind, and a backend opens it read-only during
// Bind. On Linux the file usually has no name of its own: its path is /proc/PID/fd/N, of the host's process.
type FileRef struct {
	Path    string // absolute
	Offset  int64  // bytes from the start of the file
	DType   tensor.DType
	Shape   []int
	Strides []int64 // bytes per step along each axis; nil: row-major without gaps
}

// Batch is the groups of one micro-batch. Rows and offsets are the host's; a row may occur more than once.
type Batch struct {
	Rows    []int32                  // [B, C] patterns of the dataset
	Offsets []float32                // [B, C, 2] (row, column) of each pattern relative to its group's centre, object pixels
	Weights []float32                // [B, C] weight of each pattern in sums and loss; nil: 1. Zero marks padding
	Extra   map[string]tensor.Tensor // further inputs made by the host, such as noise
}

// OptimiserKind names an update rule; core/optim has the formulas.
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
	Epsilon     float64            // added to sqrt(v̂), outside the root
	Momentum    float64            // SGD
	Nesterov    bool               // SGD
	WeightDecay float64            // AdamW: decoupled; Adam and SGD: added to the gradient
	GroupDecay  map[string]float64 // instead of WeightDecay for these parameter groups
}

// ClipKind says how gradients are bounded.
type ClipKind string

// The ways of clipping.
const (
	ClipNone     ClipKind = ""
	ClipNorm     ClipKind = "norm"  // g·min(1, limit/‖g‖₂) over all parameters
	ClipValue    ClipKind = "value" // each element to ±limit
	ClipAdaptive ClipKind = "agc"   // per parameter: ‖g‖ at most limit·max(‖w‖, 1e-3)
)

// Clip bounds gradients after accumulation and before the update.
type Clip struct {
	Kind  ClipKind
	Limit float64 // above 0, but for ClipNone
}

// NonFinite says what a step does whose gradient holds NaN or infinity.
type NonFinite uint8

// The policies. They are part of the wire format.
const (
	NonFiniteFail NonFinite = 0 // end the call with a Numeric error; the state is that before the step
	NonFiniteSkip NonFinite = 1 // leave the state as it is, say so in the result, go on
)

// Step is one optimiser step: the gradient of
//
//	Σ_l LossWeights[l] · Σ_batches Σ_patterns weight·scalar_l / Normaliser
//
// clipped, then one update.
type Step struct {
	Number        int64              // t of the update rule, from 1
	Batches       []Batch            // micro-batches, accumulated in order
	LearningRates map[string]float64 // by parameter group; "" is the default group
	Normaliser    float64            // 0: the sum of all pattern weights of the step
}

// StepPlan is a run of optimiser steps.
type StepPlan struct {
	Dataset     DatasetID
	Steps       []Step
	Optimiser   Optimiser
	Clip        Clip
	EMADecay    float64            // 0: no moving average of the weights
	LossWeights map[string]float64 // by the program's scalars with Loss set; the others count 0
	NonFinite   NonFinite
}

// Sum is a weighted sum over patterns and, as Count, the sum of their weights.
type Sum struct{ Sum, Count float64 }

// Mean is Sum/Count, NaN without patterns.
func (s Sum) Mean() float64 { return s.Sum / s.Count }

// StepResult is what one optimiser step did, at the weights before it.
type StepResult struct {
	Number    int64
	Loss      float64        // as in Step
	Scalars   map[string]Sum // every scalar of the program
	GradNorm  float64        // L2 over all trainable parameters, before clipping
	Clipped   bool           // the clipping changed the gradient
	Patterns  int            // B·C of all micro-batches, padding included
	NonFinite bool           // the update was skipped
	Waited    float64        // seconds that the step waited for its batches
}

// EvalPlan is a run of forward passes.
type EvalPlan struct {
	Dataset    DatasetID
	Batches    []Batch
	EMA        bool // use the moving average of the weights; a state without one is Invalid
	PerPattern bool // give the scalars of every pattern too
}

// EvalResult is the scalars of one batch.
type EvalResult struct {
	Batch      int // index into the plan's Batches
	Scalars    map[string]Sum
	PerPattern map[string][]float64 // [B·C] in the batch's order
}

// ReconPlan is a run of predictions.
type ReconPlan struct {
	Dataset DatasetID
	Batches []Batch
	Output  string   // of the program; "" is program.Patches
	Crop    int      // keep the central Crop×Crop pixels; 0: all
	EMA     bool     // as in EvalPlan
	File    *FileRef // write patches there, batch after batch, and emit results without data
}

// Patches is the prediction for one batch.
type Patches struct {
	Batch int           // index into the plan's Batches
	Data  tensor.Tensor // complex64 (or complex128) [B·C, n, n], or [B, S, S] for an output of merged groups
}

// BatchRef is a batch of a dataset with the loss to look at.
type BatchRef struct {
	Dataset     DatasetID
	Batch       Batch
	LossWeights map[string]float64
	Normaliser  float64 // as in Step
}

// Loss is a weighted loss and the scalars that it is made of.
type Loss struct {
	Value   float64
	Scalars map[string]Sum
}

// Slot names a part of the state. All slots are keyed by parameter (or buffer) name, in the program's own shapes.
type Slot string

// The slots.
const (
	Weights  Slot = "weights"
	Moment1  Slot = "m"        // Adam's first moment
	Moment2  Slot = "v"        // Adam's second moment
	Velocity Slot = "momentum" // SGD's
	EMA      Slot = "ema"      // moving average of the weights
	Buffers  Slot = "buffers"  // constants of the model
)

// State is everything that a session needs to go on to the same bits.
type State struct {
	Step  int64 // optimiser steps done
	Slots map[Slot]map[string]tensor.Tensor
}
