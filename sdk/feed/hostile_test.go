package feed

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

func TestGather_TruncatedFileIsAnError(t *testing.T) {
	path := file(t, make([]byte, 1<<20))
	in := []program.Input{{Name: "x", Type: program.Type{Kind: program.Real, Shape: program.Shape{-1, 1 << 19}}}}
	s, err := Open(backend.Dataset{Patterns: 2, Arrays: []backend.Array{{Input: "x", Gather: backend.PerPattern,
		File: &backend.FileRef{Path: path, DType: tensor.Uint8, Shape: []int{2, 1 << 19}}}}}, in)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	dst, _ := s.Alloc(1, tensor.Float32)
	if err := s.Gather(backend.Batch{Rows: []int32{1}}, dst); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("error %v", err)
	}
}

func TestFeed_KeepsOrderAndRecycles(t *testing.T) {
	s, err := Open(dataset(t), inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batches := make([]backend.Batch, 200)
	for i := range batches {
		batches[i] = backend.Batch{Rows: []int32{int32(i % 4), int32(i / 4 % 4)}, Offsets: make([]float32, 4)}
		if i%3 == 0 {
			batches[i].Rows = append(batches[i].Rows, 0, 0)
			batches[i].Offsets = make([]float32, 8)
		}
	}
	for _, o := range []Options{{}, {Workers: 4, Prefetch: 1}, {Workers: 3, Prefetch: 8, Precision: tensor.Float32}} {
		n := 0
		rooms := map[*float32]bool{}
		for item, err := range s.Feed(t.Context(), batches, o) {
			if err != nil {
				t.Fatal(err)
			}
			c := data[float32](t, item.Inputs[program.Counts])
			if item.Index != n || c[0] != float32(n%4*10) || c[6] != float32(n/4%4*10) {
				t.Fatalf("item %d at turn %d has counts %v", item.Index, n, c)
			}
			rooms[&c[0]] = true
			n++
		}
		if n != len(batches) || len(rooms) > 2*(o.Prefetch+o.Workers+4) {
			t.Errorf("%+v: %d batches in %d buffers", o, n, len(rooms))
		}
	}
}

func TestFeed_Ends(t *testing.T) {
	s, err := Open(dataset(t), inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batches := make([]backend.Batch, 50)
	for i := range batches {
		batches[i] = backend.Batch{Rows: []int32{0, 1}, Offsets: make([]float32, 4)}
	}
	batches[20].Rows = []int32{0, 99}
	n := 0
	var last error
	for _, err := range s.Feed(t.Context(), batches, Options{Workers: 3, Prefetch: 5}) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 20 || backend.KindOf(last) != backend.Invalid {
		t.Errorf("%d good batches, then %v", n, last)
	}
	for range s.Feed(t.Context(), batches, Options{Workers: 3, Prefetch: 5}) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range s.Feed(ctx, batches[:20], Options{Workers: 3, Prefetch: 5}) {
		last = err
		cancel()
	}
	if backend.KindOf(last) != backend.Cancelled {
		t.Errorf("a cancelled feed ended with %v", last)
	}
	for range s.Feed(t.Context(), nil, Options{}) {
		t.Error("a batch from nowhere")
	}
}

// packed reads an array in a file, row-major and without gaps.
func packed(f backend.FileRef) ([]byte, error) {
	s := &Set{files: map[string]mapping{}}
	defer s.Close()
	arr, err := s.layout(backend.Array{Input: "file", File: &f})
	if err != nil {
		return nil, err
	}
	out := make([]byte, program.Count(arr.shape)*arr.dtype.Size())
	arr.pack(out, arr.mem, arr.base, arr.dtype.Size())
	return out, nil
}

func TestLayout_ClosesGaps(t *testing.T) {
	raw := make([]byte, 3<<20)
	for i := range raw {
		raw[i] = byte(i * 7)
	}
	path := file(t, raw)
	for name, f := range map[string]backend.FileRef{
		"contiguous": {Offset: 5, Shape: []int{1 << 20, 2}},
		"rows apart": {Offset: 1, Shape: []int{3, 1 << 19}, Strides: []int64{1 << 20, 1}},
		"transposed": {Offset: 0, Shape: []int{1500, 1000}, Strides: []int64{1, 1500}},
		"backwards":  {Offset: 99, Shape: []int{100}, Strides: []int64{-1}},
		"repeated":   {Offset: 3, Shape: []int{2000, 1000}, Strides: []int64{0, 1}},
		"empty":      {Shape: []int{0, 4}},
	} {
		f.Path, f.DType = path, tensor.Uint8
		got, err := packed(f)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		st := f.Strides
		if st == nil {
			st = rowMajor(f.Shape, 1)
		}
		want := []int64{f.Offset}
		for i, d := range f.Shape {
			var next []int64
			for _, at := range want {
				for k := range d {
					next = append(next, at+int64(k)*st[i])
				}
			}
			want = next
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
			continue
		}
		for i, at := range want {
			if got[i] != raw[at] {
				t.Errorf("%s: byte %d is not that at %d", name, i, at)
				break
			}
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add(int64(0), 4, 6, int64(12), int64(2), uint8(8))
	f.Add(int64(50), 4, 6, int64(-12), int64(0), uint8(1))
	f.Add(int64(math.MaxInt64), 1<<30, 1<<30, int64(math.MinInt64), int64(math.MaxInt64), uint8(4))
	f.Add(int64(math.MaxInt64), 4, 6, int64(12), int64(2), uint8(8)) // an overflow once passed the check
	f.Add(int64(99), 2, 2, int64(100), int64(-100), uint8(7))
	path := file(f, make([]byte, 100))
	f.Fuzz(func(t *testing.T, offset int64, h, w int, sh, sw int64, d uint8) {
		ref := backend.FileRef{Path: path, Offset: offset, DType: tensor.DType(d), Shape: []int{h, w}, Strides: []int64{sh, sw}}
		if h > 1<<10 || w > 1<<10 {
			return // with a stride of 0, one byte yields any amount of output
		}
		if got, err := packed(ref); err == nil && len(got) != h*w*ref.DType.Size() {
			t.Errorf("%+v: %d bytes", ref, len(got))
		}
	})
}
