package feed

import (
	"io"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
)

// copyBuffer is the number of bytes of a strided array that are packed before a write: one chunk of the wire.
const copyBuffer = 1 << 20

// Copy writes the elements of an array in a file, row-major and without gaps, for any strides. It serves plugins that
// cannot access the file. The array need not fit into memory.
func Copy(w io.Writer, f backend.FileRef) (err error) {
	s := &Set{files: map[string]mapping{}}
	defer s.Close()
	arr, err := s.layout(backend.Array{Input: "file", File: &f})
	if err != nil {
		return err
	}
	defer faults(&err)()
	return arr.copyTo(w, arr.base)
}

func (a *array) copyTo(w io.Writer, base int64) error {
	size := a.dtype.Size()
	n := program.Count(a.shape) * size
	if n == 0 {
		return nil
	}
	if a.contiguous(size) {
		_, err := w.Write(a.mem[base : base+int64(n)])
		return err
	}
	if n <= copyBuffer {
		buf := make([]byte, n)
		a.pack(buf, a.mem, base, size)
		_, err := w.Write(buf)
		return err
	}
	inner := *a
	inner.shape, inner.strides = a.shape[1:], a.strides[1:]
	for i := range a.shape[0] {
		if err := inner.copyTo(w, base+int64(i)*a.strides[0]); err != nil {
			return err
		}
	}
	return nil
}
