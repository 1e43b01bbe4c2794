package feed

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// The inputs of a program with groups of two patterns of 2×3 pixels (not square, so that a transpose shows).
var inputs = []program.Input{
	{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 2, 2, 3}}},
	{Name: program.Offsets, Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 2, 2}}},
	{Name: program.Probe, Type: program.Type{Kind: program.Complex, Shape: program.Shape{-1, 2, 1, 2, 3}}},
	{Name: program.Mask, Type: program.Type{Kind: program.Real, Shape: program.Shape{2, 3}}},
	{Name: "position", Type: program.Type{Kind: program.Index, Shape: program.Shape{-2}}},
}

func file(t testing.TB, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "array.bin")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func littleEndian(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dataset returns four patterns: counts p·10 + pixel, one of two probes, a mask, a table index.
func dataset(t testing.TB) backend.Dataset {
	counts := make([]uint16, 24)
	for i := range counts {
		counts[i] = uint16(i/6*10 + i%6)
	}
	probes := make([]complex128, 12)
	for i := range probes {
		probes[i] = complex(float64(i/6), float64(i%6))
	}
	return backend.Dataset{Patterns: 4, Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, File: &backend.FileRef{
			Path: file(t, append(make([]byte, 3), littleEndian(t, counts)...)), Offset: 3, // not aligned
			DType: tensor.Uint16, Shape: []int{4, 2, 3}}},
		{Input: program.Probe, Gather: backend.Indexed, Index: []int32{0, 1, 1, 0}, Value: tensor.Must(probes, 2, 1, 2, 3)},
		{Input: program.Mask, Gather: backend.Whole, Value: tensor.Must([]uint8{1, 0, 1, 1, 1, 0}, 2, 3)},
		{Input: "position", Gather: backend.PerPattern, Value: tensor.Must([]int64{40, 41, 42, 43}, 4)},
		{Input: "labels", Gather: backend.PerPattern, Value: tensor.Must([]int64{1}, 1)}, // no input reads it
	}}
}

func data[T tensor.Element](t testing.TB, x tensor.Tensor) []T {
	t.Helper()
	s, err := tensor.Data[T](x)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGather_FillsEveryInput(t *testing.T) {
	s, err := Open(dataset(t), inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Group() != 2 {
		t.Errorf("groups of %d, want 2", s.Group())
	}
	b := backend.Batch{Rows: []int32{2, 1, 3, 3}, Offsets: []float32{1, 2, 3, 4, 5, 6, 7, 8}}
	for _, precision := range []tensor.DType{tensor.Float32, tensor.Float64} {
		dst, err := s.Alloc(2, precision)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Gather(b, dst); err != nil {
			t.Fatal(err)
		}
		if precision == tensor.Float32 {
			if got, want := data[float32](t, dst[program.Counts])[4:14], []float32{24, 25, 10, 11, 12, 13, 14, 15, 30, 31}; !reflect.DeepEqual(got, want) {
				t.Errorf("counts %v, want %v", got, want)
			}
			if got := data[complex64](t, dst[program.Probe]); got[5] != 1+5i || got[17] != 5i || len(got) != 24 {
				t.Errorf("probes %v", got)
			}
			if got := data[float32](t, dst[program.Offsets]); !reflect.DeepEqual(got, b.Offsets) {
				t.Errorf("offsets %v", got)
			}
		} else {
			if got, want := data[float64](t, dst[program.Mask]), []float64{1, 0, 1, 1, 1, 0}; !reflect.DeepEqual(got, want) {
				t.Errorf("mask %v, want %v", got, want)
			}
			if got := data[complex128](t, dst[program.Probe]); got[5] != 1+5i {
				t.Errorf("probes %v", got)
			}
		}
		if got, want := data[int32](t, dst["position"]), []int32{42, 41, 43, 43}; !reflect.DeepEqual(got, want) {
			t.Errorf("positions %v, want %v", got, want)
		}
	}
}

func TestGather_BatchWinsOverDataset(t *testing.T) {
	s, err := Open(dataset(t), inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mask := tensor.Must([]float32{9, 9, 9, 9, 9, 9}, 2, 3)
	b := backend.Batch{Rows: []int32{0, 1}, Extra: map[string]tensor.Tensor{program.Mask: mask}}
	for range 2 { // the second from recycled buffers
		for item, err := range s.Feed(t.Context(), []backend.Batch{b, {Rows: b.Rows}}, Options{Inputs: []string{program.Mask}}) {
			if err != nil {
				t.Fatal(err)
			}
			if got, want := data[float32](t, item.Inputs[program.Mask])[0], []float32{9, 1}[item.Index]; got != want {
				t.Errorf("batch %d has mask %v, want %v", item.Index, got, want)
			}
		}
	}
}

func TestConvert_KeepsValues(t *testing.T) {
	in := []program.Input{{Name: "x", Type: program.Type{Kind: program.Complex, Shape: program.Shape{3}}}}
	for name, v := range map[string]tensor.Tensor{
		"uint8":      tensor.Must([]uint8{0, 7, 255}, 3),
		"uint16":     tensor.Must([]uint16{0, 7, 255}, 3),
		"int32":      tensor.Must([]int32{0, 7, 255}, 3),
		"int64":      tensor.Must([]int64{0, 7, 255}, 3),
		"float32":    tensor.Must([]float32{0, 7, 255}, 3),
		"float64":    tensor.Must([]float64{0, 7, 255}, 3),
		"complex64":  tensor.Must([]complex64{0, 7, 255}, 3),
		"complex128": tensor.Must([]complex128{0, 7, 255}, 3),
	} {
		for _, kind := range []program.Kind{program.Real, program.Complex, program.Index} {
			in[0].Type.Kind = kind
			s, err := Open(backend.Dataset{Patterns: 1, Arrays: []backend.Array{{Input: "x", Gather: backend.Whole, Value: v}}}, in)
			refused := kind == program.Real && v.DType().IsComplex() ||
				kind == program.Index && (v.DType().IsComplex() || strings.HasPrefix(name, "float"))
			if (err != nil) != refused {
				t.Errorf("%s as %s: %v", name, kind, err)
			}
			if err != nil {
				continue
			}
			for _, precision := range []tensor.DType{tensor.Float32, tensor.Float64} {
				dst, _ := s.Alloc(1, precision)
				if err := s.Gather(backend.Batch{Rows: []int32{0}}, dst); err != nil {
					t.Fatalf("%s as %s: %v", name, kind, err)
				}
				wide := tensor.Must(make([]complex128, 3), 3)
				if kind == program.Complex && precision == tensor.Float64 {
					wide = dst["x"]
				} else if err := convert(wide, 0, dst["x"]); err != nil {
					t.Fatal(err)
				}
				if got := data[complex128](t, wide); !reflect.DeepEqual(got, []complex128{0, 7, 255}) {
					t.Errorf("%s as %s %v: %v", name, kind, precision, got)
				}
			}
			s.Close()
		}
	}
}

func TestOpen_RejectsInvalidDatasets(t *testing.T) {
	ref := func(change func(*backend.FileRef)) func(*backend.Dataset) {
		return func(d *backend.Dataset) { change(d.Arrays[0].File) }
	}
	folder := t.TempDir()
	for name, c := range map[string]struct {
		change func(*backend.Dataset)
		kind   backend.Kind
		say    string
	}{
		"short file":       {ref(func(f *backend.FileRef) { f.Offset = 4 }), backend.Invalid, "51 bytes, too few"},
		"huge offset":      {ref(func(f *backend.FileRef) { f.Offset = math.MaxInt64 }), backend.Invalid, "too few"},
		"negative offset":  {ref(func(f *backend.FileRef) { f.Offset = -1 }), backend.Invalid, "offset -1"},
		"huge stride":      {ref(func(f *backend.FileRef) { f.Strides = []int64{math.MaxInt64, math.MinInt64, 2} }), backend.Invalid, "too few"},
		"stride backwards": {ref(func(f *backend.FileRef) { f.Strides = []int64{-12, 6, 2} }), backend.Invalid, "too few"},
		"strides missing":  {ref(func(f *backend.FileRef) { f.Strides = []int64{2} }), backend.Invalid, "strides [2]"},
		"huge shape":       {ref(func(f *backend.FileRef) { f.Shape = []int{1 << 40, 1 << 40} }), backend.Invalid, "too large"},
		"unknown type":     {ref(func(f *backend.FileRef) { f.DType = 99 }), backend.Invalid, "dtype(99)"},
		"missing file":     {ref(func(f *backend.FileRef) { f.Path += "x" }), backend.NotFound, "no such file"},
		"relative path":    {ref(func(f *backend.FileRef) { f.Path = "counts" }), backend.Invalid, "absolute"},
		"folder":           {ref(func(f *backend.FileRef) { f.Path = folder }), backend.Invalid, "not a regular file"},
		"rows":             {func(d *backend.Dataset) { d.Patterns = 5 }, backend.Invalid, "4 rows for 5 patterns"},
		"negative":         {func(d *backend.Dataset) { d.Patterns = -1 }, backend.Invalid, "-1 patterns"},
		"index length":     {func(d *backend.Dataset) { d.Arrays[1].Index = []int32{0} }, backend.Invalid, "1 entries for 4"},
		"index value":      {func(d *backend.Dataset) { d.Arrays[1].Index[2] = 2 }, backend.Invalid, "row 2 of 2"},
		"complex counts":   {func(d *backend.Dataset) { d.Arrays[1].Input = program.Counts; d.Arrays = d.Arrays[1:2] }, backend.Invalid, "real"},
		"row shape":        {func(d *backend.Dataset) { d.Arrays[0].File.Shape = []int{4, 3, 2} }, backend.Invalid, "[3 2]"},
		"group":            {func(d *backend.Dataset) { d.Arrays[0].File.Shape = []int{4, 3} }, backend.Invalid, "patterns in a group"},
		"whole per group":  {func(d *backend.Dataset) { d.Arrays[0].Gather = backend.Whole }, backend.Invalid, "for all batches"},
		"gathering":        {func(d *backend.Dataset) { d.Arrays[0].Gather = 9 }, backend.Invalid, "gathering 9"},
		"nothing":          {func(d *backend.Dataset) { d.Arrays[0].File = nil }, backend.Invalid, "neither"},
		"both":             {func(d *backend.Dataset) { d.Arrays[0].Value = d.Arrays[1].Value }, backend.Invalid, "both"},
		"twice":            {func(d *backend.Dataset) { d.Arrays = append(d.Arrays, d.Arrays[2]) }, backend.Invalid, "two arrays"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dataset(t)
			c.change(&d)
			s, err := Open(d, inputs)
			if err == nil {
				s.Close()
			}
			if err == nil || backend.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.say) {
				t.Errorf("error %v (%v), want %v with %q", err, backend.KindOf(err), c.kind, c.say)
			}
		})
	}
}

func TestGather_RejectsInvalidBatches(t *testing.T) {
	s, err := Open(dataset(t), inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dst, _ := s.Alloc(1, tensor.Float32)
	for name, c := range map[string]struct {
		b   backend.Batch
		say string
	}{
		"row too high":     {backend.Batch{Rows: []int32{0, 4}}, "pattern 4, but the dataset has 4"},
		"row negative":     {backend.Batch{Rows: []int32{-1, 0}}, "pattern -1"},
		"half a group":     {backend.Batch{Rows: []int32{1}}, "groups of 2"},
		"no rows":          {backend.Batch{}, "0 rows"},
		"offsets":          {backend.Batch{Rows: []int32{0, 1}, Offsets: []float32{1}}, "1 offsets"},
		"weights":          {backend.Batch{Rows: []int32{0, 1}, Weights: []float32{1}}, "1 weights"},
		"no offsets":       {backend.Batch{Rows: []int32{0, 1}}, "input offsets: missing in both"},
		"room":             {backend.Batch{Rows: []int32{0, 1, 2, 3}}, "buffer has shape"},
		"extra of a shape": {backend.Batch{Rows: []int32{0, 1}, Extra: map[string]tensor.Tensor{program.Mask: tensor.Must([]uint8{1}, 1)}, Offsets: make([]float32, 4)}, "the batch has shape [1]"},
	} {
		err := s.Gather(c.b, dst)
		if err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: error %v does not say %q", name, err, c.say)
		}
	}
	s.Close()
	err = s.Gather(backend.Batch{Rows: []int32{0, 1}, Offsets: make([]float32, 4)}, dst)
	if backend.KindOf(err) != backend.NotFound {
		t.Errorf("gathering from a closed set: %v", err)
	}
}
