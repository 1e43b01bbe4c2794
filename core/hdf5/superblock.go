package hdf5

import (
	"errors"
	"io"
)

const signature = "\x89HDF\r\n\x1a\n"

// newFile finds the superblock, which may follow a user block of 512, 1024, 2048 … bytes, and decodes it.
func newFile(name string, r io.ReaderAt, size int64) (*File, error) {
	f := &File{name: name, r: r, size: uint64(max(size, 0)), offset: 8, length: 8}
	b := make([]byte, len(signature))
	for at := int64(0); at+int64(len(b)) <= size; {
		if _, err := r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if string(b) == signature {
			f.base = uint64(at)
			return f, f.superblock()
		}
		if at == 0 {
			at = 512
		} else {
			at *= 2
		}
	}
	return nil, &FormatError{File: name, Msg: "not an HDF5 file"}
}

// superblock decodes the block at address 0. Its base address is not used: like the HDF5 library, addresses count from the place
// where the signature was found.
func (f *File) superblock() error {
	n := min(f.size-f.base, 128)
	b, err := f.bytes(0, n, "the superblock")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b}
	c.skip(8)
	switch version := c.u8(); version {
	case 0, 1:
		c.skip(4)
		f.offset, f.length = int(c.u8()), int(c.u8())
		c.skip(1 + 2 + 2 + 4)
		if version == 1 {
			c.skip(4)
		}
		if !validSize(f.offset) || !validSize(f.length) {
			return f.damaged("addresses of %d and lengths of %d bytes", f.offset, f.length)
		}
		c.skip(uint64(4 * f.offset)) // base, free space, end of file, driver
		c.skip(uint64(f.offset))     // name of the root group
		f.root = c.address()
	case 2, 3:
		f.offset, f.length = int(c.u8()), int(c.u8())
		c.skip(1)
		if !validSize(f.offset) || !validSize(f.length) {
			return f.damaged("addresses of %d and lengths of %d bytes", f.offset, f.length)
		}
		c.skip(uint64(3 * f.offset)) // base, extension, end of file
		f.root = c.address()
		if end := len(b) - len(c.b) + 4; c.bad || end > len(b) || !verified(b[:end]) {
			return f.damaged("the checksum of the superblock is wrong")
		}
	default:
		return f.unsupported("superblock version %d", version)
	}
	if c.bad {
		return f.damaged("the superblock is cut off")
	}
	return nil
}

func validSize(n int) bool { return n == 2 || n == 4 || n == 8 }
