package acquisition

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/hdf5"
)

// A block is memory for numbers of an array: a slice of one of the types that Array.Read takes.
type block interface {
	decode(raw []byte, s stored) error                 // fills the block with the values of raw
	read(d *hdf5.Dataset, start, count []uint64) error // fills the block with a part of a dataset
	transpose(h, w int)                                // makes images [h, w] of images [w, h], one after another
}

// realType lists the types of real numbers.
type realType interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64
}

type (
	reals[T realType] []T
	complexes         []complex128
)

// blockOf returns dst as a block. The error completes a sentence that begins with the name of the array.
func blockOf(dst any) (block, error) {
	switch v := dst.(type) {
	case []uint8:
		return reals[uint8](v), nil
	case []int8:
		return reals[int8](v), nil
	case []uint16:
		return reals[uint16](v), nil
	case []int16:
		return reals[int16](v), nil
	case []uint32:
		return reals[uint32](v), nil
	case []int32:
		return reals[int32](v), nil
	case []uint64:
		return reals[uint64](v), nil
	case []int64:
		return reals[int64](v), nil
	case []float32:
		return reals[float32](v), nil
	case []float64:
		return reals[float64](v), nil
	case []complex128:
		return complexes(v), nil
	}
	return nil, fmt.Errorf("cannot be read as %T", dst)
}

func (v reals[T]) decode(raw []byte, s stored) error { return decode(v, raw, s) }

func (v reals[T]) read(d *hdf5.Dataset, start, count []uint64) error {
	return hdf5.Read(d, v, start, count)
}

func (v reals[T]) transpose(h, w int) { transpose(v, h, w) }

func (v complexes) decode(raw []byte, s stored) error { return s.complexes(v, raw) }

func (v complexes) read(d *hdf5.Dataset, start, count []uint64) error {
	return hdf5.ReadComplex(d, v, start, count)
}

func (v complexes) transpose(h, w int) { transpose(v, h, w) }
