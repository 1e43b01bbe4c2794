package hdf5

import (
	"bytes"
	"encoding/binary"
)

// A cursor decodes little-endian fields of a block. After the block's end it returns zeros and bad is true.
type cursor struct {
	f   *File
	b   []byte
	bad bool
}

// take returns the next n bytes, or nil.
func (c *cursor) take(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) skip(n uint64) { c.take(n) }

// uint decodes an unsigned integer of n bytes, at most 8.
func (c *cursor) uint(n int) uint64 {
	b := c.take(uint64(n))
	var v uint64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

func (c *cursor) u8() byte    { return byte(c.uint(1)) }
func (c *cursor) u16() uint16 { return uint16(c.uint(2)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }
func (c *cursor) u64() uint64 { return c.uint(8) }

// address decodes an address; all ones of any width are undefined.
func (c *cursor) address() uint64 {
	v := c.uint(c.f.offset)
	if c.f.offset < 8 && v == 1<<(8*c.f.offset)-1 {
		return undefined
	}
	return v
}

func (c *cursor) length() uint64 {
	v := c.uint(c.f.length)
	if c.f.length < 8 && v == 1<<(8*c.f.length)-1 {
		return undefined
	}
	return v
}

// text decodes a string that ends with a zero byte.
func (c *cursor) text() string {
	i := bytes.IndexByte(c.b, 0)
	if i < 0 {
		c.bad = true
		return ""
	}
	s := string(c.b[:i])
	c.b = c.b[i+1:]
	return s
}

// paddedText decodes a string that ends with zero bytes up to a multiple of eight.
func (c *cursor) paddedText() string {
	s := c.text()
	if n := (len(s) + 1) % 8; n != 0 {
		c.skip(uint64(8 - n))
	}
	return s
}

// signature reports whether the block begins with s, and skips it.
func (c *cursor) signature(s string) bool { return string(c.take(uint64(len(s)))) == s }

// ignoreChecksums lets tests damage what checksums protect.
var ignoreChecksums bool

// verified reports whether the last four bytes of b are the checksum of the others.
func verified(b []byte) bool {
	n := len(b) - 4
	return n >= 0 && (ignoreChecksums || lookup3(b[:n]) == binary.LittleEndian.Uint32(b[n:]))
}

// lookup3 is the checksum of HDF5's metadata: Bob Jenkins's hash of that name (hashlittle, initial value 0), public domain.
func lookup3(b []byte) uint32 {
	rot := func(x uint32, k uint) uint32 { return x<<k | x>>(32-k) }
	a := uint32(0xdeadbeef) + uint32(len(b))
	bb, c := a, a
	if len(b) == 0 {
		return c
	}
	for len(b) > 12 {
		a += binary.LittleEndian.Uint32(b)
		bb += binary.LittleEndian.Uint32(b[4:])
		c += binary.LittleEndian.Uint32(b[8:])
		a -= c
		a ^= rot(c, 4)
		c += bb
		bb -= a
		bb ^= rot(a, 6)
		a += c
		c -= bb
		c ^= rot(bb, 8)
		bb += a
		a -= c
		a ^= rot(c, 16)
		c += bb
		bb -= a
		bb ^= rot(a, 19)
		a += c
		c -= bb
		c ^= rot(bb, 4)
		bb += a
		b = b[12:]
	}
	var last [12]byte
	copy(last[:], b)
	a += binary.LittleEndian.Uint32(last[0:])
	bb += binary.LittleEndian.Uint32(last[4:])
	c += binary.LittleEndian.Uint32(last[8:])
	c ^= bb
	c -= rot(bb, 14)
	a ^= c
	a -= rot(c, 11)
	bb ^= a
	bb -= rot(a, 25)
	c ^= bb
	c -= rot(bb, 16)
	a ^= c
	a -= rot(c, 4)
	bb ^= a
	bb -= rot(a, 14)
	c ^= bb
	c -= rot(bb, 24)
	return c
}
