package hdf5

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// asStored returns the memory of dst if values of type t are stored as T is in memory.
func asStored[T Number](dst []T, t *Type) (raw []byte, ok bool) {
	var zero T
	size := int(unsafe.Sizeof(zero))
	kind := t.Kind
	if kind == Bool || kind == Enum {
		kind = t.Elem.Kind
	}
	isFloat := float[T]()
	isSigned := !isFloat && zero-1 < zero
	want := Uint
	switch {
	case isFloat:
		want = Float
	case isSigned:
		want = Int
	}
	if kind == Bitfield {
		kind = Uint
	}
	if kind != want || t.Size != size || t.odd != "" || size > 1 && t.BigEndian != bigEndianMachine() {
		return nil, false
	}
	if len(dst) == 0 {
		return nil, true
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), len(dst)*size), true
}

// bigEndianMachine reports whether this machine stores the upper byte of a number first.
func bigEndianMachine() bool { return binary.NativeEndian.Uint16([]byte{0, 1}) == 1 }

// pieceBytes is about the memory for values before they are converted.
const pieceBytes = 4 << 20

// convertBlock reads a block of values as they are stored, in pieces of whole rows of chunks along the first dimension, and calls use
// with the values of each piece, the number of values before it, and its own.
func (d *Dataset) convertBlock(values int, start, count []uint64, use func(raw []byte, from, n int) error) error {
	if values == 0 {
		return nil
	}
	if len(count) == 0 || d.layout.class == virtual { // each read of a virtual dataset decodes its mappings
		raw, _, err := d.rawBlock(start, count)
		if err != nil {
			return err
		}
		return use(raw, 0, values)
	}
	per := values / int(count[0]) // values of a row
	row := uint64(per/perElement(d.typ)) * uint64(d.typ.Size)
	rows := max(1, pieceBytes/row)
	step := uint64(1)
	if d.layout.class == chunked {
		step = d.layout.chunk[0]
		rows = max(1, rows/step) * step
	}
	start, count = slices.Clone(start), slices.Clone(count)
	var raw []byte
	for end, from := start[0]+count[0], 0; start[0] < end; start[0] += count[0] {
		count[0] = min(end-start[0], rows-start[0]%step)
		raw = grow(raw, int(count[0]*row))
		if err := d.readRaw(raw, start, count); err != nil {
			return err
		}
		n := int(count[0]) * per
		if err := use(raw, from, n); err != nil {
			return err
		}
		from += n
	}
	return nil
}
