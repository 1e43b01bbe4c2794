package npz

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Array describes an array of a file without its values.
type Array struct {
	Name    string
	DType   string // numpy's typestr, as "<f4"; "" when the header cannot be read
	Shape   []int
	Refused string // why it cannot be read; "" if it can
}

// Reader reads an array: a member of an npz archive or an npy file.
type Reader struct {
	path   string // of the file
	name   string // within the archive; "" for an npy file
	header *npyHeader
	// payload reads the values directly from the file; nil if they are compressed.
	payload io.ReaderAt
	offset  int64 // of the values in the file, where payload is not nil
	// stored and expanded are the sizes of an archive's member, in the file and after reading, in bytes.
	stored, expanded uint64
	open             func() (io.ReadCloser, error) // positioned at the header
}

// Until returns the array with reads that fail after the end of ctx.
func (a *Reader) Until(ctx context.Context) *Reader {
	b := *a
	b.open = func() (io.ReadCloser, error) {
		r, err := a.open()
		return interruptible{r, ctx}, err
	}
	return &b
}

// interruptible is a reader that fails after the end of a context.
type interruptible struct {
	io.ReadCloser
	until context.Context //nolint:containedctx // the reader is used only during the call that made it
}

func (r interruptible) Read(b []byte) (int, error) {
	if err := r.until.Err(); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(b)
}

// Shape returns the array's shape.
func (a *Reader) Shape() []int { return a.header.shape }

// Element returns the type of the array's elements.
func (a *Reader) Element() Element { return a.header.element }

// Fortran reports whether the first axis varies fastest in the file.
func (a *Reader) Fortran() bool { return a.header.fortran }

// Seekable reports whether ReadAt can read the values: they are stored uncompressed.
func (a *Reader) Seekable() bool { return a.payload != nil }

// Offset returns the place of the first value in the file, in bytes. The array must be Seekable.
func (a *Reader) Offset() int64 { return a.offset }

// ReadAt fills raw with the bytes of values from an offset on. The checksum of an archive's member covers all its bytes and is
// not verified.
func (a *Reader) ReadAt(raw []byte, at int64) error {
	switch _, err := a.payload.ReadAt(raw, at); {
	case errors.Is(err, io.EOF):
		return a.readError(io.ErrUnexpectedEOF)
	case err != nil:
		return a.readError(err)
	}
	return nil
}

func (a *Reader) what() string {
	if a.name == "" {
		return "the array"
	}
	return fmt.Sprintf("array %q", a.name)
}

// Errorf returns an error about the array.
func (a *Reader) Errorf(format string, args ...any) *Error {
	return Errorf(a.path, "%s "+format, append([]any{a.what()}, args...)...)
}

// Piece is the number of bytes decoded at a time, a multiple of every numeric element size.
const Piece = 1 << 18

// Stream passes the payload to visit in pieces of whole elements, in file order. It fails unless the payload is
// complete and, in an archive, its checksum is correct. It returns visit's errors unchanged.
func (a *Reader) Stream(visit func(raw []byte) error) error {
	r, err := a.open()
	if err != nil {
		return a.Errorf("cannot be opened: %w", err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, a.header.length); err != nil {
		return a.readError(err)
	}
	size := a.header.element.size
	left := a.header.bytes()
	buf := make([]byte, min(int64(max(Piece/max(size, 1), 1)*size), left))
	for left > 0 {
		b := buf[:min(int64(len(buf)), left)]
		if _, err := io.ReadFull(r, b); err != nil {
			return a.readError(err)
		}
		if err := visit(b); err != nil {
			return err
		}
		left -= int64(len(b))
	}
	// The archive verifies a member's checksum only at its end.
	switch n, err := r.Read(make([]byte, 1)); {
	case n > 0:
		return a.Errorf("has more bytes than its shape %v needs", a.header.shape)
	case err != nil && !errors.Is(err, io.EOF):
		return a.readError(err)
	}
	return nil
}

func (a *Reader) readError(err error) *Error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return a.Errorf("is truncated: the file ends before the last value%w", hidden{err}).Hint(again)
	}
	return a.Errorf("is damaged: %s%w", wrong(err), hidden{err}).Hint(again)
}

// again is the fix for damage.
const again = "copy or download the file again"

// hidden keeps a cause whose text does not help a user.
type hidden struct{ error }

func (hidden) Error() string { return "" }

func (h hidden) Unwrap() error { return h.error }

// wrong describes why an archive's member cannot be read.
func wrong(err error) string {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return "its checksum does not match its content"
	case errors.Is(err, zip.ErrFormat):
		return "its entry in the archive is invalid"
	case errors.Is(err, zip.ErrAlgorithm):
		return "its compression method is unknown"
	case errors.As(err, &corrupt):
		return "its compressed data is invalid"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the file ends within it"
	}
	return err.Error()
}

// Want fails unless the array has one of the element kinds, and a number of elements that fits 64 bits.
func (a *Reader) Want(kinds, name string) error {
	if strings.IndexByte(kinds, a.header.element.kind) < 0 {
		return a.Errorf("has element type %v, want %s", a.header.element, name)
	}
	return nil
}

// Kinds of elements, as numpy's letters: real numbers, and all numbers.
const (
	RealKinds   = "biuf"
	NumberKinds = "biufc"
)

// collect decodes all values, in C order.
func collect[T any](a *Reader, decode func(dst []T, raw []byte)) ([]T, error) {
	var one T
	if err := a.checkRoom(a.header.count(), int(unsafe.Sizeof(one))); err != nil {
		return nil, err
	}
	out := make([]T, a.header.count())
	at := 0
	err := a.Stream(func(raw []byte) error {
		n := len(raw) / a.header.element.size
		decode(out[at:at+n], raw)
		at += n
		return nil
	})
	if err != nil {
		return nil, err
	}
	if a.header.fortran {
		out = rowMajor(out, a.header.shape)
	}
	return out, nil
}

// rowMajor reorders column-major values to row-major.
func rowMajor[T any](in []T, shape []int) []T {
	if len(shape) < 2 || len(in) == 0 {
		return in
	}
	out := make([]T, len(in))
	index := make([]int, len(shape))
	stride := make([]int, len(shape)) // of out
	step := 1
	for d := len(shape) - 1; d >= 0; d-- {
		stride[d] = step
		step *= shape[d]
	}
	to := 0
	for _, v := range in {
		out[to] = v
		for d := range shape { // the first index varies fastest in in
			index[d]++
			to += stride[d]
			if index[d] < shape[d] {
				break
			}
			to -= index[d] * stride[d]
			index[d] = 0
		}
	}
	return out
}

func (a *Reader) float64s() ([]float64, error) {
	if err := a.Want(RealKinds, "real numbers"); err != nil {
		return nil, err
	}
	return collect(a, a.header.element.Floats)
}

func (a *Reader) float32s() ([]float32, error) {
	if err := a.Want(RealKinds, "real numbers"); err != nil {
		return nil, err
	}
	e := a.header.element
	return collect(a, func(dst []float32, raw []byte) {
		for i := range dst {
			dst[i] = float32(e.float(raw[i*e.size:]))
		}
	})
}

// Complex64s reads all values, rounded, row-major.
func (a *Reader) Complex64s() ([]complex64, error) {
	if err := a.Want(NumberKinds, "numbers"); err != nil {
		return nil, err
	}
	e := a.header.element
	return collect(a, func(dst []complex64, raw []byte) {
		for i := range dst {
			dst[i] = complex64(e.complex(raw[i*e.size:]))
		}
	})
}

// int64s reads integers, and floats whose values are integers.
func (a *Reader) int64s() ([]int64, error) {
	if err := a.Want(RealKinds, "integers"); err != nil {
		return nil, err
	}
	e := a.header.element
	bad := false
	out, err := collect(a, func(dst []int64, raw []byte) {
		for i := range dst {
			b := raw[i*e.size:]
			if e.kind == 'f' {
				v := e.float(b)
				bad = bad || v != math.Trunc(v) || math.Abs(v) > 1<<53
				dst[i] = int64(v)
				continue
			}
			dst[i] = e.int(b)
			bad = bad || e.kind == 'u' && dst[i] < 0 // beyond int64
		}
	})
	if err == nil && bad {
		return nil, a.Errorf("has values that are not 64-bit integers")
	}
	return out, err
}

// maxText bounds texts; typical metadata has kilobytes.
const maxText = 16 << 20

// text reads a text: bytes of UTF-8 (uint8), or one numpy string.
func (a *Reader) text() (string, error) {
	h := a.header
	if h.bytes() > maxText {
		return "", a.Errorf("is a text of %d bytes; the limit is %d", h.bytes(), maxText)
	}
	isBytes := h.element.kind == 'u' && h.element.size == 1
	if !isBytes && (h.element.kind != 'U' && h.element.kind != 'S' || h.count() != 1) {
		return "", a.Errorf("has element type %v and shape %v, want one text or its bytes as uint8", h.element, h.shape)
	}
	var raw []byte
	if err := a.Stream(func(b []byte) error { raw = append(raw, b...); return nil }); err != nil {
		return "", err
	}
	if h.element.kind != 'U' {
		s := strings.TrimRight(string(raw), "\x00")
		if !utf8.ValidString(s) {
			return "", a.Errorf("is not UTF-8 text")
		}
		return s, nil
	}
	var s strings.Builder
	for ; len(raw) >= 4; raw = raw[4:] {
		c := h.element.order().Uint32(raw)
		if c > utf8.MaxRune {
			return "", a.Errorf("contains %#x, which is not a character", c)
		}
		s.WriteRune(rune(c))
	}
	return strings.TrimRight(s.String(), "\x00"), nil
}

// tensor reads the array in its own type if tensors have that type, else in a wider one, without loss.
func (a *Reader) tensor() (tensor.Tensor, error) {
	if err := a.Want(NumberKinds, "numbers"); err != nil {
		return tensor.Tensor{}, err
	}
	e, shape := a.header.element, a.header.shape
	switch d := e.dtype(); {
	case d == tensor.Float32 || e.kind == 'f' && e.size == 2:
		v, err := a.float32s()
		return wrap(v, err, shape)
	case d == tensor.Float64:
		v, err := a.float64s()
		return wrap(v, err, shape)
	case d == tensor.Complex64:
		v, err := a.Complex64s()
		return wrap(v, err, shape)
	case d == tensor.Complex128:
		v, err := collect(a, func(dst []complex128, raw []byte) {
			for i := range dst {
				dst[i] = e.complex(raw[i*e.size:])
			}
		})
		return wrap(v, err, shape)
	case d == tensor.Uint8 || e.kind == 'b':
		v, err := collect(a, narrow[uint8](e))
		return wrap(v, err, shape)
	case d == tensor.Uint16:
		v, err := collect(a, narrow[uint16](e))
		return wrap(v, err, shape)
	case e.kind == 'i' && e.size <= 4:
		v, err := collect(a, narrow[int32](e))
		return wrap(v, err, shape)
	}
	v, err := a.int64s()
	return wrap(v, err, shape)
}

func narrow[T uint8 | uint16 | int32](e Element) func(dst []T, raw []byte) {
	return func(dst []T, raw []byte) {
		for i := range dst {
			dst[i] = T(e.int(raw[i*e.size:]))
		}
	}
}

func wrap[T tensor.Element](v []T, err error, shape []int) (tensor.Tensor, error) {
	if err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.New(v, shape...)
}

// complex128s reads all values, row-major.
func (a *Reader) complex128s() ([]complex128, error) {
	if err := a.Want(NumberKinds, "numbers"); err != nil {
		return nil, err
	}
	e := a.header.element
	return collect(a, func(dst []complex128, raw []byte) {
		for i := range dst {
			dst[i] = e.complex(raw[i*e.size:])
		}
	})
}
