package acquisition

import (
	"context"
	"fmt"
	"math"
	"reflect"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// An Array is a block of numbers in a file, such as a dataset of HDF5 or the pages of a TIFF. It is read in pieces, because
// patterns may be larger than memory.
type Array interface {
	Name() string // within the file, for messages
	Shape() []uint64
	// Type is the smallest Number that holds every stored value; 0 if the values are not real numbers.
	Type() Number
	// Read fills dst, a []uint8, []int8, … []float64, or []complex128, row-major with the block of count elements from start. A value
	// that dst cannot hold is an error; floats are rounded.
	Read(ctx context.Context, dst any, start, count []uint64) error
}

// A Number is a type of stored numbers.
type Number uint8

// The types.
const (
	Uint8 Number = iota + 1
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Uint64
	Int64
	Float32
	Float64
)

var numberNames = [...]string{"another type", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"}

// String returns NumPy's name of the type.
func (t Number) String() string { return numberNames[min(int(t), len(numberNames)-1)] }

// Size returns the bytes of a number; 0 for an unknown type.
func (t Number) Size() int {
	switch t {
	case Uint8, Int8:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Uint64, Int64, Float64:
		return 8
	}
	return 0
}

// Integer reports whether the type is one of integers.
func (t Number) Integer() bool { return t >= Uint8 && t <= Int64 }

// marker returns the value by which integer detectors mark gaps and bad pixels: the largest of the type, from 16 bits on.
func (t Number) marker() float64 {
	switch {
	case !t.Integer() || t.Size() < 2:
		return math.Inf(1)
	case t == Uint16, t == Uint32, t == Uint64:
		return math.Ldexp(1, 8*t.Size()) - 1
	}
	return math.Ldexp(1, 8*t.Size()-1) - 1
}

// A dataset is an array of HDF5.
type dataset struct{ d *hdf5.Dataset }

func (a dataset) Name() string    { return a.d.Path() }
func (a dataset) Shape() []uint64 { return a.d.Shape() }

func (a dataset) Type() Number {
	t := a.d.Type()
	if t.Kind == hdf5.Enum || t.Kind == hdf5.Bool {
		t = t.Elem
	}
	for _, n := range []struct {
		kind          hdf5.Kind
		sizes, number int // the first type with that size
	}{{hdf5.Uint, 8, int(Uint8)}, {hdf5.Bitfield, 8, int(Uint8)}, {hdf5.Int, 8, int(Int8)}} {
		if t.Kind != n.kind {
			continue
		}
		for k := Number(n.number); k <= Int64; k += 2 {
			if k.Size() >= t.Size {
				return k
			}
		}
	}
	switch {
	case t.Kind != hdf5.Float:
		return 0
	case t.Size <= 4:
		return Float32
	}
	return Float64
}

func (a dataset) Read(ctx context.Context, dst any, start, count []uint64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b, err := blockOf(dst)
	if err != nil {
		return fmt.Errorf("%s %w", a.Name(), err)
	}
	return b.read(a.d, start, count)
}

// joined is an array [lines, points, …] as [lines·points, …].
type joined struct{ Array }

func (a joined) Shape() []uint64 {
	s := a.Array.Shape()
	return append([]uint64{s[0] * s[1]}, s[2:]...)
}

func (a joined) Read(ctx context.Context, dst any, start, count []uint64) error {
	points := a.Array.Shape()[1]
	values := reflect.ValueOf(dst)
	per := uint64(1)
	for _, c := range count[1:] {
		per *= c
	}
	for done := uint64(0); done < count[0]; {
		line, point := (start[0]+done)/points, (start[0]+done)%points
		lines, n := uint64(1), min(points-point, count[0]-done)
		if point == 0 && count[0]-done >= points {
			lines, n = (count[0]-done)/points, points
		}
		to := values.Slice(int(done*per), int((done+lines*n)*per)).Interface()
		if err := a.Array.Read(ctx, to, append([]uint64{line, point}, start[1:]...), append([]uint64{lines, n}, count[1:]...)); err != nil {
			return err
		}
		done += lines * n
	}
	return nil
}

// readAll fills dst with all numbers of an array.
func readAll(a Array, dst any) error {
	return a.Read(context.Background(), dst, make([]uint64, len(a.Shape())), a.Shape())
}
