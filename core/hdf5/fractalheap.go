package hdf5

import "math/bits"

// A fractalHeap holds the links or attributes of an object that has many.
type fractalHeap struct {
	f                *File
	idSize           int
	offsetSize       int // bytes of an offset in the heap
	lengthSize       int // bytes of a length in an identifier
	width            uint64
	start, maxDirect uint64 // bytes of the smallest and the largest direct block
	root             uint64
	rootRows         int
	hugeTree         uint64
	hugeDirect       bool
	maxDirectRows    int
}

func (f *File) fractalHeap(addr uint64) (*fractalHeap, error) {
	size := uint64(4 + 1 + 2 + 2 + 1 + 4 + 12*f.length + 3*f.offset + 2 + 2 + 2 + 2 + 4)
	b, err := f.bytes(addr, size, "a fractal heap")
	if err != nil {
		return nil, err
	}
	h := &fractalHeap{f: f}
	c := &cursor{f: f, b: b}
	if !c.signature("FRHP") || c.u8() != 0 {
		return nil, f.damaged("a fractal heap was expected at address %d", addr)
	}
	h.idSize = int(c.u16())
	if filters := c.u16(); filters != 0 {
		return nil, f.unsupported("a compressed fractal heap")
	}
	c.skip(1)
	maxManaged := uint64(c.u32())
	c.skip(uint64(f.length))
	h.hugeTree = c.address()
	c.skip(uint64(f.length + f.offset + 8*f.length))
	h.width, h.start, h.maxDirect = uint64(c.u16()), c.length(), c.length()
	heapBits := int(c.u16())
	c.skip(2)
	h.root, h.rootRows = c.address(), int(c.u16())
	if c.bad || !verified(b) {
		return nil, f.damaged("the checksum of the fractal heap at address %d is wrong", addr)
	}
	if h.width == 0 || h.start == 0 || h.start&(h.start-1) != 0 || h.maxDirect < h.start || h.maxDirect&(h.maxDirect-1) != 0 ||
		h.maxDirect > 1<<31 || heapBits > 64 || h.rootRows > 64 {
		return nil, f.damaged("the sizes of the fractal heap at address %d", addr)
	}
	h.offsetSize = (heapBits + 7) / 8
	h.lengthSize = min((bits.Len64(h.maxDirect)-1+7)/8, bytesFor(maxManaged))
	h.hugeDirect = h.idSize-1 >= f.offset+f.length
	h.maxDirectRows = bits.Len64(h.maxDirect) - bits.Len64(h.start) + 2
	return h, nil
}

// object returns the bytes that an identifier names.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := &cursor{f: h.f, b: id}
	first := c.u8()
	switch {
	case first>>6 != 0:
		return nil, h.f.unsupported("version %d of an identifier in a fractal heap", first>>6)
	case first>>4&3 == 0:
		offset, length := c.uint(h.offsetSize), c.uint(h.lengthSize)
		if c.bad {
			break
		}
		return h.managed(offset, length)
	case first>>4&3 == 1 && h.hugeDirect:
		addr, length := c.address(), c.length()
		if c.bad {
			break
		}
		return h.f.bytes(addr, length, "an object of a fractal heap")
	case first>>4&3 == 1:
		return h.huge(c.uint(min(8, h.idSize-1)))
	case first>>4&3 == 2:
		n := uint64(first&15) + 1
		if h.idSize > 18 {
			n = uint64(first&15)<<8 + uint64(c.u8()) + 1
		}
		if b := c.take(n); !c.bad {
			return b, nil
		}
	}
	return nil, h.f.damaged("an identifier in a fractal heap")
}

// huge finds an object outside of the heap's blocks.
func (h *fractalHeap) huge(key uint64) ([]byte, error) {
	var found []byte
	err := h.f.records(h.hugeTree, func(t *btree2, record []byte) error {
		if t.kind != 1 {
			return h.f.unsupported("B-tree type %d of a fractal heap", t.kind)
		}
		c := &cursor{f: h.f, b: record}
		addr, length := c.address(), c.length()
		if c.length() != key {
			return nil
		}
		var err error
		found, err = h.f.bytes(addr, length, "an object of a fractal heap")
		return err
	})
	if err == nil && found == nil {
		err = h.f.damaged("an object that a fractal heap lacks")
	}
	return found, err
}

// managed reads an object inside a direct block.
func (h *fractalHeap) managed(offset, length uint64) ([]byte, error) {
	block, start, size, err := h.direct(offset)
	if err != nil {
		return nil, err
	}
	if at := offset - start; length > size || at > size-length {
		return nil, h.f.damaged("an object of a fractal heap that leaves its block")
	}
	return h.f.bytes(block+(offset-start), length, "an object of a fractal heap")
}

// direct finds the direct block of an offset: its address, first offset and size.
func (h *fractalHeap) direct(offset uint64) (addr, start, size uint64, err error) {
	if h.rootRows == 0 {
		return h.root, 0, h.start, nil
	}
	addr, rows := h.root, h.rootRows
	for range 64 {
		row, rowStart, blockSize := 0, start, h.start
		for ; row < rows; row++ {
			if row > 1 {
				blockSize *= 2
			}
			if offset-rowStart < blockSize*h.width {
				break
			}
			rowStart += blockSize * h.width
		}
		if row == rows || blockSize > 1<<48 {
			return 0, 0, 0, h.f.damaged("an offset outside of a fractal heap")
		}
		column := (offset - rowStart) / blockSize
		child, err := h.child(addr, row, int(column), rows)
		if err != nil {
			return 0, 0, 0, err
		}
		addr, start = child, rowStart+column*blockSize
		if row < h.maxDirectRows {
			return addr, start, blockSize, nil
		}
		// The rows of an indirect block: those whose blocks together make up blockSize.
		rows = bits.Len64(blockSize) - bits.Len64(h.start*h.width) + 1
	}
	return 0, 0, 0, h.f.damaged("a fractal heap that contains itself")
}

// child reads the address of a block from an indirect block.
func (h *fractalHeap) child(addr uint64, row, column, rows int) (uint64, error) {
	prefix := uint64(4 + 1 + h.f.offset + h.offsetSize)
	at := prefix + (uint64(row)*h.width+uint64(column))*uint64(h.f.offset)
	b, err := h.f.bytes(addr, prefix, "an indirect block")
	if err != nil {
		return 0, err
	}
	if string(b[:4]) != "FHIB" {
		return 0, h.f.damaged("an indirect block was expected at address %d", addr)
	}
	if addr > h.f.size {
		return 0, h.f.damaged("an indirect block at address %d", addr)
	}
	if b, err = h.f.bytes(addr+at, uint64(h.f.offset), "an indirect block"); err != nil {
		return 0, err
	}
	c := &cursor{f: h.f, b: b}
	child := c.address()
	if child == undefined || row >= rows {
		return 0, h.f.damaged("a block that a fractal heap lacks")
	}
	return child, nil
}
