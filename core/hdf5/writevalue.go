package hdf5

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// A Value is a type of values that can be written.
type Value interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | complex64 | complex128
}

// encoded are values as they are stored.
type encoded struct {
	typ  []byte // datatype message
	raw  []byte
	n    int
	list bool // a slice; else one value
}

// encode encodes a text, a number, a boolean, or a slice of them.
func (w *Writer) encode(value any) (encoded, error) {
	switch v := value.(type) {
	case string:
		return w.texts([]string{v}, false)
	case []string:
		return w.texts(v, true)
	case int:
		return one(int64(v)), nil
	case bool:
		return one(v), nil
	case int8:
		return one(v), nil
	case int16:
		return one(v), nil
	case int32:
		return one(v), nil
	case int64:
		return one(v), nil
	case uint8:
		return one(v), nil
	case uint16:
		return one(v), nil
	case uint32:
		return one(v), nil
	case uint64:
		return one(v), nil
	case float32:
		return one(v), nil
	case float64:
		return one(v), nil
	case complex64:
		return one(v), nil
	case complex128:
		return one(v), nil
	}
	return encodeSlice(value)
}

func encodeSlice(value any) (encoded, error) {
	switch v := value.(type) {
	case []bool:
		return many(v), nil
	case []int8:
		return many(v), nil
	case []int16:
		return many(v), nil
	case []int32:
		return many(v), nil
	case []int64:
		return many(v), nil
	case []uint8:
		return many(v), nil
	case []uint16:
		return many(v), nil
	case []uint32:
		return many(v), nil
	case []uint64:
		return many(v), nil
	case []float32:
		return many(v), nil
	case []float64:
		return many(v), nil
	case []complex64:
		return many(v), nil
	case []complex128:
		return many(v), nil
	}
	return encoded{}, fmt.Errorf("values of type %T cannot be written", value)
}

func one[T Value](v T) encoded {
	e := many([]T{v})
	e.list = false
	return e
}

func many[T Value](v []T) encoded {
	return encoded{typ: typeMessage[T](), raw: appendValues(make([]byte, 0, len(v)*sizeOf[T]()), v), n: len(v), list: true}
}

// sizeOf returns the bytes of one stored value.
func sizeOf[T Value]() int {
	var zero T
	return binary.Size(zero)
}

// appendValues appends values, little endian.
func appendValues[T Value](b []byte, values []T) []byte {
	le := binary.LittleEndian
	switch v := any(values).(type) {
	case []uint8:
		return append(b, v...)
	case []uint16:
		for _, x := range v {
			b = le.AppendUint16(b, x)
		}
	case []float32:
		for _, x := range v {
			b = le.AppendUint32(b, math.Float32bits(x))
		}
	case []complex64:
		for _, x := range v {
			b = le.AppendUint32(le.AppendUint32(b, math.Float32bits(real(x))), math.Float32bits(imag(x)))
		}
	case []complex128:
		for _, x := range v {
			b = le.AppendUint64(le.AppendUint64(b, math.Float64bits(real(x))), math.Float64bits(imag(x)))
		}
	default:
		b, _ = binary.Append(b, le, v) // all other types have a fixed size, so this cannot fail
	}
	return b
}

// typeMessage encodes the datatype of T.
func typeMessage[T Value]() []byte {
	var zero T
	size := sizeOf[T]()
	switch any(zero).(type) {
	case float32, float64:
		return floatType(size)
	case complex64, complex128:
		return complexType(size / 2)
	case bool:
		return boolType()
	case int8, int16, int32, int64:
		return integerType(size, 8)
	}
	return integerType(size, 0)
}

// dataType begins a datatype message of version 1.
func dataType(class byte, bits uint32, size int) []byte {
	b := []byte{1<<4 | class, byte(bits), byte(bits >> 8), byte(bits >> 16)}
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}

// integerType encodes little-endian integers; bits is 8 for signed ones.
func integerType(size int, bits uint32) []byte {
	le := binary.LittleEndian
	return le.AppendUint16(le.AppendUint16(dataType(0, bits, size), 0), uint16(8*size)) // offset, precision
}

// floatType encodes IEEE numbers of 4 or 8 bytes, little endian, with an implied leading bit of the mantissa.
func floatType(size int) []byte {
	le := binary.LittleEndian
	exponent, mantissa, bias := byte(8), byte(23), uint32(127)
	if size == 8 {
		exponent, mantissa, bias = 11, 52, 1023
	}
	b := dataType(1, 0x20|uint32(8*size-1)<<8, size) // mantissa normalised; position of the sign
	b = le.AppendUint16(le.AppendUint16(b, 0), uint16(8*size))
	return le.AppendUint32(append(b, mantissa, exponent, 0, mantissa), bias)
}

// complexType encodes a compound of the floats r and i, as h5py does; size is that of one part.
func complexType(size int) []byte {
	le := binary.LittleEndian
	b := dataType(6, 2, 2*size)
	for i, name := range []string{"r", "i"} {
		b = append(b, name...)
		b = append(b, make([]byte, 7)...) // a name takes a multiple of eight bytes
		b = le.AppendUint32(b, uint32(i*size))
		b = append(b, make([]byte, 1+3+4+4+4*4)...) // not an array
		b = append(b, floatType(size)...)
	}
	return b
}

// boolType encodes an enumeration of FALSE and TRUE in one byte, as h5py does.
func boolType() []byte {
	b := append(dataType(8, 2, 1), integerType(1, 8)...)
	return append(b, "FALSE\x00\x00\x00TRUE\x00\x00\x00\x00\x00\x01"...) // names of eight bytes, then the values
}

// textType encodes texts of variable length in UTF-8.
func textType() []byte {
	return append(dataType(9, 1|1<<8, 4+8+4), integerType(1, 0)...)
}

// texts puts texts into the heap and encodes where they are.
func (w *Writer) texts(all []string, list bool) (encoded, error) {
	le := binary.LittleEndian
	e := encoded{typ: textType(), n: len(all), list: list}
	for _, s := range all {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return e, fmt.Errorf("the text %.100q is not UTF-8, or contains a zero byte", s)
		}
		at, number := uint64(0), uint32(0)
		if s != "" {
			at, number = w.heap.add(w, s)
		}
		e.raw = le.AppendUint32(e.raw, uint32(len(s)))
		e.raw = le.AppendUint32(le.AppendUint64(e.raw, at), number)
	}
	return e, w.err
}

// A textHeap is a global heap, in which texts of variable length are stored. Its collections are reserved in the file, so that
// their addresses are known, and written when they are full.
type textHeap struct {
	at   uint64
	b    []byte // header and objects; nil: no collection is open
	next uint32
}

// Sizes of collections. The library reads the smallest at once.
const (
	heapSize   = 1 << 12
	heapHeader = 16
)

// add puts a text into the heap and returns the address of its collection and its number.
func (h *textHeap) add(w *Writer, s string) (uint64, uint32) {
	need := heapHeader + (len(s)+7)/8*8
	if h.b != nil && len(h.b)+need > heapSize {
		h.write(w)
	}
	if h.b == nil {
		size := max(heapSize, heapHeader+need)
		w.align()
		h.at, h.next = w.end(), 0
		h.b = make([]byte, heapHeader, size)
		w.append(make([]byte, size))
	}
	h.next++
	le := binary.LittleEndian
	h.b = le.AppendUint16(h.b, uint16(h.next))
	h.b = append(h.b, make([]byte, 2+4)...) // references, reserved
	h.b = le.AppendUint64(h.b, uint64(len(s)))
	h.b = append(h.b, s...)
	for len(h.b)%8 != 0 {
		h.b = append(h.b, 0)
	}
	return h.at, h.next
}

// write fills the reserved place of the collection.
func (h *textHeap) write(w *Writer) {
	if h.b == nil {
		return
	}
	size := cap(h.b)
	copy(h.b, "GCOL\x01")
	binary.LittleEndian.PutUint64(h.b[8:], uint64(size))
	if free := size - len(h.b); free >= heapHeader { // object 0 is the free space
		h.b = append(h.b, make([]byte, 8)...)
		h.b = binary.LittleEndian.AppendUint64(h.b, uint64(free))
	}
	b := h.b
	h.b = nil
	w.write()
	if w.err == nil {
		_, w.err = w.w.WriteAt(b, int64(h.at))
	}
}
