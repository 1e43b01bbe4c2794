package hdf5

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// A Number is a type that values can be read as.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// A ValueError says that a value cannot be represented in the type that was asked for.
type ValueError struct {
	File, Path string
	Msg        string
}

func (e *ValueError) Error() string { return fmt.Sprintf("%s: %s: %s", e.File, e.Path, e.Msg) }

// Read copies the block of count elements from start, in each dimension, to dst, row-major. The dataset may hold integers,
// enumerations, booleans or floats of any size and byte order. Integers that T cannot hold are an error, and so is a fraction or a
// number that is not finite where T is an integer; floats are rounded to T. After an error, dst holds some of the values. A dataset
// whose values are stored as T is read into dst without a copy.
func Read[T Number](d *Dataset, dst []T, start, count []uint64) error {
	if err := d.fits(start, count, len(dst), false); err != nil {
		return err
	}
	if raw, ok := asStored(dst, elemOf(d.typ)); ok {
		return d.readRaw(raw, start, count)
	}
	return d.convertBlock(len(dst), start, count, func(raw []byte, from, n int) error {
		return convert(dst[from:from+n], raw, elemOf(d.typ), d.f.name, d.path, from)
	})
}

// ReadAll returns all elements of a dataset, row-major.
func ReadAll[T Number](d *Dataset) ([]T, error) {
	start, count, err := d.all()
	if err != nil {
		return nil, err
	}
	dst := make([]T, d.Len()*uint64(perElement(d.typ)))
	return dst, Read(d, dst, start, count)
}

// ReadComplex is Read for complex numbers; real ones are taken with the imaginary part 0.
func ReadComplex(d *Dataset, dst []complex128, start, count []uint64) error {
	if err := d.fits(start, count, len(dst), true); err != nil {
		return err
	}
	raw, _, err := d.rawBlock(start, count)
	if err != nil {
		return err
	}
	t, parts := elemOf(d.typ), 1
	if t.Kind == Complex {
		t, parts = t.Elem, 2
	}
	values := make([]float64, parts*len(dst))
	if err := convert(values, raw, t, d.f.name, d.path, 0); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = complex(values[parts*i], 0)
		if parts == 2 {
			dst[i] = complex(values[2*i], values[2*i+1])
		}
	}
	return nil
}

// maxAll bounds the bytes of ReadAll.
const maxAll = 256 << 20

// all returns the block that is the whole dataset.
func (d *Dataset) all() (start, count []uint64, err error) {
	if n, ok := product(d.space.dims, uint64(max(d.typ.Size, 8*perElement(d.typ)))); !ok || n > maxAll {
		return nil, nil, fmt.Errorf("%s: %s has %d elements, which is too large to read at once", d.f.name, d.path, d.space.dims)
	}
	return make([]uint64, len(d.space.dims)), d.space.dims, nil
}

// rawBlock reads a block as stored, and returns how many values of elemOf(d.typ) an element has.
func (d *Dataset) rawBlock(start, count []uint64) (raw []byte, per int, err error) {
	n, err := d.checkBlock(start, count)
	if err != nil {
		return nil, 0, err
	}
	raw = make([]byte, n*uint64(d.typ.Size))
	return raw, perElement(d.typ), d.readRaw(raw, start, count)
}

// elemOf returns the type below arrays.
func elemOf(t *Type) *Type {
	for t.Kind == Array {
		t = t.Elem
	}
	return t
}

// perElement returns the number of values of elemOf(t) in one element.
func perElement(t *Type) int {
	if e := elemOf(t); e.Size > 0 {
		return t.Size / e.Size
	}
	return 0
}

// fits checks the type and the size of a block before memory is allocated for it.
func (d *Dataset) fits(start, count []uint64, want int, complexes bool) error {
	n, err := d.checkBlock(start, count)
	if err != nil {
		return err
	}
	t := elemOf(d.typ)
	if complexes && t.Kind == Complex {
		t = t.Elem
	}
	if err := convert([]float64{}, nil, t, d.f.name, d.path, 0); err != nil {
		return err
	}
	if per := uint64(perElement(d.typ)); n > uint64(want) || n*per != uint64(want) {
		return fmt.Errorf("%s: %s: a block of %d×%d elements was asked for in %d", d.f.name, d.path, n, per, want)
	}
	return nil
}

// convert decodes the numbers of raw, the first of which is number from of a block.
func convert[T Number](dst []T, raw []byte, t *Type, file, path string, from int) error {
	if t.odd != "" {
		return &UnsupportedError{file, t.odd + " in " + path}
	}
	kind := t.Kind
	if kind == Enum || kind == Bool {
		kind = t.Elem.Kind
	}
	var bad int
	var order binary.ByteOrder = binary.LittleEndian
	if t.BigEndian {
		order = binary.BigEndian
	}
	switch {
	case (kind == Uint || kind == Bitfield) && t.Size <= 8:
		bad = fromUint(dst, raw, t.Size, order)
	case kind == Int && t.Size <= 8:
		bad = fromInt(dst, raw, t.Size, order)
	case kind == Float:
		bad = fromFloat(dst, raw, t.Size, order)
	default:
		return &ValueError{file, path, fmt.Sprintf("holds values of type %s, not real numbers", t)}
	}
	if bad >= 0 {
		v := raw[bad*t.Size : (bad+1)*t.Size]
		var text string
		if kind == Float {
			text = fmt.Sprint(floatAt(v, order))
		} else if n := integerAt(v, &Type{Kind: kind, Size: t.Size, BigEndian: t.BigEndian}); kind == Int {
			text = fmt.Sprint(n)
		} else {
			text = fmt.Sprint(uint64(n))
		}
		var zero T
		return &ValueError{file, path, fmt.Sprintf("value %s at element %d of the block does not fit %T", text, from+bad, zero)}
	}
	return nil
}

// fromUint converts unsigned integers; it returns the first element that T cannot hold, or -1.
func fromUint[T Number](dst []T, raw []byte, size int, order binary.ByteOrder) int {
	for i := range dst {
		var v uint64
		switch size {
		case 1:
			v = uint64(raw[i])
		case 2:
			v = uint64(order.Uint16(raw[2*i:]))
		case 4:
			v = uint64(order.Uint32(raw[4*i:]))
		default:
			v = order.Uint64(raw[8*i:])
		}
		x := T(v)
		dst[i] = x
		if !float[T]() && (uint64(x) != v || x < 0) {
			return i
		}
	}
	return -1
}

func fromInt[T Number](dst []T, raw []byte, size int, order binary.ByteOrder) int {
	for i := range dst {
		var v int64
		switch size {
		case 1:
			v = int64(int8(raw[i]))
		case 2:
			v = int64(int16(order.Uint16(raw[2*i:])))
		case 4:
			v = int64(int32(order.Uint32(raw[4*i:])))
		default:
			v = int64(order.Uint64(raw[8*i:]))
		}
		x := T(v)
		dst[i] = x
		if !float[T]() && (int64(x) != v || (x < 0) != (v < 0)) {
			return i
		}
	}
	return -1
}

func fromFloat[T Number](dst []T, raw []byte, size int, order binary.ByteOrder) int {
	for i := range dst {
		v := floatAt(raw[i*size:(i+1)*size], order)
		if !float[T]() {
			if v != math.Trunc(v) || v < -1<<63 || v >= 1<<64 || v >= 1<<63 && uint64(T(uint64(v))) != uint64(v) || v < 1<<63 && (int64(T(int64(v))) != int64(v) || (T(int64(v)) < 0) != (v < 0)) {
				return i
			}
			if v >= 1<<63 {
				dst[i] = T(uint64(v))
			} else {
				dst[i] = T(int64(v))
			}
			continue
		}
		dst[i] = T(v)
	}
	return -1
}

// float reports whether T is a floating-point type.
func float[T Number]() bool {
	half := 0.5
	return T(half) != 0
}

func floatAt(b []byte, order binary.ByteOrder) float64 {
	switch len(b) {
	case 2:
		return half(order.Uint16(b))
	case 4:
		return float64(math.Float32frombits(order.Uint32(b)))
	}
	return math.Float64frombits(order.Uint64(b))
}

// half decodes a float of 16 bits.
func half(v uint16) float64 {
	sign := 1.0
	if v>>15 != 0 {
		sign = -1
	}
	exponent, mantissa := int(v>>10&31), float64(v&1023)
	switch exponent {
	case 0:
		return sign * math.Ldexp(mantissa, -24)
	case 31:
		if mantissa != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+mantissa, exponent-25)
}

// Strings returns all elements of a dataset of strings.
func (d *Dataset) Strings() ([]string, error) {
	start, count, err := d.all()
	if err != nil {
		return nil, err
	}
	raw, _, err := d.rawBlock(start, count)
	if err != nil {
		return nil, err
	}
	return d.f.strings(raw, d.typ, d.path)
}

// strings decodes fixed or variable-length strings.
func (f *File) strings(raw []byte, t *Type, path string) ([]string, error) {
	t = elemOf(t)
	if t.Kind != String && t.Kind != VarString {
		return nil, &ValueError{f.name, path, fmt.Sprintf("holds values of type %s, not strings", t)}
	}
	var out []string
	for ; len(raw) >= t.Size; raw = raw[t.Size:] {
		b := raw[:t.Size]
		if t.Kind == VarString {
			var err error
			if b, err = f.variable(b); err != nil {
				return nil, err
			}
		}
		s, _, _ := strings.Cut(string(b), "\x00")
		if t.space {
			s = strings.TrimRight(s, " ")
		}
		out = append(out, s)
	}
	return out, nil
}
