package format

import (
	"bufio"
	"io"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// WriteNPY writes one array, row-major in the machine's byte order, with its payload aligned to 64 bytes, and says
// where in the file the payload lies: what a backend needs to map it. The path in the answer is absolute.
func WriteNPY(path string, t tensor.Tensor) (*backend.FileRef, error) {
	if t.IsZero() {
		return nil, errorf(path, "cannot be written: the array is empty")
	}
	head := appendHeader(nil, elementOf(t.DType()), t.Shape())
	err := writeFile(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		_, err := w.Write(t.Bytes())
		return err
	})
	if err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, errorf(path, "has no absolute path: %w", err)
	}
	return &backend.FileRef{Path: absolute, Offset: int64(len(head)), DType: t.DType(), Shape: t.Shape()}, nil
}

// ReadNPY reads the array of an npy file; the types are those of NPZ.Tensor.
func ReadNPY(path string) (tensor.Tensor, error) {
	a, f, err := openNPY(path)
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer f.Close()
	return a.tensor()
}

func openNPY(path string) (*array, *os.File, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	a, err := newNPY(path, f, size)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return a, f, nil
}

// newNPY reads the header of an npy file and checks the file's size against it.
func newNPY(path string, r io.ReaderAt, size int64) (*array, error) {
	open := func() io.Reader { return bufio.NewReaderSize(io.NewSectionReader(r, 0, size), piece) }
	h, err := readHeader(open())
	if err != nil {
		return nil, errorf(path, "%w", err)
	}
	if h.refused != nil {
		return nil, errorf(path, "is refused: %w", h.refused)
	}
	if need := h.length + h.bytes(); need != size {
		return nil, errorf(path, "has %d bytes, its type %v and shape %v need %d", size, h.element, h.shape, need)
	}
	return &array{path: path, header: h, open: func() (io.ReadCloser, error) { return io.NopCloser(open()), nil }}, nil
}
