package npz

import (
	"archive/zip"
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/words"
)

const (
	maxMembers = 4096 // in an archive; scans have about a dozen
	// deflateLimit is the largest ratio that deflate can reach (RFC 1951: 258 bytes for 2 bits); a larger claim is
	// false.
	deflateLimit = 1032
)

// Archive is an open npz archive. Headers are read at once, values on demand.
type Archive struct {
	path   string
	file   *os.File
	arrays []Array
	read   map[string]*Reader
	others []string // members that are not arrays

	trusted bool // may expand more than 1000-fold
}

// Open opens an archive and reads the headers of its arrays, not the values. An unreadable array (pickled objects, a
// damaged header, a size that contradicts the shape) fails only when it is requested.
func Open(path string) (*Archive, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	z, err := New(path, f, size)
	if err != nil {
		f.Close()
		return nil, err
	}
	z.file = f
	return z, nil
}

// New opens an archive that r holds. path is for messages.
func New(path string, r io.ReaderAt, size int64) (*Archive, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, notArchive(path, r, err)
	}
	if len(archive.File) > maxMembers {
		return nil, Errorf(path, "has %d members; the limit is %d", len(archive.File), maxMembers)
	}
	z := &Archive{path: path, read: map[string]*Reader{}}
	seen := map[string]bool{}
	for _, m := range archive.File {
		if seen[m.Name] {
			return nil, Errorf(path, "contains %q twice", m.Name)
		}
		seen[m.Name] = true
		name, ok := strings.CutSuffix(m.Name, ".npy")
		if !ok {
			z.others = append(z.others, m.Name)
			continue
		}
		a := &Reader{path: path, name: name, open: m.Open, stored: m.CompressedSize64, expanded: m.UncompressedSize64}
		z.arrays = append(z.arrays, a.inspect(m, size))
		if start, err := m.DataOffset(); err == nil && m.Method == zip.Store && a.header != nil {
			a.offset = start + a.header.length
			a.payload = io.NewSectionReader(r, a.offset, a.header.bytes())
		}
		z.read[name] = a
	}
	return z, nil
}

// inspect reads the header of an archive's member and checks its sizes. If the member is rejected, a.header is nil.
func (a *Reader) inspect(m *zip.File, fileSize int64) Array {
	info := Array{Name: a.name}
	refuse := func(format string, args ...any) Array {
		info.Refused = a.Errorf(format, args...).What
		return info
	}
	switch {
	case m.Flags&1 != 0:
		return refuse("is encrypted")
	case m.Method != zip.Store && m.Method != zip.Deflate:
		return refuse("has compression method %d, want stored or deflated", m.Method)
	case m.CompressedSize64 > uint64(fileSize):
		return refuse("claims %d bytes in a file of %d bytes", m.CompressedSize64, fileSize)
	case m.Method == zip.Store && m.UncompressedSize64 != m.CompressedSize64:
		return refuse("is stored uncompressed, but claims %d bytes from %d", m.UncompressedSize64, m.CompressedSize64)
	case m.UncompressedSize64 > deflateLimit*(m.CompressedSize64+1):
		return refuse("claims to expand from %d to %d bytes, which deflate cannot do", m.CompressedSize64, m.UncompressedSize64)
	}
	r, err := m.Open()
	if err != nil {
		return refuse("is damaged: %s; %s", wrong(err), again)
	}
	defer r.Close()
	h, err := readHeader(bufio.NewReader(r))
	if err != nil {
		return refuse("%v", err)
	}
	info.DType, info.Shape = h.descr, h.shape
	if h.refused != nil {
		return refuse("cannot be read: %v", h.refused)
	}
	if need := uint64(h.length + h.bytes()); need != m.UncompressedSize64 {
		return refuse("has %d bytes, but its type %v and shape %v need %d", m.UncompressedSize64, h.element, h.shape, need)
	}
	a.header = h
	return info
}

// notArchive identifies a file that is not a zip archive.
func notArchive(path string, r io.ReaderAt, cause error) *Error {
	lead := make([]byte, 8)
	n, _ := r.ReadAt(lead, 0)
	is := func(magic string) bool { return strings.HasPrefix(string(lead[:n]), magic) }
	e := &Error{Path: path, Err: cause}
	switch {
	case is("PK\x03\x04"), is("PK\x05\x06"):
		e.What, e.Fix = "is damaged or truncated: the list of arrays at its end cannot be read", "copy or download it again"
	case is(npyMagic):
		e.What, e.Fix = "is a single npy array, not an npz archive", "save patterns and positions together with numpy.savez"
	case is("\x89HDF\r\n"):
		e.What, e.Fix = "is an HDF5 file, not an npz archive", "convert it first"
	default:
		e.What, e.Fix = "is not an npz archive", "save the scan with numpy.savez"
	}
	return e
}

// Close closes the file.
func (z *Archive) Close() error {
	if z.file == nil {
		return nil
	}
	return z.file.Close()
}

// Path returns the path of the file, as given.
func (z *Archive) Path() string { return z.path }

// AllowHighCompression allows arrays that expand more than 1000-fold.
func (z *Archive) AllowHighCompression(allow bool) { z.trusted = allow }

// Arrays returns the arrays in file order.
func (z *Archive) Arrays() []Array { return slices.Clone(z.arrays) }

// Others returns the names of the members that are not arrays.
func (z *Archive) Others() []string { return slices.Clone(z.others) }

// Lookup finds an array by name (without ".npy").
func (z *Archive) Lookup(name string) (Array, bool) {
	for _, a := range z.arrays {
		if a.Name == name {
			return a, true
		}
	}
	return Array{}, false
}

// Reader returns an array that can be read.
func (z *Archive) Reader(name string) (*Reader, error) {
	info, ok := z.Lookup(name)
	if !ok {
		return nil, Errorf(z.path, "lacks array %q", name).Hint("it has %s", z.Names())
	}
	if info.Refused != "" {
		return nil, &Error{Path: z.path, What: info.Refused}
	}
	return z.read[name], nil
}

// reading returns an array that is about to be read.
func (z *Archive) reading(name string) (*Reader, error) {
	a, err := z.Reader(name)
	if err != nil {
		return nil, err
	}
	return a, z.CheckCompression(a)
}

// Names lists the arrays, for messages.
func (z *Archive) Names() string {
	if len(z.arrays) == 0 {
		return "no arrays"
	}
	var s []string
	for i, a := range z.arrays {
		if i == 20 {
			s = append(s, "…")
			break
		}
		s = append(s, words.Name(a.Name))
	}
	return strings.Join(s, ", ")
}

// Float64 reads real numbers of any type, row-major.
func (z *Archive) Float64(name string) ([]float64, []int, error) {
	return Values(z, name, (*Reader).float64s)
}

// Float32 reads real numbers of any type, rounded, row-major.
func (z *Archive) Float32(name string) ([]float32, []int, error) {
	return Values(z, name, (*Reader).float32s)
}

// Complex64 reads real or complex numbers of any type, rounded, row-major.
func (z *Archive) Complex64(name string) ([]complex64, []int, error) {
	return Values(z, name, (*Reader).Complex64s)
}

// Complex128 reads real or complex numbers of any type, row-major.
func (z *Archive) Complex128(name string) ([]complex128, []int, error) {
	return Values(z, name, (*Reader).complex128s)
}

// Int64 reads integers, and floats whose values are integers, row-major.
func (z *Archive) Int64(name string) ([]int64, []int, error) {
	return Values(z, name, (*Reader).int64s)
}

// Text reads a text: one numpy string, or UTF-8 bytes as uint8.
func (z *Archive) Text(name string) (string, error) {
	a, err := z.reading(name)
	if err != nil {
		return "", err
	}
	return a.text()
}

// Tensor reads an array in its own type if tensors have that type, else in a wider one: float16 as float32, booleans as
// uint8, small signed integers as int32, other integers as int64.
func (z *Archive) Tensor(name string) (tensor.Tensor, error) {
	a, err := z.reading(name)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return a.tensor()
}

// Values reads an array with read, and returns its shape too.
func Values[T any](z *Archive, name string, read func(*Reader) ([]T, error)) ([]T, []int, error) {
	a, err := z.reading(name)
	if err != nil {
		return nil, nil, err
	}
	v, err := read(a)
	return v, a.header.shape, err
}
