package npz

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/ptychogo/ptycho/core/tensor"
)

// EncodeNPY writes one array as an npy file, row-major in the machine's byte order. The payload begins at offset, a
// multiple of 64 bytes, so that a backend can map the file.
func EncodeNPY(w io.Writer, t tensor.Tensor) (offset int64, err error) {
	if t.IsZero() {
		return 0, errors.New("the array is empty")
	}
	head := appendHeader(nil, elementOf(t.DType()), t.Shape())
	if _, err := w.Write(head); err != nil {
		return 0, err
	}
	_, err = w.Write(t.Bytes())
	return int64(len(head)), err
}

func openNPY(path string) (*Reader, *os.File, error) {
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
func newNPY(path string, r io.ReaderAt, size int64) (*Reader, error) {
	open := func() io.Reader { return bufio.NewReaderSize(io.NewSectionReader(r, 0, size), Piece) }
	h, err := readHeader(open())
	if err != nil {
		return nil, Errorf(path, "%w", err)
	}
	if h.refused != nil {
		return nil, Errorf(path, "cannot be read: %w", h.refused)
	}
	if need := h.length + h.bytes(); need != size {
		return nil, Errorf(path, "has %d bytes, but its type %v and shape %v need %d", size, h.element, h.shape, need)
	}
	return &Reader{path: path, header: h, open: func() (io.ReadCloser, error) { return io.NopCloser(open()), nil }}, nil
}

// OpenNPY opens an npy file and reads its header, not the values. The caller closes the file.
func OpenNPY(path string) (*Reader, io.Closer, error) {
	a, f, err := openNPY(path)
	if err != nil {
		return nil, nil, err
	}
	a.offset = a.header.length
	a.payload = io.NewSectionReader(f, a.offset, a.header.bytes())
	return a, f, nil
}

// Open returns a stream of the bytes of the values, in file order. The checksum of an archive's member is verified at its end.
func (a *Reader) Open() (io.ReadCloser, error) {
	r, err := a.open()
	if err != nil {
		return nil, a.Errorf("cannot be opened: %w", err)
	}
	if _, err := io.CopyN(io.Discard, r, a.header.length); err != nil {
		r.Close()
		return nil, a.readError(err)
	}
	return r, nil
}
