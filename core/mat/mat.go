// Package mat reads numbers from MAT files of version 5, which MATLAB writes as v6 and v7, and other programs too: numeric arrays, real
// and complex, also in structures and cells, uncompressed or compressed with zlib, in either byte order. Arrays are described when a file
// is opened, and their values are read on demand.
//
// A file is hostile input: each length is checked against the file's size before memory is allocated. The format is specified in "MAT-File
// Format", The MathWorks. Version 7.3 is HDF5.
//
// It is a package of its own because it reads a file format and knows nothing of scans.
package mat

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ptychogo/ptycho/internal/disk"
)

// Limits of a file.
const (
	maxVariables = 1 << 16
	maxDepth     = 16      // of structures
	maxName      = 1 << 16 // bytes of all names of fields of a structure
	maxExpansion = 1032    // of deflate
)

// A Variable is a numeric array of a file.
type Variable struct {
	Name    string // fields behind a dot: outputs.probe_positions
	Dims    []int  // the first varies fastest
	Kind    byte   // u unsigned, i signed, f float: as stored, which may be smaller than the class in MATLAB
	Size    int    // bytes of a number
	Complex bool

	at, length int64 // of the element in the file
	packed     bool
	real, imag int64 // offsets of the numbers from at, or in the expanded element
}

// Len returns the number of elements.
func (v *Variable) Len() int64 {
	n := int64(1)
	for _, d := range v.Dims {
		n *= int64(d)
	}
	return n
}

// A File is an open MAT file.
type File struct {
	io.Closer
	Order     binary.ByteOrder
	Variables []*Variable

	name string
	r    io.ReaderAt
	size int64
}

const headBytes = 128

// Is reports whether a file that begins with these bytes is a MAT file of version 5.
func Is(head []byte) bool {
	if len(head) < headBytes {
		return false
	}
	end := string(head[124:headBytes])
	return end == "\x00\x01IM" || end == "\x01\x00MI"
}

// Open opens a file and lists its arrays.
func Open(name string) (*File, error) {
	f, st, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	m, err := New(name, f, st.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	m.Closer = f
	return m, nil
}

// New is Open for a file that is open. name is for messages.
func New(name string, r io.ReaderAt, size int64) (*File, error) {
	f := &File{name: name, r: r, size: size, Order: binary.LittleEndian}
	head := make([]byte, headBytes)
	if n, _ := r.ReadAt(head, 0); !Is(head[:n]) {
		return nil, fmt.Errorf("%s: not a MAT file of version 5", name)
	}
	if head[126] == 'M' {
		f.Order = binary.BigEndian
	}
	for at := int64(headBytes); at < size; {
		var tag [8]byte
		if n, _ := r.ReadAt(tag[:], at); n < len(tag) {
			return nil, f.errorf("ends within a variable; copy or download it again")
		}
		kind, length := f.Order.Uint32(tag[:]), int64(f.Order.Uint32(tag[4:]))
		if at += 8; length > size-at {
			return nil, f.errorf("a variable claims %d bytes, and the file has %d more; copy or download it again", length, size-at)
		}
		v := Variable{at: at, length: length, packed: kind == typeCompressed}
		if kind != typeCompressed && kind != typeMatrix {
			return nil, f.errorf("has an element of type %d where a variable is expected; the file is damaged", kind)
		}
		if err := f.describe(v); err != nil {
			return nil, f.errorf("variable %d: %w", len(f.Variables), err)
		}
		at += length
	}
	return f, nil
}

func (f *File) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{f.name}, args...)...)
}

// Find returns the variable of that name, nil if there is none.
func (f *File) Find(name string) *Variable {
	for _, v := range f.Variables {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// Real returns the numbers, or the real parts: a reader that can be used once for a compressed variable, and any number of times through
// ReadAt otherwise.
func (f *File) Real(v *Variable) (io.ReadCloser, error) { return f.open(v, v.real) }

// Imag returns the imaginary parts.
func (f *File) Imag(v *Variable) (io.ReadCloser, error) { return f.open(v, v.imag) }

// At returns the numbers of a variable that is not compressed; ok is false for others.
func (f *File) At(v *Variable) (r io.ReaderAt, ok bool) {
	return io.NewSectionReader(f.r, v.at+v.real, v.length-v.real), !v.packed
}

// open opens the variable at an offset.
func (f *File) open(v *Variable, skip int64) (io.ReadCloser, error) {
	r, err := f.element(v)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return nil, f.errorf("%s: %w", v.Name, errShort)
	}
	return r, nil
}

// element returns the bytes behind the tag of a variable, expanded.
func (f *File) element(v *Variable) (io.ReadCloser, error) {
	section := bufio.NewReader(io.NewSectionReader(f.r, v.at, v.length))
	if !v.packed {
		return io.NopCloser(section), nil
	}
	z, err := zlib.NewReader(section)
	if err != nil {
		return nil, errShort
	}
	return z, nil
}

var errShort = errors.New("its data is damaged or ends too early; copy or download the file again")

// describe reads the head of a variable, and of all fields if it is a structure.
func (f *File) describe(v Variable) error {
	r, err := f.element(&v)
	if err != nil {
		return err
	}
	defer r.Close()
	p := &parser{f: f, r: r, from: v, limit: v.length}
	if v.packed {
		p.limit = (v.length + 1) * maxExpansion
		kind, length, err := p.tag()
		if err != nil {
			return err
		}
		if kind != typeMatrix || length > p.limit {
			return fmt.Errorf("an element of type %d and %d bytes was compressed where a variable is expected", kind, length)
		}
		return p.matrix("", p.at+length, 0, true)
	}
	return p.matrix("", v.length, 0, true)
}

// types maps the types of elements to kind and size.
var types = map[uint32]struct {
	kind byte
	size int
}{1: {'i', 1}, 2: {'u', 1}, 3: {'i', 2}, 4: {'u', 2}, 5: {'i', 4}, 6: {'u', 4}, 7: {'f', 4}, 9: {'f', 8}, 12: {'i', 8}, 13: {'u', 8}}

// Types of elements that are not numbers, and classes of arrays.
const (
	typeMatrix     = 14
	typeCompressed = 15
	classCell      = 1
	classStruct    = 2
	classObject    = 3
	classChar      = 4
	firstNumeric   = 6
	lastNumeric    = 15
	flagComplex    = 8
)

// elements returns the number of elements of dimensions.
func elements(dims []int) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 || int64(d) > math.MaxInt32 || n*int64(d) > 1<<40 {
			return 0, fmt.Errorf("an array has the dimensions %d; the file is damaged", dims)
		}
		n *= int64(d)
	}
	return n, nil
}

// fieldName joins the name of a structure and of a field; index is that of the structure in an array of several.
func fieldName(structure, field string, index, count int64) string {
	if count > 1 {
		structure = fmt.Sprintf("%s(%d)", structure, index+1)
	}
	return strings.TrimPrefix(structure+"."+field, ".")
}
