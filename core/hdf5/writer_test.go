package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// A memory is a file in memory.
type memory struct{ b []byte }

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	if need := int(at) + len(b); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[at:], b), nil
}

func (m *memory) open(t *testing.T) *File {
	t.Helper()
	f, err := NewFile("written.h5", bytes.NewReader(m.b), int64(len(m.b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// draw returns n values of type T.
func draw[T Value](r *rand.Rand, n int) []T {
	out := make([]T, n)
	for i := range out {
		v := r.IntN(200) - 100
		switch p := any(&out[i]).(type) {
		case *bool:
			*p = v > 0
		case *int8:
			*p = int8(v)
		case *int16:
			*p = int16(100 * v)
		case *int32:
			*p = int32(10000000 * v)
		case *int64:
			*p = int64(v) << 50
		case *uint8:
			*p = uint8(v + 100)
		case *uint16:
			*p = uint16(300 * (v + 100))
		case *uint32:
			*p = uint32(v+100) << 24
		case *uint64:
			*p = uint64(v+100) << 55
		case *float32:
			*p = float32(v) / 7
		case *float64:
			*p = float64(v) / 7
		case *complex64:
			*p = complex(float32(v)/3, float32(r.IntN(100)))
		case *complex128:
			*p = complex(float64(v)/3, float64(r.IntN(100)))
		}
	}
	return out
}

// A value is a dataset with what it must read as.
type value struct {
	path  string
	shape []uint64
	check func(d *Dataset) error
}

// writeRandom writes a dataset of a random shape and storage in pieces of random lengths.
func writeRandom[T Value](r *rand.Rand, g *GroupWriter, name string) value {
	shape := make([]uint64, 1+r.IntN(4))
	n := 1
	for i := range shape {
		shape[i] = uint64(r.IntN(9))
		if i == 0 && r.IntN(3) == 0 {
			shape[i] = uint64(r.IntN(500))
		}
		n *= int(shape[i])
	}
	values := draw[T](r, n)
	if r.IntN(3) == 0 {
		_ = g.Dataset(name, values, shape...)
	} else {
		s := Storage{Rows: uint64(r.IntN(12))}
		if s.Rows > 0 {
			s.Level = r.IntN(10)
		}
		d := Create[T](g, name, shape, s)
		for rest := values; len(rest) > 0; {
			k := min(len(rest), 1+r.IntN(n))
			if d.Write(rest[:k]) != nil {
				break
			}
			rest = rest[k:]
		}
		_ = d.SetAttribute("unit", "m")
	}
	return value{g.join(name), shape, func(d *Dataset) error { return equalTo(d, values) }}
}

func equalTo[T Value](d *Dataset, want []T) error {
	switch w := any(want).(type) {
	case []bool:
		got, err := ReadAll[uint8](d)
		if d.Type().Kind != Bool {
			return fmt.Errorf("type %s", d.Type())
		}
		for i := range w {
			if (got[i] == 1) != w[i] {
				return fmt.Errorf("value %d is %v", i, got[i])
			}
		}
		return err
	case []complex64:
		return equalComplex(d, len(w), func(i int) complex128 { return complex128(w[i]) })
	case []complex128:
		return equalComplex(d, len(w), func(i int) complex128 { return w[i] })
	case []int8:
		return equalNumbers(d, w)
	case []int16:
		return equalNumbers(d, w)
	case []int32:
		return equalNumbers(d, w)
	case []int64:
		return equalNumbers(d, w)
	case []uint8:
		return equalNumbers(d, w)
	case []uint16:
		return equalNumbers(d, w)
	case []uint32:
		return equalNumbers(d, w)
	case []uint64:
		return equalNumbers(d, w)
	case []float32:
		return equalNumbers(d, w)
	case []float64:
		return equalNumbers(d, w)
	}
	return fmt.Errorf("no comparison of %T", want)
}

func equalNumbers[T Number](d *Dataset, want []T) error {
	got, err := ReadAll[T](d)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("%v, want %v", got[:min(8, len(got))], want[:min(8, len(want))])
	}
	return err
}

func equalComplex(d *Dataset, n int, want func(int) complex128) error {
	got := make([]complex128, n)
	if err := ReadComplex(d, got, make([]uint64, len(d.Shape())), d.Shape()); err != nil {
		return err
	}
	for i := range got {
		if got[i] != want(i) {
			return fmt.Errorf("value %d is %v, want %v", i, got[i], want(i))
		}
	}
	return nil
}

// writers writes a random dataset, a function a type.
var writers = []func(*rand.Rand, *GroupWriter, string) value{
	writeRandom[bool], writeRandom[int8], writeRandom[int16], writeRandom[int32], writeRandom[int64], writeRandom[uint8], writeRandom[uint16],
	writeRandom[uint32], writeRandom[uint64], writeRandom[float32], writeRandom[float64], writeRandom[complex64], writeRandom[complex128],
}

// randomFile writes groups, attributes, links and datasets.
func randomFile(r *rand.Rand, w *Writer) []value {
	var all []value
	groups := []*GroupWriter{w.Root()}
	for i := range 1 + r.IntN(30) {
		g := groups[r.IntN(len(groups))]
		switch r.IntN(5) {
		case 0:
			groups = append(groups, g.Group(fmt.Sprintf("gruppe µ%d ☂", i)))
		case 1:
			name := fmt.Sprintf("text%d", i)
			texts := make([]string, r.IntN(40))
			for k := range texts {
				texts[k] = strings.Repeat("Ångström ", r.IntN(20))
			}
			_ = g.Dataset(name, texts)
			all = append(all, value{g.join(name), []uint64{uint64(len(texts))}, func(d *Dataset) error {
				got, err := d.Strings()
				if err == nil && !slices.Equal(got, texts) {
					err = fmt.Errorf("%q, want %q", got, texts)
				}
				return err
			}})
		default:
			all = append(all, writers[r.IntN(len(writers))](r, g, fmt.Sprintf("d%d", i)))
		}
	}
	return all
}

// TestWriter_IsReadBack reads files with random content.
func TestWriter_IsReadBack(t *testing.T) {
	fixture.Long(t)
	for seed := range uint64(300) {
		var m memory
		w := NewWriter(&m)
		all := randomFile(rand.New(rand.NewPCG(seed, 1)), w)
		if err := w.Close(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		f := m.open(t)
		for _, x := range all {
			d, err := f.Dataset(x.path)
			if err == nil {
				err = x.check(d)
			}
			if err != nil || !slices.Equal(d.Shape(), x.shape) {
				t.Fatalf("seed %d: %s: %v", seed, x.path, err)
			}
		}
	}
}

// TestWriter_ManyChunksAndLinks writes a tree of chunks of three levels, a group of many entries, and links.
func TestWriter_ManyChunksAndLinks(t *testing.T) {
	var m memory
	w := NewWriter(&m)
	d := Create[uint16](w.Root(), "rows", []uint64{5001, 3}, Storage{Rows: 1})
	want := draw[uint16](rand.New(rand.NewPCG(1, 2)), 3*5001)
	if err := d.Write(want); err != nil {
		t.Fatal(err)
	}
	g := w.Root().Group("many")
	for i := range 300 {
		_ = g.Dataset(fmt.Sprintf("entry %d", i), i)
	}
	_ = w.Root().Link("soft", "/many/entry 7")
	_ = g.SetAttribute("name", "Müller")
	_ = g.SetAttribute("empty", "")
	_ = g.SetAttribute("axes", []string{"y", "x", ""})
	_ = g.SetAttribute("size", []float64{0.5, 1e-9})
	_ = g.SetAttribute("none", []int64{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f := m.open(t)
	rows, err := f.Dataset("/rows")
	if err == nil {
		err = equalTo(rows, want)
	}
	if err != nil {
		t.Error(err)
	}
	soft, err := f.Dataset("/soft")
	if err == nil {
		err = equalNumbers(soft, []int64{7})
	}
	if err != nil {
		t.Error(err)
	}
	many, err := f.Group("/many")
	if err != nil {
		t.Fatal(err)
	}
	if links, err := many.Links(); err != nil || len(links) != 300 {
		t.Errorf("%d links, %v", len(links), err)
	}
	attributes, err := many.Attributes()
	if err != nil || len(attributes) != 5 {
		t.Fatalf("%d attributes, %v", len(attributes), err)
	}
	for i, want := range []string{`["Müller"]`, `[""]`, `["y" "x" ""]`} {
		if got, err := attributes[i].Strings(); err != nil || fmt.Sprintf("%q", got) != want {
			t.Errorf("attribute %s is %q, %v; want %s", attributes[i].Name, got, err, want)
		}
	}
	if got, err := attributes[3].Floats(); err != nil || !slices.Equal(got, []float64{0.5, 1e-9}) {
		t.Errorf("attribute size is %v, %v", got, err)
	}
}

// TestWriter_RefusesWhatItCannotWrite looks for a sentence that names the fault.
func TestWriter_RefusesWhatItCannotWrite(t *testing.T) {
	for _, c := range []struct {
		want string
		do   func(g *GroupWriter)
	}{
		{`"a/b" is not a valid name`, func(g *GroupWriter) { g.Group("a/b") }},
		{`"" is not a valid name`, func(g *GroupWriter) { _ = g.Dataset("", 1) }},
		{`".." is not a valid name`, func(g *GroupWriter) { _ = g.Link("..", "/a") }},
		{`"\xff" is not a valid name`, func(g *GroupWriter) { _ = g.Dataset("\xff", 1) }},
		{"/a is written twice", func(g *GroupWriter) { g.Group("a"); _ = g.Dataset("a", 1) }},
		{"the attribute a of / is written twice", func(g *GroupWriter) { _ = g.SetAttribute("a", 1); _ = g.SetAttribute("a", 1) }},
		{"an attribute holds at most", func(g *GroupWriter) { _ = g.SetAttribute("a", make([]float64, 1<<14)) }},
		{"is not UTF-8", func(g *GroupWriter) { _ = g.SetAttribute("a", "\xff") }},
		{"values of type map[string]int cannot be written", func(g *GroupWriter) { _ = g.SetAttribute("a", map[string]int{}) }},
		{"/a: 3 values do not have the shape [2 2]", func(g *GroupWriter) { _ = g.Dataset("a", []int8{1, 2, 3}, 2, 2) }},
		{"/a: fewer values were written than its shape [3] holds", func(g *GroupWriter) { _ = Create[int8](g, "a", []uint64{3}, Storage{}).Write([]int8{1, 2}) }},
		{"/a: more values than its shape [3] holds", func(g *GroupWriter) { _ = Create[int8](g, "a", []uint64{3}, Storage{}).Write(make([]int8, 4)) }},
		{"/a: other data was written before", func(g *GroupWriter) {
			d := Create[int8](g, "a", []uint64{3}, Storage{})
			_ = d.Write([]int8{1})
			_ = g.Dataset("b", 1.5)
			_ = d.Write([]int8{2, 3})
		}},
		{"a chunk holds at most", func(g *GroupWriter) { Create[float64](g, "a", []uint64{100, 1 << 20}, Storage{Rows: 100}) }},
		{"is not a shape that can be written", func(g *GroupWriter) { Create[float64](g, "a", []uint64{1 << 40, 1 << 40}, Storage{Rows: 1}) }},
		{"is not a shape that can be written", func(g *GroupWriter) { Create[float64](g, "a", nil, Storage{}) }},
		{"deflate of level 12", func(g *GroupWriter) { Create[float64](g, "a", []uint64{4}, Storage{Rows: 1, Level: 12}) }},
		{"deflate of level 1 in chunks of 0 rows", func(g *GroupWriter) { Create[float64](g, "a", []uint64{4}, Storage{Level: 1}) }},
	} {
		w := NewWriter(&memory{})
		c.do(w.Root())
		err := w.Close()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		if again := w.Root().Dataset("later", 1); again == nil || !errors.Is(again, err) {
			t.Errorf("after %v another call returned %v", err, again)
		}
	}
}

// A full disk accepts the first bytes only.
type fullDisk struct{ room int64 }

func (d *fullDisk) WriteAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > d.room {
		return 0, errors.New("no space left on device")
	}
	return len(b), nil
}

func TestWriter_ReportsAFullDisk(t *testing.T) {
	for _, room := range []int64{0, 40, 5000, 3 << 20} {
		w := NewWriter(&fullDisk{room})
		_ = w.Root().SetAttribute("title", "a text in the heap")
		d := Create[float64](w.Root(), "a", []uint64{1 << 20}, Storage{Rows: 1 << 16})
		_ = d.Write(make([]float64, 1<<20))
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), "no space") {
			t.Errorf("a disk of %d bytes: %v", room, err)
		}
	}
}
