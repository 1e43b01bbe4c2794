// Package feed provides Go backends with the batches of a bound dataset. It maps the files read-only, gathers the rows that
// a batch names, converts the rows to the session's precision and gathers ahead of the step that uses the batch.
//
// A backend's session embeds Session, which implements the calls of the contract that are the same for every engine. Set
// and its Feed are the layer below. AddScalars, Weigh, Patches, CheckCPU and MachineMemory are help for the other calls. Arrays per pattern are gathered to [B, C, …]; all others keep their bound shape.
//
// The host is not trusted: every size, stride, index and row is checked before memory is accessed. Errors are
// *backend.Error.
package feed

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

const op = "bind"

// Set is an open dataset as seen through the inputs of one program. Its methods may be called concurrently.
type Set struct {
	patterns int
	group    int // C, patterns in a group
	inputs   []program.Input
	arrays   map[string]*array

	pin   bool            // lock the files in memory
	watch func(batch int) // called from the worker for each batch that a feed gathers; for tests

	mu     sync.RWMutex // held for reading while mapped memory is read
	files  map[string]mapping
	mapped atomic.Int64 // bytes that rows have loaded into memory, at most, since the files were dropped
	closed bool
}

// Open maps the arrays of d that feed the inputs and checks the arrays against each other. Arrays that no input reads are
// ignored. Inputs without an array must come with each batch, as offsets or Extra. The caller must close the Set.
func Open(d backend.Dataset, inputs []program.Input) (*Set, error) {
	return open(d, inputs, 0, false)
}

// open implements Open. The group is C, or 0 to take it from the shapes of the inputs. With pin, every file is locked in memory
// until the Set is closed.
func open(d backend.Dataset, inputs []program.Input, group int, pin bool) (*Set, error) {
	if bigEndian {
		return nil, backend.Errorf(backend.Unsupported, op, "this machine is big-endian, the arrays are little-endian")
	}
	if d.Patterns < 0 || d.Patterns > 1<<31-1 { // rows of a batch are int32
		return nil, backend.Errorf(backend.Invalid, op, "dataset of %d patterns, want 0 … 2³¹−1", d.Patterns)
	}
	s := &Set{
		patterns: d.Patterns,
		group:    group,
		inputs:   slices.Clone(inputs),
		arrays:   map[string]*array{},
		pin:      pin,
		files:    map[string]mapping{},
	}
	if err := s.open(d); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Set) open(d backend.Dataset) error {
	for _, a := range d.Arrays {
		i := slices.IndexFunc(s.inputs, func(in program.Input) bool { return in.Name == a.Input })
		if i < 0 {
			continue
		}
		if _, ok := s.arrays[a.Input]; ok {
			return invalid(a.Input, "is fed by two arrays")
		}
		arr, err := s.layout(a)
		if err != nil {
			return err
		}
		if err := s.fit(arr, a, s.inputs[i].Type); err != nil {
			return err
		}
		s.arrays[a.Input] = arr
	}
	if s.group == 0 {
		s.group = groupOf(s.inputs)
	}
	return nil
}

// groupOf returns C, taken from the shape [−1, C, 2] of the offsets when no array defines it.
func groupOf(inputs []program.Input) int {
	for _, in := range inputs {
		if in.Name == program.Offsets && len(in.Type.Shape) == 3 && in.Type.Shape[1] > 0 {
			return int(in.Type.Shape[1])
		}
	}
	return 1
}

// fit checks an array against the input that it feeds.
func (s *Set) fit(arr *array, a backend.Array, t program.Type) error {
	switch complexArray := arr.dtype.IsComplex(); {
	case t.Kind == program.Real && complexArray:
		return invalid(a.Input, "is real, its array is %v", arr.dtype)
	case t.Kind == program.Index && (complexArray || arr.dtype == tensor.Float32 || arr.dtype == tensor.Float64):
		return invalid(a.Input, "is an index, its array is %v", arr.dtype)
	}
	perGroup := len(t.Shape) > 0 && t.Shape[0] < 0
	arr.gather = a.Gather
	if a.Gather == backend.Whole {
		if perGroup || !slices.Equal(t.Shape.At(0), arr.shape) {
			return invalid(a.Input, "has shape %v, but its array for all batches has %v", t.Shape, arr.shape)
		}
		arr.row = arr.layout
		return nil
	}
	if !perGroup {
		return invalid(a.Input, "has shape %v for all batches, but its array is per pattern", t.Shape)
	}
	if len(arr.shape) == 0 {
		return invalid(a.Input, "comes per pattern, its array has no axes")
	}
	arr.row = layout{shape: arr.shape[1:], strides: arr.strides[1:]}
	switch a.Gather {
	case backend.PerPattern:
		if arr.shape[0] != s.patterns {
			return invalid(a.Input, "its array %v has %d rows for %d patterns", arr.shape, arr.shape[0], s.patterns)
		}
	case backend.Indexed:
		if len(a.Index) != s.patterns {
			return invalid(a.Input, "its index has %d entries for %d patterns", len(a.Index), s.patterns)
		}
		for p, r := range a.Index {
			if r < 0 || int(r) >= arr.shape[0] {
				return invalid(a.Input, "its index sends pattern %d to row %d of %d", p, r, arr.shape[0])
			}
		}
		arr.index = a.Index
	default:
		return invalid(a.Input, "unknown way of gathering %d", a.Gather)
	}
	return s.fitRow(arr, a.Input, t)
}

// fitRow finds C: the input [−k, …] of one group holds C rows of the array, whose shape is the input's last axes.
func (s *Set) fitRow(arr *array, input string, t program.Type) error {
	one := t.Shape.At(1)
	tail := len(one) - len(arr.row.shape)
	if tail < 0 || !slices.Equal(one[tail:], arr.row.shape) {
		return invalid(input, "has shape %v, a row of its array %v", t.Shape, arr.row.shape)
	}
	c := program.Count(one[:tail])
	if s.group != 0 && c != s.group {
		return invalid(input, "has shape %v: %d patterns in a group, other inputs have %d", t.Shape, c, s.group)
	}
	s.group = c
	return nil
}

// Patterns returns the number of patterns of the dataset.
func (s *Set) Patterns() int { return s.patterns }

// Group returns C, the number of patterns in a group.
func (s *Set) Group() int { return s.group }

// Groups returns B, the number of groups of a batch.
func (s *Set) Groups(b backend.Batch) int { return len(b.Rows) / s.group }

// Has reports whether the dataset feeds an input. The other inputs come with each batch.
func (s *Set) Has(input string) bool { return s.arrays[input] != nil }

// Alloc allocates the named inputs, or all if none is named, for a batch of the given number of groups. Precision is
// Float32 or Float64: real inputs have that type, complex ones the complex type of the same precision, indices are Int32.
func (s *Set) Alloc(groups int, precision tensor.DType, names ...string) (map[string]tensor.Tensor, error) {
	dst := make(map[string]tensor.Tensor, len(s.inputs))
	for _, in := range s.inputs {
		if len(names) > 0 && !slices.Contains(names, in.Name) {
			continue
		}
		d, err := elements(in.Type.Kind, precision)
		if err != nil {
			return nil, err
		}
		t, err := tensor.Zeros(d, in.Type.Shape.At(groups)...)
		if err != nil {
			return nil, backend.Errorf(backend.Invalid, "gather", "input %s of %d groups: %w", in.Name, groups, err)
		}
		dst[in.Name] = t
	}
	for _, n := range names {
		if _, ok := dst[n]; !ok {
			return nil, backend.Errorf(backend.NotFound, "gather", "the program has no input %s", n)
		}
	}
	return dst, nil
}

func elements(k program.Kind, precision tensor.DType) (tensor.DType, error) {
	if precision != tensor.Float32 && precision != tensor.Float64 {
		return 0, backend.Errorf(backend.Invalid, "gather", "precision %v, want float32 or float64", precision)
	}
	switch {
	case k == program.Index:
		return tensor.Int32, nil
	case k == program.Complex && precision == tensor.Float32:
		return tensor.Complex64, nil
	case k == program.Complex:
		return tensor.Complex128, nil
	}
	return precision, nil
}

// Close unmaps the files once no Gather reads them. Closing twice is fine.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for path, m := range s.files {
		if err := m.close(); err != nil {
			errs = append(errs, backend.Errorf(backend.Internal, "close", "%s: %w", path, err))
		}
	}
	clear(s.files)
	return errors.Join(errs...)
}

func invalid(input, format string, args ...any) error {
	return backend.Errorf(backend.Invalid, op, "input %s: %w", input, fmt.Errorf(format, args...))
}
