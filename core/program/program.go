// Package program represents the model as data: a short list of operations with named values, parameters and inputs. An
// architecture (core/arch) builds a Program, core/reference defines what it computes, a backend compiles it. A Program
// contains neither code nor weights; it crosses the process boundary as JSON.
//
// Read Program first, then Op and the list of OpKind. Types validates a program. Needed and Reached return what a forward
// pass and a gradient must compute. Random makes small programs for tests.
package program

import (
	"encoding/json"
	"fmt"
)

// Dim is one extent of a value's shape. A positive Dim is that extent; a negative Dim −n is n times the number of
// groups in the batch, so [−4, 3, 64, 64] holds four images of three channels for every group.
type Dim int

// PerGroup returns the Dim of n entries for every group of the batch.
func PerGroup(n int) Dim { return Dim(-n) }

// Shape lists the extents of a value, slowest axis first. Images are [..., row, column].
type Shape []Dim

// At returns the shape for a batch with the given number of groups.
func (s Shape) At(groups int) []int {
	out := make([]int, len(s))
	for i, d := range s {
		if d < 0 {
			out[i] = int(-d) * groups
		} else {
			out[i] = int(d)
		}
	}
	return out
}

// Kind is the kind of a value's elements.
type Kind string

// A Real is a float of the session's precision, a Complex a pair of them, an Index an int32.
const (
	Real    Kind = "real"
	Complex Kind = "complex"
	Index   Kind = "index"
)

// Type is the kind and shape of a value.
type Type struct {
	Kind  Kind  `json:"kind"`
	Shape Shape `json:"shape"`
}

// Input is an array that comes with each batch, from the dataset or from the plan.
type Input struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
	Doc  string `json:"doc,omitempty"` // unit and meaning, for people
}

// The inputs that all architectures share. Counts come per pattern, offsets from the plan.
const (
	Counts     = "counts"     // [−1, C, N, N] photons, DC at [N/2, N/2]
	Offsets    = "offsets"    // [−1, C, 2] (row, column) of each pattern relative to its group's centre, object pixels
	Probe      = "probe"      // [modes, N, N] complex, scaled so that an object of amplitude 1 gives the mean counts
	Mask       = "mask"       // [N, N] 1 where the detector pixel counts, 0 where it is bad
	Background = "background" // [N, N] counts per pixel, > 0
)

// Param is an array of the model that training changes.
type Param struct {
	Name      string `json:"name"`
	Kind      Kind   `json:"kind"` // Real or Complex
	Shape     []int  `json:"shape"`
	Init      Init   `json:"init"`
	Trainable bool   `json:"trainable"`
	Group     string `json:"group"` // names the learning rate that the plan gives; "" is the default group
}

// ParamSpec is the name of Param in the contract.
type ParamSpec = Param

// Init defines how the host draws the initial values. Backends never draw random numbers.
type Init struct {
	Kind  InitKind `json:"kind"`
	Value float64  `json:"value,omitempty"` // the constant, or a factor on the drawn values (0 means 1)
}

// InitKind names a distribution; fan-in and fan-out are those of a convolution weight [co, ci, kh, kw].
type InitKind string

// The distributions.
const (
	Constant       InitKind = "constant"        // Value everywhere
	HeNormal       InitKind = "he-normal"       // N(0, 2/fan-in)
	GlorotUniform  InitKind = "glorot-uniform"  // U(±sqrt(6/(fan-in+fan-out)))
	KaimingUniform InitKind = "kaiming-uniform" // U(±1/sqrt(fan-in)), the default of PyTorch's convolutions
)

// Buffer is a constant of the model that the host computes from the training data and stores with the weights.
type Buffer struct {
	Name  string `json:"name"`
	Kind  Kind   `json:"kind"`
	Shape []int  `json:"shape"`
	Doc   string `json:"doc,omitempty"`
}

// Op is one operation: it reads the values In and writes the value Out. Every value is written by one operation.
type Op struct {
	Kind  OpKind             `json:"op"`
	Out   string             `json:"out"`             // the value that it writes
	In    []string           `json:"in"`              // values, inputs, parameters and buffers, in the operation's order
	Attrs map[string]float64 `json:"attrs,omitempty"` // those that differ from the defaults of Attributes
	Shape Shape              `json:"shape,omitempty"` // only for reshape
}

// Attr returns an attribute or, when it is not set, the operation's default.
func (o Op) Attr(name string) float64 {
	if v, ok := o.Attrs[name]; ok {
		return v
	}
	for _, a := range attributes[o.Kind] {
		if a.Name == name {
			return a.Default
		}
	}
	return 0
}

// Scalar is a named result with one number for every pattern: a value of type real [−1, C].
type Scalar struct {
	Name  string `json:"name"`
	Value string `json:"value"` // the value that it reads
	Loss  bool   `json:"loss"`  // may have a weight in the training loss; the others are only reported
}

// Output is a named array that Reconstruct returns.
type Output struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Patches is the Output that every architecture has: complex [−1, C, N, N], the object patch of each pattern.
const Patches = "patches"

// Program is a model that a backend can compile.
type Program struct {
	Name    string   `json:"name"`
	N       int      `json:"n"`     // side of a diffraction pattern in pixels
	Group   int      `json:"group"` // patterns in a group, C = gridsize²
	Inputs  []Input  `json:"inputs"`
	Params  []Param  `json:"params"`
	Buffers []Buffer `json:"buffers"`
	Ops     []Op     `json:"ops"` // each after those whose values it reads
	Scalars []Scalar `json:"scalars"`
	Outputs []Output `json:"outputs"`
}

// Encode returns the wire form: JSON, which Decode reads.
func (p *Program) Encode() ([]byte, error) { return json.Marshal(p) }

// Decode reads the wire form and validates the program, so that the result can be compiled. An invalid program is an
// *Error.
func Decode(b []byte) (*Program, error) {
	var p Program
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("program: decode: %w", err)
	}
	if _, err := p.Types(); err != nil {
		return nil, err
	}
	return &p, nil
}

// Param returns the parameter with the given name.
func (p *Program) Param(name string) (Param, bool) {
	for _, q := range p.Params {
		if q.Name == name {
			return q, true
		}
	}
	return Param{}, false
}

// Count returns the number of elements of a shape without per-group extents.
func Count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Parameters returns the number of trainable numbers; a complex one counts twice.
func (p *Program) Parameters() int {
	n := 0
	for _, q := range p.Params {
		if !q.Trainable {
			continue
		}
		if q.Kind == Complex {
			n += Count(q.Shape)
		}
		n += Count(q.Shape)
	}
	return n
}
