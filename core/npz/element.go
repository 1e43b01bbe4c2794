package npz

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Element is the storage type of an array's values: numpy's typestr, such as "<f4".
type Element struct {
	kind byte // b bool, i signed, u unsigned, f float, c complex, S bytes, U UCS-4 text
	size int  // bytes
	big  bool // big-endian
}

// ParseElement reads a typestr. An error names the type.
func ParseElement(descr string) (Element, error) {
	rest := descr
	order := byte('|')
	if rest != "" && strings.IndexByte("<>|=", rest[0]) >= 0 {
		order, rest = rest[0], rest[1:]
	}
	if rest == "" {
		return Element{}, fmt.Errorf("element type %q is empty", descr)
	}
	kind := rest[0]
	if kind == 'O' {
		return Element{}, fmt.Errorf("it contains pickled Python objects, which can run code and are never loaded")
	}
	size, err := strconv.Atoi(rest[1:])
	if err != nil || size < 0 || size > 1<<26 || rest[1] == '+' || rest[1] == '0' && len(rest) > 2 {
		return Element{}, fmt.Errorf("element type %q is not supported", descr)
	}
	e := Element{kind: kind, size: size}
	ok := false
	switch kind {
	case 'b':
		ok = size == 1
	case 'i', 'u':
		ok = size == 1 || size == 2 || size == 4 || size == 8
	case 'f':
		ok = size == 2 || size == 4 || size == 8
	case 'c':
		ok = size == 8 || size == 16
	case 'S':
		return e, nil
	case 'U':
		e.size, ok = 4*size, true
	}
	if !ok {
		return Element{}, fmt.Errorf("element type %q is not supported", descr)
	}
	switch order {
	case '>':
		e.big = true
	case '=':
		e.big = nativeBig
	case '|':
		if size > 1 {
			return Element{}, fmt.Errorf("element type %q lacks its byte order", descr)
		}
	}
	return e, nil
}

var nativeBig = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// String returns the typestr in numpy's form.
func (e Element) String() string {
	order := "<"
	switch {
	case e.size == 1 || e.kind == 'S':
		order = "|"
	case e.big:
		order = ">"
	}
	size := e.size
	if e.kind == 'U' {
		size /= 4
	}
	return order + string(e.kind) + strconv.Itoa(size)
}

// Size returns the number of bytes of an element.
func (e Element) Size() int { return e.size }

// Numpy returns numpy's name of an integer type, such as uint16.
func (e Element) Numpy() string {
	if e.kind == 'b' {
		return "bool"
	}
	return map[byte]string{'i': "int", 'u': "uint"}[e.kind] + strconv.Itoa(8*e.size)
}

// Integral reports whether the elements are integers or booleans.
func (e Element) Integral() bool { return e.kind == 'i' || e.kind == 'u' || e.kind == 'b' }

func (e Element) order() binary.ByteOrder {
	if e.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Floats decodes len(dst) real values. Integers above 2^53 lose digits, but no count or coordinate is as large.
func (e Element) Floats(dst []float64, raw []byte) {
	if e.kind == 'f' && e.size == 4 && !e.big { // the most common type
		for i := range dst {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
		}
		return
	}
	if e.kind == 'u' && e.size == 2 && !e.big {
		for i := range dst {
			dst[i] = float64(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		return
	}
	for i := range dst {
		dst[i] = e.float(raw[e.size*i:])
	}
}

func (e Element) float(raw []byte) float64 {
	order := e.order()
	if e.kind == 'f' {
		switch e.size {
		case 2:
			return Half(order.Uint16(raw))
		case 4:
			return float64(math.Float32frombits(order.Uint32(raw)))
		}
		return math.Float64frombits(order.Uint64(raw))
	}
	if e.kind == 'u' && e.size == 8 {
		return float64(order.Uint64(raw))
	}
	return float64(e.int(raw))
}

// int decodes an integer or boolean; u8 wraps.
func (e Element) int(raw []byte) int64 {
	order := e.order()
	switch {
	case e.kind == 'b':
		if raw[0] != 0 {
			return 1
		}
		return 0
	case e.kind == 'i' && e.size == 1:
		return int64(int8(raw[0]))
	case e.kind == 'i' && e.size == 2:
		return int64(int16(order.Uint16(raw)))
	case e.kind == 'i' && e.size == 4:
		return int64(int32(order.Uint32(raw)))
	case e.size == 1:
		return int64(raw[0])
	case e.size == 2:
		return int64(order.Uint16(raw))
	case e.size == 4:
		return int64(order.Uint32(raw))
	}
	return int64(order.Uint64(raw))
}

// complex decodes any number.
func (e Element) complex(raw []byte) complex128 {
	if e.kind != 'c' {
		return complex(e.float(raw), 0)
	}
	part := Element{kind: 'f', size: e.size / 2, big: e.big}
	return complex(part.float(raw), part.float(raw[part.size:]))
}

// Half decodes IEEE 754 binary16.
func Half(bits uint16) float64 {
	fraction, exponent := float64(bits&0x3ff), int(bits>>10&0x1f)
	v := 0.0
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	default:
		v = math.Ldexp(fraction+1024, exponent-25)
	}
	if bits&0x8000 != 0 {
		return -v
	}
	return v
}

// elementOf returns the machine's storage type of a tensor's values.
func elementOf(d tensor.DType) Element {
	kinds := map[tensor.DType]byte{tensor.Float32: 'f', tensor.Float64: 'f', tensor.Complex64: 'c', tensor.Complex128: 'c',
		tensor.Int32: 'i', tensor.Int64: 'i', tensor.Uint8: 'u', tensor.Uint16: 'u'}
	return Element{kind: kinds[d], size: d.Size(), big: nativeBig && d.Size() > 1}
}

// dtype returns the tensor type that stores e exactly, Invalid if there is none.
func (e Element) dtype() tensor.DType {
	for _, d := range []tensor.DType{tensor.Float32, tensor.Float64, tensor.Complex64, tensor.Complex128,
		tensor.Int32, tensor.Int64, tensor.Uint8, tensor.Uint16} {
		if o := elementOf(d); o.kind == e.kind && o.size == e.size {
			return d
		}
	}
	return tensor.Invalid
}
