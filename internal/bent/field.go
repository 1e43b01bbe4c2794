package bent

import (
	"math"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// The values that replace correct ones.
var (
	integers = []int64{0, -1, 1, 2, 3, 7, 255, 256, 1 << 20, 1 << 31, -(1 << 31), 1<<31 - 1, 1 << 32, 1 << 40, 1 << 62, math.MaxInt64, math.MinInt64}
	numbers  = []float64{0, math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300, -1e300, 1e-300, math.MaxFloat64, 1e30, 0.5}
	texts    = []string{"", "../../../etc/passwd", "/etc/passwd", strings.Repeat("A", 1<<20), "\x1b[2J\x1b]0;owned\a", "a\nb: panic: goroutine 1",
		"weights", "ema", "loss", "train", "\u202e", "%s%n", "\x00", strings.Repeat("\x1b[0m", 100), "panic: goroutine 1 [running]:"}
	patterns = [][]byte{{0, 0, 0xc0, 0x7f}, {0, 0, 0x80, 0x7f}, {0, 0, 0x80, 0xff}, {0xff, 0xff, 0x7f, 0x7f}, {0, 0, 0, 0}} // NaN, ±Inf, largest, 0 in float32
)

// deepest limits how deep a message is searched.
const deepest = 6

func (b *Bender) text() string { return texts[b.random.IntN(len(texts))] }

// bend changes one field somewhere in m and returns its path.
func (b *Bender) bend(m protoreflect.Message, depth int) string {
	fields := m.Descriptor().Fields()
	if fields.Len() == 0 {
		return ""
	}
	f := fields.Get(b.random.IntN(fields.Len()))
	if one := m.Descriptor().Oneofs(); one.Len() > 0 && b.random.Float64() < 0.8 { // prefer the part that is set
		if set := m.WhichOneof(one.Get(0)); set != nil {
			f = set
		}
	}
	path := "." + string(f.Name())
	if f.Kind() == protoreflect.MessageKind && !f.IsList() && !f.IsMap() {
		if m.Has(f) && depth < deepest && b.random.Float64() < 0.9 {
			return path + b.bend(m.Mutable(f).Message(), depth+1)
		}
		if m.Has(f) {
			m.Clear(f)
		} else {
			m.Mutable(f)
		}
		return path
	}
	switch {
	case f.IsMap():
		return path + b.bendMap(m.Mutable(f).Map(), f, depth)
	case f.IsList():
		return path + b.bendList(m.Mutable(f).List(), f, depth)
	}
	m.Set(f, b.value(f, m.Get(f)))
	return path
}

func (b *Bender) bendMap(m protoreflect.Map, f protoreflect.FieldDescriptor, depth int) string {
	var keys []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	least := 0 // the order of a map does not depend on the seed
	for i := range keys {
		if keys[i].String() < keys[least].String() {
			least = i
		}
	}
	switch n := b.random.IntN(4); {
	case len(keys) == 0 || n == 0:
		m.Set(protoreflect.ValueOfString(b.text()).MapKey(), m.NewValue())
	case n == 1:
		m.Clear(keys[least])
	case f.MapValue().Kind() == protoreflect.MessageKind:
		return b.bend(m.Mutable(keys[least]).Message(), depth+1)
	default:
		m.Set(keys[least], b.value(f.MapValue(), m.Get(keys[least])))
	}
	return ""
}

func (b *Bender) bendList(l protoreflect.List, f protoreflect.FieldDescriptor, depth int) string {
	if l.Len() > 0 && b.random.Float64() < 0.7 {
		i := b.random.IntN(l.Len())
		if f.Kind() == protoreflect.MessageKind {
			return b.bend(l.Get(i).Message(), depth+1)
		}
		l.Set(i, b.value(f, l.Get(i)))
		return ""
	}
	switch n := b.random.IntN(4); {
	case n == 0:
		l.Truncate(0)
	case n == 1 && l.Len() > 0:
		l.Truncate(l.Len() - 1)
	case n == 2 && l.Len() > 1: // swap two
		i, j := 0, 1+b.random.IntN(l.Len()-1)
		x, y := l.Get(i), l.Get(j)
		l.Set(i, y)
		l.Set(j, x)
	case f.Kind() == protoreflect.MessageKind:
		for range 1 + b.random.IntN(3) {
			l.AppendMutable()
		}
	default:
		for range 1 + b.random.IntN(2000) {
			l.Append(b.value(f, f.Default()))
		}
	}
	return ""
}

func (b *Bender) value(f protoreflect.FieldDescriptor, old protoreflect.Value) protoreflect.Value {
	n, x := integers[b.random.IntN(len(integers))], numbers[b.random.IntN(len(numbers))]
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(!old.Bool())
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(x))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(x)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(b.text())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(b.bytes(old.Bytes()))
	}
	return old
}

// bytes corrupts the data of an array, or a chunk of it.
func (b *Bender) bytes(old []byte) []byte {
	raw := append([]byte(nil), old...)
	switch n := b.random.IntN(8); {
	case n == 0:
		return nil
	case n == 1 && len(raw) > 1:
		return raw[:len(raw)/2]
	case n == 2:
		return append(raw, make([]byte, 1<<20)...)
	case n == 3:
		return append(raw, make([]byte, 20<<20)...) // above the limit of a message
	case n == 4 && len(raw) > 0:
		raw[b.random.IntN(len(raw))] ^= 0x80
	case len(raw) >= 4: // a number that is not finite, or the largest, somewhere
		p := patterns[b.random.IntN(len(patterns))]
		copy(raw[4*b.random.IntN(len(raw)/4):], p)
	}
	return raw
}
