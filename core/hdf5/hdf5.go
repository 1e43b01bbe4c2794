// Package hdf5 reads and writes HDF5 files in pure Go, without the HDF5 library.
//
// Open returns a [File]; [File.Dataset] and [File.Group] find objects by path, [File.Walk] visits all of them. [Read] copies a
// block of a dataset into numbers of the caller's type, chunk by chunk and on all cores, so that a dataset larger than memory is
// read in pieces. Values are never changed silently: a number that does not fit the type is an error.
//
// Read: superblocks 0 to 3, user blocks, object headers 1 and 2, groups of every kind, attributes, hard, soft and external links
// (external ones only to files in the folder of the file or below; see [File.Moved]), contiguous, compact, chunked and virtual
// datasets with every chunk index of the format up to HDF5 2.0, integers, floats of 16, 32 and 64 bits, complex numbers (also as compounds named r and
// i, or real and imag), strings, enumerations and booleans, compounds field by field, arrays, and the filters deflate, shuffle,
// fletcher32, LZF, LZ4, bitshuffle and Zstandard.
//
// Not read, and refused by name: szip, n-bit, scale-offset, Blosc and other filters, external data files (a format before
// external links), shared header messages, variable-length sequences and references as
// values, and virtual datasets whose size follows that of their sources.
//
// A [Writer] writes groups, attributes, soft links, and datasets of integers, floats, complex numbers (as compounds of r and i),
// booleans and texts, contiguous or in chunks of whole rows with shuffle and deflate, in a superblock of version 2, which HDF5 1.8
// and later read. [Create] writes a dataset piece by piece.
//
// A file is hostile input. Each address and length is checked against the file's size before memory is allocated, and checksums
// of metadata are verified, except those of the blocks of fractal heaps.
//
// The format is specified in "HDF5 File Format Specification Version 3.0", The HDF Group.
//
// It is a package of its own because it reads a file format and knows nothing of scans.
package hdf5

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// undefined is the address of what is not stored.
const undefined = ^uint64(0)

// A File is an open HDF5 file. Its methods may be called from several goroutines.
type File struct {
	name    string
	r       io.ReaderAt
	size    uint64 // bytes
	closer  io.Closer
	folder  string // of external links; "" forbids them
	base    uint64 // position of address 0
	offset  int    // bytes of an address
	length  int    // bytes of a length
	root    uint64 // address of the root group's header
	workers int

	mu       sync.Mutex
	external map[string]*File
	moved    []string // see Moved
	heaps    map[uint64]globalHeap
}

// Open opens the file of that name. External links and virtual datasets may reach files in its folder and below.
func Open(name string) (*File, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() { // to open a pipe would wait
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	r, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, cause(err))
	}
	f, err := newFile(name, r, info.Size())
	if err != nil {
		r.Close()
		return nil, err
	}
	f.closer, f.folder = r, filepath.Dir(name)
	return f, nil
}

// NewFile reads a file of size bytes from r. name appears in errors. External links and virtual datasets of other files are refused.
func NewFile(name string, r io.ReaderAt, size int64) (*File, error) { return newFile(name, r, size) }

// Close closes the file and those that its external links have opened.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, e := range f.external {
		errs = append(errs, e.Close())
	}
	f.external = nil
	if f.closer != nil {
		errs = append(errs, f.closer.Close())
	}
	return errors.Join(errs...)
}

// Name returns the name that the file was opened with.
func (f *File) Name() string { return f.name }

// SetWorkers sets the number of goroutines that decompress chunks, 0 for one a core.
func (f *File) SetWorkers(n int) { f.workers = n }

// A FormatError says that a file is damaged or not an HDF5 file.
type FormatError struct {
	File string
	Msg  string
}

func (e *FormatError) Error() string { return e.File + ": " + e.Msg }

// An UnsupportedError names a part of the format that this package does not read.
type UnsupportedError struct {
	File    string
	Feature string
}

func (e *UnsupportedError) Error() string {
	return e.File + ": " + e.Feature + " is not supported"
}

func (f *File) damaged(format string, args ...any) error {
	return &FormatError{File: f.name, Msg: "damaged HDF5 file: " + fmt.Sprintf(format, args...)}
}

func (f *File) unsupported(format string, args ...any) error {
	return &UnsupportedError{File: f.name, Feature: fmt.Sprintf(format, args...)}
}

// bytes reads n bytes at an address.
func (f *File) bytes(addr, n uint64, what string) ([]byte, error) {
	if err := f.inside(addr, n, what); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if err := f.readAt(b, addr, what); err != nil {
		return nil, err
	}
	return b, nil
}

// inside returns an error unless the file contains n bytes at an address.
func (f *File) inside(addr, n uint64, what string) error {
	room := f.size - f.base
	if addr > room || n > room-addr {
		return f.damaged("%s of %d bytes at address %d lies outside of the file, which ends after %d bytes", what, n, addr, f.size)
	}
	return nil
}

// readAt fills b from an address. The caller has checked that it lies inside.
func (f *File) readAt(b []byte, addr uint64, what string) error {
	if n, err := f.r.ReadAt(b, int64(f.base+addr)); n < len(b) {
		return f.unreadable(err, what, addr)
	}
	return nil
}

// unreadable returns the error of a read that ended early.
func (f *File) unreadable(err error, what string, addr uint64) error {
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%s: %s at address %d cannot be read: %w", f.name, what, addr, err)
}
