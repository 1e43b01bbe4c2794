package format

import (
	"fmt"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
)

// A Scan is a scan to be written. Its patterns come in order, some at a time, so that they need not fit in memory.
type Export struct {
	N          int
	Rows, Cols []float64 // [n] patch centres, object pixels
	Index      []int     // [n] row of each pattern in its file
	PixelSize  float64   // m, of the object
	Geometry   scan.Geometry
	Probe      []complex64 // [Modes, N, N]; nil if unknown
	Modes      int
	Stored     CountType
	// Each calls its argument with the counts of consecutive patterns until all were passed.
	Each func(func(counts []float32) error) error
	// After returns what is known only after Each: the mask [N, N], 1 for a valid pixel and 0 for a bad one, nil if all are valid; and
	// how the file came about.
	After func() ([]uint8, Provenance)
}

// CountType is the type in which counts are stored.
type CountType uint8

// The types.
const (
	countUint8 CountType = iota + 1
	countUint16
	countUint32
	countFloat32
)

// largest returns the largest counts that the type stores: the largest value of 16 and of 32 bits marks bad pixels.
func (t CountType) largest() float32 {
	switch t {
	case countUint8:
		return 1<<8 - 1
	case countUint16:
		return 1<<16 - 2
	case countUint32:
		return 1<<32 - 1<<8 // the largest float32 below 2³²
	}
	return 3e38
}

// CountTypeOf returns the smallest type that stores whole numbers up to most, or numbers that are not whole.
func CountTypeOf(whole bool, most float32) CountType {
	for _, t := range []CountType{countUint16, countUint32} {
		if whole && most <= t.largest() {
			return t
		}
	}
	return countFloat32
}

// CountTypeOfBits returns the type for integers of a size in bits, 0 for numbers that are not integers.
func CountTypeOfBits(bits int) CountType {
	switch bits {
	case 8:
		return countUint8
	case 16:
		return countUint16
	case 32:
		return countUint32
	}
	return countFloat32
}

// Sizes of chunks, and their compression: most counts are 0, so that the fastest level does.
const (
	chunkBytes   = 256 << 10
	deflateLevel = 1
)

// writePatterns writes the patterns [n, N, N] with attributes.
func (s *Export) writePatterns(g *hdf5.GroupWriter, name string, attributes ...any) error {
	switch s.Stored {
	case countUint8:
		return writeCounts[uint8](g, name, s, attributes)
	case countUint16:
		return writeCounts[uint16](g, name, s, attributes)
	case countUint32:
		return writeCounts[uint32](g, name, s, attributes)
	}
	return writeCounts[float32](g, name, s, attributes)
}

func writeCounts[T uint8 | uint16 | uint32 | float32](g *hdf5.GroupWriter, name string, s *Export, attributes []any) error {
	pixels := s.N * s.N
	rows := max(1, chunkBytes/(4*pixels))
	d := hdf5.Create[T](g, name, extent(len(s.Rows), s.N, s.N), hdf5.Storage{Rows: uint64(rows), Level: deflateLevel})
	for i := 0; i+1 < len(attributes); i += 2 {
		if err := d.SetAttribute(fmt.Sprint(attributes[i]), attributes[i+1]); err != nil {
			return err
		}
	}
	var values []T
	done := 0
	most := s.Stored.largest()
	return s.Each(func(counts []float32) error {
		if len(values) < len(counts) {
			values = make([]T, len(counts))
		}
		for i, k := range counts {
			if !(k >= 0 && k <= most) {
				return fmt.Errorf("pattern %d, pixel (%d, %d) (row, column) has %v counts, which the stored type does not hold", done+i/pixels, i%pixels/s.N, i%s.N, k)
			}
			values[i] = T(k)
		}
		done += len(counts) / pixels
		return d.Write(values[:len(counts)])
	})
}
