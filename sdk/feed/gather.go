package feed

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Gather fills dst, whose tensors have the sizes of b's inputs and any float or complex precision (see Alloc). Inputs that
// are missing in dst are skipped. Where both the dataset and the batch have an input, the batch wins.
func (s *Set) Gather(b backend.Batch, dst map[string]tensor.Tensor) (err error) {
	if err := s.Check(b); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return backend.Errorf(backend.NotFound, "gather", "the dataset is no longer bound")
	}
	defer faults(&err)()
	for _, in := range s.inputs {
		t, ok := dst[in.Name]
		if !ok {
			continue
		}
		if want := in.Type.Shape.At(s.Groups(b)); !slices.Equal(t.Shape(), want) {
			return backend.Errorf(backend.Invalid, "gather", "input %s: the buffer has shape %v, want %v", in.Name, t.Shape(), want)
		}
		if err := s.fill(b, in, t); err != nil {
			return backend.Errorf(backend.KindOf(err), "gather", "input %s: %w", in.Name, err)
		}
	}
	s.release(len(b.Rows))
	return nil
}

const (
	// mappedMost bounds the bytes of files that stay in the process's memory. A scan may be larger than the machine's memory, and a
	// process that is charged for it may be killed.
	mappedMost = 64 << 20
	// around is what the system maps besides the bytes that are read, at each end of a row: 64 KiB on Linux.
	around = 64 << 10
)

// release drops large files after the rows of some batches.
func (s *Set) release(rows int) {
	if s.pin {
		return
	}
	read := int64(0)
	for _, a := range s.arrays {
		if a.path != "" && a.gather != backend.Whole {
			read += int64(rows) * (max(a.strides[0], -a.strides[0]) + around)
		}
	}
	if s.mapped.Add(read) < mappedMost {
		return
	}
	s.mapped.Store(0)
	for _, m := range s.files {
		if len(m.mem) > mappedMost {
			m.drop()
		}
	}
}

// faults turns the fault of reading a mapped file that was truncated into an error of the call, so that the process
// survives. Its result must be deferred.
func faults(err *error) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		r := recover()
		if r == nil {
			return
		}
		if _, ok := r.(interface{ Addr() uintptr }); !ok {
			panic(r)
		}
		*err = backend.Errorf(backend.Invalid, "gather", "a mapped file of the dataset was truncated while it was read")
	}
}

// Check validates a batch without gathering it: rows within the dataset, and offsets and weights to match the rows.
func (s *Set) Check(b backend.Batch) error {
	n := len(b.Rows)
	if n == 0 || n%s.group != 0 {
		return backend.Errorf(backend.Invalid, "gather", "%d rows cannot be divided into groups of %d", n, s.group)
	}
	for i, r := range b.Rows {
		if r < 0 || int(r) >= s.patterns {
			return backend.Errorf(backend.Invalid, "gather", "row %d refers to pattern %d, but the dataset has %d", i, r, s.patterns)
		}
	}
	if len(b.Offsets) != 0 && len(b.Offsets) != 2*n {
		return backend.Errorf(backend.Invalid, "gather", "%d offsets for %d rows, want two each", len(b.Offsets), n)
	}
	if b.Weights != nil && len(b.Weights) != n {
		return backend.Errorf(backend.Invalid, "gather", "%d weights for %d rows", len(b.Weights), n)
	}
	return nil
}

func (s *Set) fill(b backend.Batch, in program.Input, dst tensor.Tensor) error {
	if t, ok := b.Extra[in.Name]; ok {
		if !slices.Equal(t.Shape(), dst.Shape()) {
			return backend.Errorf(backend.Invalid, "", "the batch has shape %v, want %v", t.Shape(), dst.Shape())
		}
		return convert(dst, 0, t)
	}
	if in.Name == program.Offsets && len(b.Offsets) > 0 {
		if dst.Len() != len(b.Offsets) {
			return backend.Errorf(backend.Invalid, "", "%d offsets for %v", len(b.Offsets), dst)
		}
		return fromReal(dst, 0, b.Offsets)
	}
	arr := s.arrays[in.Name]
	if arr == nil {
		return backend.Errorf(backend.NotFound, "", "missing in both the dataset and the batch")
	}
	if arr.gather == backend.Whole {
		return arr.read(dst, 0, 0)
	}
	n := program.Count(arr.row.shape)
	for i, r := range b.Rows {
		if arr.index != nil {
			r = arr.index[r]
		}
		if err := arr.read(dst, i*n, int64(r)*arr.strides[0]); err != nil {
			return fmt.Errorf("pattern %d: %w", b.Rows[i], err)
		}
	}
	return nil
}

// read converts the row at shift bytes after the array's base and writes it to dst[from:].
func (a *array) read(dst tensor.Tensor, from int, shift int64) error {
	size := a.dtype.Size()
	n := program.Count(a.row.shape) * size
	if n == 0 {
		return nil
	}
	var raw []byte
	if base := a.base + shift; a.row.contiguous(size) {
		raw = a.mem[base : base+int64(n)]
	} else {
		raw = make([]byte, n)
		a.row.pack(raw, a.mem, base, size)
	}
	src, err := tensor.FromBytes(a.dtype, raw, n/size)
	if err != nil {
		return err
	}
	return convert(dst, from, src)
}
