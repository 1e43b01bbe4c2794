package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// A Writer writes a new HDF5 file: groups, attributes, soft links, and datasets of numbers and texts, contiguous or in deflated
// chunks. HDF5 1.8 and later read it.
//
// The calls of one Writer must not overlap. The first error is kept: later calls do nothing and return it, and so does Close. Only
// Close completes the file.
type Writer struct {
	w      io.WriterAt
	buffer []byte // appended, not yet written
	flush  uint64 // position of buffer[0]
	heap   textHeap
	root   *GroupWriter
	err    error
	closed bool

	deflaters [zlib.BestCompression + 1]sync.Pool // *zlib.Writer of each level
}

// A node is a group or a dataset whose header is written by Close.
type node interface {
	header() (uint64, error)
}

// writeBuffer is the number of bytes that are written at once.
const writeBuffer = 1 << 20

// superblockSize is the size of a superblock of version 2 with addresses of 8 bytes.
const superblockSize = 48

// NewWriter begins a file in w, which is empty. The caller closes w after Close.
func NewWriter(w io.WriterAt) *Writer {
	x := &Writer{w: w, buffer: make([]byte, superblockSize, writeBuffer)}
	x.root = newGroup(x, "/")
	return x
}

// Root returns the group /.
func (w *Writer) Root() *GroupWriter { return w.root }

// fail keeps the first error and returns it.
func (w *Writer) fail(format string, args ...any) error {
	if w.err == nil {
		w.err = fmt.Errorf("hdf5: "+format, args...)
	}
	return w.err
}

// Close completes the file. It returns an error if a call failed or a dataset lacks values.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	if w.err == nil {
		w.err = w.finish()
	}
	w.closed = true
	return w.err
}

func (w *Writer) finish() error {
	w.heap.write(w)
	root, err := w.root.header()
	if err != nil {
		return err
	}
	if w.write(); w.err != nil {
		return w.err
	}
	le := binary.LittleEndian
	b := append([]byte(signature), 2, 8, 8, 0) // version, sizes of addresses and lengths, flags
	for _, address := range []uint64{0, undefined, w.end(), root} {
		b = le.AppendUint64(b, address)
	}
	if _, err := w.w.WriteAt(sealed(b), 0); err != nil {
		return err
	}
	return nil
}

// sealed appends the checksum of b.
func sealed(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, lookup3(b)) }

// end returns the position of the next byte.
func (w *Writer) end() uint64 { return w.flush + uint64(len(w.buffer)) }

// align moves the end to a multiple of eight.
func (w *Writer) align() {
	w.append(make([]byte, -w.end()%8))
}

// add appends an aligned block and returns its address.
func (w *Writer) add(b []byte) uint64 {
	w.align()
	at := w.end()
	w.append(b)
	return at
}

// append appends bytes.
func (w *Writer) append(b []byte) {
	for len(b) > 0 && w.err == nil {
		n := min(len(b), writeBuffer-len(w.buffer))
		w.buffer = append(w.buffer, b[:n]...)
		if b = b[n:]; len(w.buffer) == writeBuffer {
			w.write()
		}
	}
}

// write writes what is buffered.
func (w *Writer) write() {
	if w.err != nil {
		return
	}
	n, err := w.w.WriteAt(w.buffer, int64(w.flush))
	if err == nil && n < len(w.buffer) {
		err = io.ErrShortWrite
	}
	w.err = err
	w.flush += uint64(len(w.buffer))
	w.buffer = w.buffer[:0]
}

var errClosed = errors.New("hdf5: the file is closed")

// ready returns the error that prevents a call.
func (w *Writer) ready() error {
	if w.err == nil && w.closed {
		return errClosed
	}
	return w.err
}
