package hdf5

import (
	"fmt"
	"strings"
)

// A Kind is a kind of datatype.
type Kind uint8

const (
	Int       Kind = iota + 1 // signed integer
	Uint                      // unsigned integer
	Float                     // IEEE 754
	Complex                   // two values of Elem: real and imaginary part
	Bool                      // an enumeration of FALSE and TRUE in one byte
	Enum                      // integers of Elem with names
	String                    // fixed length
	VarString                 // variable length
	Compound                  // Fields
	Array                     // Dims values of Elem
	Opaque                    // bytes without a meaning
	Reference                 // to another object
	VarLen                    // sequence of variable length
	Bitfield
	Time
)

var kindNames = [...]string{"", "int", "uint", "float", "complex", "bool", "enum", "string", "string", "compound", "array", "opaque", "reference", "sequence", "bits", "time"}

// A Type is the datatype of a dataset or attribute.
type Type struct {
	Kind      Kind
	Size      int // bytes of one element
	BigEndian bool
	Elem      *Type    // of Complex, Enum, Array, VarLen
	Fields    []Field  // of Compound
	Dims      []uint64 // of Array
	Names     []string // of Enum
	Values    []int64  // of Enum
	odd       string   // why numbers of this type are not converted, or ""
	space     bool     // the string is padded with spaces
}

// A Field is a member of a compound.
type Field struct {
	Name   string
	Offset int // bytes from the start of the element
	Type   *Type
}

// String returns a short name such as uint16, complex64 or compound{y float64, x float64}.
func (t *Type) String() string {
	order := ""
	if t.BigEndian {
		order = " big endian"
	}
	switch t.Kind {
	case Int, Uint, Float:
		return fmt.Sprintf("%s%d%s", kindNames[t.Kind], 8*t.Size, order)
	case Complex:
		return fmt.Sprintf("complex%d", 8*t.Size)
	case Enum:
		return "enum of " + t.Elem.String()
	case Array:
		return fmt.Sprintf("%v of %s", t.Dims, t.Elem)
	case VarLen:
		return "sequence of " + t.Elem.String()
	case Compound:
		var parts []string
		for _, f := range t.Fields {
			parts = append(parts, f.Name+" "+f.Type.String())
		}
		return "compound{" + strings.Join(parts, ", ") + "}"
	}
	return kindNames[t.Kind]
}

// maxTypeSize bounds the bytes of one element.
const maxTypeSize = 1 << 24

// maxTypeDepth bounds datatypes within datatypes.
const maxTypeDepth = 16

// datatype decodes a datatype message.
func (f *File) datatype(b []byte) (*Type, error) {
	d := &typeDecoder{cursor: cursor{f: f, b: b}}
	t, err := d.decode(0)
	if err == nil && d.bad {
		err = f.damaged("a datatype is cut off")
	}
	return t, err
}

type typeDecoder struct{ cursor }

func (d *typeDecoder) decode(depth int) (*Type, error) {
	if depth > maxTypeDepth {
		return nil, d.f.unsupported("a datatype nested more than %d times", maxTypeDepth)
	}
	first := d.u8()
	class, version := first&15, first>>4
	bits := uint32(d.uint(3))
	size := d.u32()
	if d.bad || size == 0 {
		return nil, d.f.damaged("a datatype of %d bytes", size)
	}
	if size > maxTypeSize {
		return nil, d.f.unsupported("a datatype of %d bytes", size)
	}
	t := &Type{Size: int(size)}
	var err error
	switch class {
	case 0, 4:
		d.integer(t, class, bits)
	case 1:
		d.float(t, bits)
	case 2:
		t.Kind = Time
		d.skip(2)
	case 3:
		t.Kind, t.space = String, bits&15 == 2
	case 5:
		t.Kind = Opaque
		d.skip((uint64(bits&0xff) + 7) / 8 * 8)
	case 6:
		err = d.compound(t, version, int(bits&0xffff), depth)
	case 7:
		t.Kind = Reference
	case 8:
		err = d.enum(t, version, int(bits&0xffff), depth)
	case 9:
		t.Kind = VarLen
		if bits&15 == 1 {
			t.Kind = VarString
		}
		t.Elem, err = d.decode(depth + 1)
		if want := 4 + d.f.offset + 4; err == nil && t.Size != want {
			err = d.f.damaged("a sequence of %d bytes in place of %d", t.Size, want)
		}
	case 10:
		err = d.array(t, version, depth)
	case 11:
		t.Kind = Complex
		if t.Elem, err = d.decode(depth + 1); err == nil && (t.Elem.Kind != Float || 2*t.Elem.Size != t.Size) {
			err = d.f.damaged("a complex number of %d bytes with parts of %d", t.Size, t.Elem.Size)
		}
		if err == nil {
			t.BigEndian, t.odd = t.Elem.BigEndian, t.Elem.odd
		}
	default:
		err = d.f.unsupported("datatype class %d", class)
	}
	return t, err
}

func (d *typeDecoder) integer(t *Type, class byte, bits uint32) {
	t.Kind, t.BigEndian = Uint, bits&1 != 0
	if class == 4 {
		t.Kind = Bitfield
	} else if bits&8 != 0 {
		t.Kind = Int
	}
	at, precision := d.u16(), d.u16()
	switch {
	case at != 0 || int(precision) != 8*t.Size:
		t.odd = fmt.Sprintf("integers of %d bits at bit %d of %d bytes", precision, at, t.Size)
	case t.Size != 1 && t.Size != 2 && t.Size != 4 && t.Size != 8:
		t.odd = fmt.Sprintf("integers of %d bytes", t.Size)
	}
}

func (d *typeDecoder) float(t *Type, bits uint32) {
	t.Kind, t.BigEndian = Float, bits&1 != 0
	at, precision := d.u16(), d.u16()
	exponentAt, exponentSize, mantissaAt, mantissaSize, bias := d.u8(), d.u8(), d.u8(), d.u8(), d.u32()
	type form struct {
		size                                 int
		precision                            uint16
		exponentAt, exponentSize, mantissaAt byte
		mantissaSize                         byte
		bias                                 uint32
	}
	got := form{t.Size, precision, exponentAt, exponentSize, mantissaAt, mantissaSize, bias}
	switch got {
	case form{2, 16, 10, 5, 0, 10, 15}, form{4, 32, 23, 8, 0, 23, 127}, form{8, 64, 52, 11, 0, 52, 1023}:
	default:
		t.odd = fmt.Sprintf("floats of %d bits with exponents of %d", precision, exponentSize)
	}
	if at != 0 || bits&0x40 != 0 {
		t.odd = "floats with an unusual order of bytes"
	}
}

func (d *typeDecoder) compound(t *Type, version byte, members, depth int) error {
	t.Kind = Compound
	for range members {
		var m Field
		if version < 3 {
			m.Name = d.paddedText()
		} else {
			m.Name = d.text()
		}
		var rank int
		var dims [4]uint64
		if version < 3 {
			m.Offset = int(d.u32())
		} else {
			m.Offset = int(d.uint(bytesFor(uint64(t.Size))))
		}
		if version == 1 {
			rank = int(d.u8())
			d.skip(3 + 4 + 4)
			for i := range dims {
				dims[i] = uint64(d.u32())
			}
		}
		if d.bad || rank > 4 {
			return d.f.damaged("a compound datatype is cut off")
		}
		var err error
		if m.Type, err = d.decode(depth + 1); err != nil {
			return err
		}
		if rank > 0 {
			m.Type = arrayOf(m.Type, dims[:rank])
		}
		if m.Type.Size > t.Size || m.Offset > t.Size-m.Type.Size {
			return d.f.damaged("field %q of a compound lies outside of its %d bytes", m.Name, t.Size)
		}
		t.Fields = append(t.Fields, m)
	}
	t.asComplex()
	return nil
}

// asComplex makes a complex number of a compound that is one by the names of its two fields: h5py writes r and i, MATLAB real and imag.
func (t *Type) asComplex() {
	if len(t.Fields) != 2 {
		return
	}
	re, im := t.Fields[0], t.Fields[1]
	if !(re.Name == "r" && im.Name == "i" || re.Name == "real" && im.Name == "imag") {
		return
	}
	if re.Type.Kind != Float || im.Type.Kind != Float || re.Type.Size != im.Type.Size || re.Type.BigEndian != im.Type.BigEndian ||
		re.Offset != 0 || im.Offset != re.Type.Size || t.Size != 2*re.Type.Size {
		return
	}
	t.Kind, t.Elem, t.BigEndian, t.odd = Complex, re.Type, re.Type.BigEndian, re.Type.odd
}

func arrayOf(elem *Type, dims []uint64) *Type {
	size := uint64(elem.Size)
	for _, d := range dims {
		if d != 0 && size > maxTypeSize/d {
			size = maxTypeSize + 1 // which no element has
			break
		}
		size *= d
	}
	return &Type{Kind: Array, Elem: elem, Dims: append([]uint64(nil), dims...), Size: int(size)}
}

func (d *typeDecoder) array(t *Type, version byte, depth int) error {
	rank := int(d.u8())
	if version < 3 {
		d.skip(3)
	}
	if rank == 0 || rank > 32 {
		return d.f.damaged("an array datatype of %d dimensions", rank)
	}
	dims := make([]uint64, rank)
	for i := range dims {
		dims[i] = uint64(d.u32())
	}
	if version < 3 {
		d.skip(uint64(4 * rank))
	}
	elem, err := d.decode(depth + 1)
	if err != nil {
		return err
	}
	size := t.Size
	*t = *arrayOf(elem, dims)
	if t.Size != size {
		return d.f.damaged("an array datatype of %d bytes in place of %d", size, t.Size)
	}
	return nil
}

func (d *typeDecoder) enum(t *Type, version byte, members, depth int) error {
	var err error
	t.Kind = Enum
	if t.Elem, err = d.decode(depth + 1); err != nil {
		return err
	}
	if t.Elem.Kind != Int && t.Elem.Kind != Uint || t.Elem.odd != "" || t.Elem.Size != t.Size {
		return d.f.unsupported("an enumeration of %s", t.Elem)
	}
	t.BigEndian = t.Elem.BigEndian
	for range members {
		if version < 3 {
			t.Names = append(t.Names, d.paddedText())
		} else {
			t.Names = append(t.Names, d.text())
		}
		if d.bad {
			return d.f.damaged("an enumeration is cut off")
		}
	}
	for range members {
		b := d.take(uint64(t.Size))
		if d.bad {
			return d.f.damaged("an enumeration is cut off")
		}
		t.Values = append(t.Values, integerAt(b, t.Elem))
	}
	if t.Size == 1 && len(t.Names) == 2 && t.Names[0] == "FALSE" && t.Names[1] == "TRUE" && t.Values[0] == 0 && t.Values[1] == 1 {
		t.Kind = Bool
	}
	return nil
}

// integerAt decodes one integer; values above the largest int64 wrap.
func integerAt(b []byte, t *Type) int64 {
	var v uint64
	for i := range t.Size {
		k := t.Size - 1 - i
		if t.BigEndian {
			k = i
		}
		v = v<<8 | uint64(b[k])
	}
	if shift := 64 - 8*t.Size; t.Kind == Int {
		return int64(v<<shift) >> shift
	}
	return int64(v)
}

// bytesFor returns the number of bytes that hold v.
func bytesFor(v uint64) int {
	n := 1
	for v >>= 8; v > 0; v >>= 8 {
		n++
	}
	return n
}
