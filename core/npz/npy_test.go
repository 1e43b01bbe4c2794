package npz

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npy"

	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
)

func TestHeader_Forms(t *testing.T) {
	for _, c := range []struct {
		text    string
		descr   string
		fortran bool
		shape   []int
	}{
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   \n", "<f4", false, []int{3, 4}},
		{`{"shape":(5L,),"fortran_order":True,"descr":"|u1"}`, "|u1", true, []int{5}},
		{"{'descr': '>c16', 'fortran_order': False, 'shape': (), }", ">c16", false, []int{}},
		{"{'descr': '<U12', 'fortran_order': False, 'shape': (2,0,3)}", "<U12", false, []int{2, 0, 3}},
		{"{'descr': '=i4', 'fortran_order': False, 'shape': (1,)}", "=i4", false, []int{1}},
	} {
		h, err := parseHeader(c.text)
		if err != nil || h.refused != nil || h.descr != c.descr || h.fortran != c.fortran || !slices.Equal(h.shape, c.shape) {
			t.Errorf("%s: got %+v, %v", c.text, h, err)
		}
	}
}

func TestHeader_Rejects(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "want '{'"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)", "want '}'"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)} + x", "want the end"},
		{"{'descr': '<f4', 'fortran_order': False}", `"shape" is missing`},
		{"{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}", "True or False"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", "comma"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", "extents"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "extents"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000, 1000000)}", "the memory of any machine"},
		{"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000,)}", "the memory of any machine"},
		{"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", "twice"},
		{"{'descr': '<f4', 'extra': True, 'fortran_order': False, 'shape': (3,)}", "unknown key"},
		{"{'descr': '<f\\x34', 'fortran_order': False, 'shape': (3,)}", "without escapes"},
		{"{'descr': [('a', '<f4'", "end of a list"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (" + strings.Repeat("1,", 40) + ")}", "extents"},
	} {
		if h, err := parseHeader(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %+v, %v, want %q", c.text, h, err, c.want)
		}
	}
	for _, c := range []struct{ descr, want string }{
		{"|O", "pickled"}, {"O", "pickled"}, {"<f16", "not supported"}, {"<m8", "not supported"}, {"<x4", "not supported"},
		{"<f", "not supported"}, {"", "empty"}, {"<", "empty"}, {"<f+4", "not supported"}, {"<f04", "not supported"},
		{"|f4", "byte order"}, {"f4", "byte order"}, {"<i3", "not supported"}, {"<b2", "not supported"}, {"<U999999999", "not supported"},
	} {
		if e, err := ParseElement(c.descr); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, %v, want %q", c.descr, e, err, c.want)
		}
	}
	h, err := parseHeader("{'descr': [('a', '<f4'), ('b', '<i4', (2,))], 'fortran_order': False, 'shape': (3,)}")
	if err != nil || h.refused == nil || !strings.Contains(h.refused.Error(), "records") {
		t.Errorf("records: got %+v, %v", h, err)
	}
}

// Every element type, in both byte orders, must give the values that were stored.
func TestElement_BothByteOrders(t *testing.T) {
	for _, c := range []struct {
		values any
		want   []float64
	}{
		{[]float32{0, -1.5, 3e38, float32(math.Inf(1))}, []float64{0, -1.5, float64(float32(3e38)), math.Inf(1)}},
		{[]float64{0, -1.5, 1e300}, []float64{0, -1.5, 1e300}},
		{[]uint8{0, 1, 255}, []float64{0, 1, 255}},
		{[]uint16{0, 256, 65535}, []float64{0, 256, 65535}},
		{[]uint32{0, 1 << 31, math.MaxUint32}, []float64{0, 1 << 31, math.MaxUint32}},
		{[]uint64{0, 1 << 63}, []float64{0, 1 << 63}},
		{[]int8{0, -128, 127}, []float64{0, -128, 127}},
		{[]int16{0, -32768, 32767}, []float64{0, -32768, 32767}},
		{[]int32{0, math.MinInt32, 7}, []float64{0, math.MinInt32, 7}},
		{[]int64{0, -1, 1 << 40}, []float64{0, -1, 1 << 40}},
		{[]bool{true, false}, []float64{1, 0}},
	} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			var b bytes.Buffer
			binary.Write(&b, order, c.values)
			descr := fixture.Typestr(c.values)
			if order == binary.BigEndian {
				descr = strings.Replace(descr, "<", ">", 1)
			}
			path := file(t, "a.npy", rawArray{Descr: descr, Shape: []int{len(c.want)}, Payload: b.Bytes()}.NPY())
			a, f, err := openNPY(path)
			if err != nil {
				t.Fatalf("%s: %v", descr, err)
			}
			got, err := a.float64s()
			f.Close()
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: got %v, %v, want %v", descr, got, err, c.want)
			}
		}
	}
	for _, descr := range []string{"<c8", ">c8"} {
		order := map[string]binary.ByteOrder{"<c8": binary.LittleEndian, ">c8": binary.BigEndian}[descr]
		var b bytes.Buffer
		binary.Write(&b, order, []complex64{1 - 2i, 3i})
		got, err := readNPY(file(t, "c.npy", rawArray{Descr: descr, Shape: []int{2}, Payload: b.Bytes()}.NPY()))
		if v, _ := tensor.Data[complex64](got); err != nil || !slices.Equal(v, []complex64{1 - 2i, 3i}) {
			t.Errorf("%s: got %v, %v", descr, v, err)
		}
	}
}

func TestElement_HalfPrecision(t *testing.T) {
	for bits, want := range map[uint16]float64{0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0001: 0x1p-24, 0x0400: 0x1p-14,
		0x03ff: 1023 * 0x1p-24, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1), 0x3555: 0.333251953125} {
		if got := Half(bits); got != want {
			t.Errorf("%#x: got %v, want %v", bits, got, want)
		}
	}
	if !math.IsNaN(Half(0x7e00)) {
		t.Error("0x7e00 is not NaN")
	}
}

func TestNPY_ColumnMajorTransposed(t *testing.T) {
	// values[i][j][k] = 100i + 10j + k, stored with i running fastest
	var stored []float32
	for k := range 4 {
		for j := range 3 {
			for i := range 2 {
				stored = append(stored, float32(100*i+10*j+k))
			}
		}
	}
	a := raw("", stored, 2, 3, 4)
	a.Fortran = true
	got, err := readNPY(file(t, "f.npy", a.NPY()))
	if err != nil {
		t.Fatal(err)
	}
	v, _ := tensor.Data[float32](got)
	at := 0
	for i := range 2 {
		for j := range 3 {
			for k := range 4 {
				if v[at] != float32(100*i+10*j+k) {
					t.Fatalf("value %d is %v, want %d", at, v[at], 100*i+10*j+k)
				}
				at++
			}
		}
	}
}

func TestEncodeNPY_ReadByOthers(t *testing.T) {
	want := []float32{1, 2, 3, 4, 5, 6}
	var file bytes.Buffer
	offset, err := EncodeNPY(&file, tensor.Must(want, 1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	content := file.Bytes()
	if offset%64 != 0 || int64(len(content)) != offset+24 || math.Float32frombits(binary.NativeEndian.Uint32(content[offset+20:])) != 6 {
		t.Errorf("the payload is not at the offset %d", offset)
	}
	var other []float32
	if err := npy.Read(bytes.NewReader(content), &other); err != nil || !slices.Equal(other, want) {
		t.Errorf("npyio reads %v, %v", other, err)
	}
	if _, err := EncodeNPY(&file, tensor.Tensor{}); err == nil {
		t.Error("an array of nothing was written")
	}
}

func TestNPY_RoundTrip(t *testing.T) {
	for _, want := range []tensor.Tensor{
		tensor.Must([]float32{1, -2}, 2), tensor.Must([]float64{1.5}), tensor.Must([]complex64{1i, 2}, 2, 1),
		tensor.Must([]complex128{1i}, 1), tensor.Must([]int32{-1}, 1), tensor.Must([]int64{math.MinInt64}, 1),
		tensor.Must([]uint8{255}, 1, 1), tensor.Must([]uint16{65535}, 1), tensor.Must([]float32{}, 0, 3),
	} {
		var content bytes.Buffer
		if _, err := EncodeNPY(&content, want); err != nil {
			t.Fatalf("%v: %v", want, err)
		}
		got, err := readNPY(file(t, "x.npy", content.Bytes()))
		if err != nil || got.String() != want.String() || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%v: got %v, %v", want, got, err)
		}
	}
}

func TestNPY_Rejects(t *testing.T) {
	whole := raw("", []float32{1, 2, 3}, 3).NPY()
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"cut payload": {whole[:len(whole)-1], "need"},
		"cut header":  {whole[:50], "npy header"},
		"cut magic":   {whole[:5], "npy header"},
		"longer":      {append(slices.Clone(whole), 0), "need"},
		"empty":       {nil, "is empty"},
		"not npy":     {[]byte("hello, world, this is text"), "is not an npy array"},
		"version":     {append([]byte("\x93NUMPY\x04\x00"), whole[8:]...), "version 4.0"},
		"huge header": {[]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), "header of 4294967295 bytes"},
		"huge shape":  {raw("", []float32{1}, 1<<30, 1<<10).NPY(), "need"},
		"object":      {rawArray{Descr: "|O", Shape: []int{1}, Payload: []byte("cos\nsystem\n.")}.NPY(), "pickled"},
	} {
		path := file(t, "x.npy", c.content)
		_, err := readNPY(path)
		wantError(t, name, err, path, c.want)
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(raw("", []float32{1, 2, 3}, 3).NPY())
	f.Add(raw("", []uint16{1, 2, 3, 4}, 2, 2).NPY())
	f.Add(rawArray{Descr: "<U3", Shape: []int{}, Payload: make([]byte, 12)}.NPY())
	f.Add(rawArray{Descr: "|S0", Shape: []int{9}}.NPY())
	f.Add(rawArray{Descr: ">c16", Fortran: true, Shape: []int{1, 2}, Payload: make([]byte, 32)}.NPY())
	f.Add([]byte("\x93NUMPY\x03\x00\x10\x00\x00\x00{'descr': [('a',"))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := newNPY("f.npy", bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		if v, err := a.tensor(); err == nil && v.Len() != a.header.count() {
			t.Fatalf("%v has %d values", a.header.shape, v.Len())
		}
		a.text()
		a.int64s()
	})
}

// readNPY reads the array of an npy file, with the types of Archive.Tensor.
func readNPY(path string) (tensor.Tensor, error) {
	a, f, err := openNPY(path)
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer f.Close()
	return a.tensor()
}
