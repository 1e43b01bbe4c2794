package acquisition

import (
	"encoding/binary"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
)

// placed is implemented by arrays whose numbers may lie in a file one after the other, in a type that a backend reads.
type placed interface {
	// place says where; ok is false where they do not.
	place() (p scan.Place, ok bool)
}

// storedTypes are the types of counts that a backend reads.
var storedTypes = map[Number]tensor.DType{Uint8: tensor.Uint8, Uint16: tensor.Uint16, Float32: tensor.Float32}

func (a dataset) place() (scan.Place, bool) {
	t := a.d.Type()
	at, ok := a.d.Offset()
	dtype := storedTypes[a.Type()]
	return scan.Place{File: a.d.File(), Offset: at, DType: dtype}, ok && t.Kind != hdf5.Enum && t.Kind != hdf5.Bool && dtype.Size() == t.Size && !(t.BigEndian && t.Size > 1)
}

func (a joined) place() (scan.Place, bool) { return placeOf(a.Array) }

func (a rawArray) place() (scan.Place, bool) {
	dtype := storedTypes[a.as.number()]
	little := a.as.size == 1 || a.as.order == binary.ByteOrder(binary.LittleEndian)
	return scan.Place{File: a.file, Offset: a.offset, DType: dtype}, a.offset > 0 && a.gap == 0 && !a.transposed && little && dtype.Size() == a.as.size
}

func placeOf(a Array) (scan.Place, bool) {
	if p, ok := a.(placed); ok {
		return p.place()
	}
	return scan.Place{}, false
}

// place says where the file has the patterns with the given numbers as they are used; nil where it does not.
func (a *Acquisition) place(rows []int) *scan.Place {
	p := a.partOf(rows[0])
	last := len(rows) - 1
	if a.amplitudes || a.plan.Corrects() || a.plan.Moves() || a.plan.N != a.Height || a.plan.N != a.Width ||
		!scan.Consecutive(rows) || rows[last] >= p.first+p.n {
		return nil
	}
	at, ok := placeOf(p.Array)
	if !ok {
		return nil
	}
	at.Offset += int64(rows[0]-p.first) * int64(a.Height*a.Width*at.DType.Size())
	return &at
}
