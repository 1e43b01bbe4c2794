package feed

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// maxRank limits the axes of an array; programs have at most 8.
const maxRank = 8

// layout describes where the elements of an array are stored: element (i, j, …) starts i·strides[0] + j·strides[1] + …
// bytes after the first one. Strides may be 0 or negative.
type layout struct {
	shape   []int
	strides []int64
}

// array is a validated array: all of its elements lie within mem.
type array struct {
	layout
	dtype  tensor.DType
	mem    []byte
	base   int64 // of the first element in mem
	path   string
	gather backend.Gathering
	index  []int32 // [patterns] row of each pattern; nil: row i for pattern i
	row    layout  // of one pattern, or of the whole array
}

// layout finds the memory of an array, in its file or its value.
func (s *Set) layout(a backend.Array) (*array, error) {
	if a.File == nil {
		if a.Value.IsZero() {
			return nil, invalid(a.Input, "its array has neither a value nor a file")
		}
		arr := &array{dtype: a.Value.DType(), mem: a.Value.Bytes()}
		arr.shape, arr.strides = a.Value.Shape(), rowMajor(a.Value.Shape(), arr.dtype.Size())
		return arr, nil
	}
	if !a.Value.IsZero() {
		return nil, invalid(a.Input, "its array has both a value and a file")
	}
	f := *a.File
	n, err := tensor.Count(f.Shape)
	if err != nil {
		return nil, invalid(a.Input, "%s: %w", f.Path, err)
	}
	if f.DType.Size() == 0 || len(f.Shape) > maxRank || f.Offset < 0 || f.Strides != nil && len(f.Strides) != len(f.Shape) {
		return nil, invalid(a.Input, "%s: type %v, shape %v, offset %d and strides %v do not describe an array",
			f.Path, f.DType, f.Shape, f.Offset, f.Strides)
	}
	arr := &array{dtype: f.DType, base: f.Offset, path: f.Path}
	arr.shape, arr.strides = f.Shape, f.Strides
	if arr.strides == nil {
		arr.strides = rowMajor(f.Shape, f.DType.Size())
	}
	m, err := s.file(f.Path)
	if err != nil {
		var known *backend.Error
		if errors.As(err, &known) {
			return nil, err
		}
		kind := backend.Invalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = backend.NotFound
		}
		return nil, backend.Errorf(kind, op, "input %s: %w", a.Input, err)
	}
	arr.mem = m.mem
	if n == 0 {
		return arr, nil
	}
	low, high, ok := arr.span(f.Offset, int64(len(m.mem)))
	if !ok || low < 0 || high+int64(f.DType.Size()) > int64(len(m.mem)) {
		return nil, invalid(a.Input, "%s has %d bytes, too few for %v %v with strides %v from byte %d: the file is truncated or its description is wrong",
			f.Path, len(m.mem), f.DType, f.Shape, arr.strides, f.Offset)
	}
	return arr, nil
}

// file maps each file once, even if several arrays are stored in it.
func (s *Set) file(path string) (mapping, error) {
	if m, ok := s.files[path]; ok {
		return m, nil
	}
	if !filepath.IsAbs(path) {
		return mapping{}, backend.Errorf(backend.Invalid, op, "file %q: the path must be absolute because the plugin has another working folder than the host", path)
	}
	st, err := os.Stat(path) // before opening: opening a pipe would block until its writer opens it
	if err != nil {
		return mapping{}, err
	}
	if !st.Mode().IsRegular() {
		return mapping{}, backend.Errorf(backend.Invalid, op, "file %s is not a regular file", path)
	}
	if st.Size() > math.MaxInt {
		return mapping{}, backend.Errorf(backend.Exhausted, op, "file %s has %d bytes, more than this machine can address", path, st.Size())
	}
	m, err := openMapping(path)
	if err != nil {
		return mapping{}, err
	}
	s.files[path] = m // closed with the set, even after an error
	if s.pin {
		if err := m.lock(path); err != nil {
			return mapping{}, err
		}
	}
	return m, nil
}

// span returns the lowest and the highest byte at which an element starts. ok is false when these do not fit into size
// bytes.
func (l layout) span(base, size int64) (low, high int64, ok bool) {
	if base < 0 || base > size { // otherwise the sums below could overflow
		return 0, 0, false
	}
	low, high = base, base
	for i, d := range l.shape {
		st, steps := l.strides[i], int64(d-1)
		if steps == 0 || st == 0 {
			continue
		}
		if st > size || st < -size || steps > size/max(st, -st) {
			return 0, 0, false // keeps the product below from overflowing
		}
		if st > 0 {
			high += steps * st
		} else {
			low += steps * st
		}
		if high > size || low < -size {
			return 0, 0, false
		}
	}
	return low, high, high <= size
}

func rowMajor(shape []int, size int) []int64 {
	st := make([]int64, len(shape))
	n := int64(size)
	for i := len(shape) - 1; i >= 0; i-- {
		st[i] = n
		n *= int64(max(shape[i], 1))
	}
	return st
}

// contiguous reports whether the elements follow each other without gaps.
func (l layout) contiguous(size int) bool {
	for i, want := range rowMajor(l.shape, size) {
		if l.shape[i] > 1 && l.strides[i] != want {
			return false
		}
	}
	return true
}

// pack copies the elements of l from mem[base] to dst without gaps. dst must be large enough.
func (l layout) pack(dst, mem []byte, base int64, size int) {
	if len(dst) == 0 {
		return
	}
	if l.contiguous(size) {
		copy(dst, mem[base:base+int64(len(dst))])
		return
	}
	inner := layout{l.shape[1:], l.strides[1:]} // not contiguous, so it has an axis
	n := len(dst) / l.shape[0]
	for i := range l.shape[0] {
		inner.pack(dst[i*n:(i+1)*n], mem, base+int64(i)*l.strides[0], size)
	}
}
