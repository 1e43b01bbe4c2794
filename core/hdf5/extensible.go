package hdf5

// extensible reads the chunks of an extensible array, the index of a dataset that can grow in one dimension: an index block, data
// blocks that double in size, and above a number of them secondary blocks.
func (x *indexReader) extensible() error {
	f := x.f
	b, err := x.checked(x.d.layout.addr, uint64(4+8+6*f.length+f.offset+4), "EAHD")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b[4:]}
	if v := c.u8(); v != 0 {
		return f.unsupported("extensible array version %d", v)
	}
	a := &extensible{x: x, swap: 0}
	if a.entry, err = x.entrySize(c.u8(), c.u8()); err != nil {
		return err
	}
	bitsOfIndex := int(c.u8())
	a.inIndex, a.smallest, a.pointers = uint64(c.u8()), uint64(c.u8()), uint64(c.u8())
	pageBits := int(c.u8())
	c.skip(uint64(6 * f.length))
	addr := c.address()
	if addr == undefined {
		return nil
	}
	if bitsOfIndex == 0 || bitsOfIndex > 64 || a.smallest == 0 || a.smallest&(a.smallest-1) != 0 || a.pointers == 0 || a.pointers&(a.pointers-1) != 0 ||
		pageBits > 32 || bitsOfIndex <= log2(a.smallest) {
		return f.damaged("the sizes of the extensible array at address %d", x.d.layout.addr)
	}
	a.page = 1 << pageBits
	a.offsetSize = (bitsOfIndex + 7) / 8
	a.supers = 1 + bitsOfIndex - log2(a.smallest)
	for i, n := range x.maxima {
		if x.d.space.max[i] == undefined {
			a.swap = i
		}
		a.counts = append(a.counts, n)
	}
	if s := a.swap; s > 0 { // the dimension that grows comes first
		a.counts = append(append([]uint64{a.counts[s]}, a.counts[:s]...), a.counts[s+1:]...)
	}
	return a.indexBlock(addr)
}

type extensible struct {
	x          *indexReader
	entry      entrySize
	inIndex    uint64 // entries in the index block
	smallest   uint64 // entries of the smallest data block
	pointers   uint64 // data blocks of the smallest secondary block
	page       uint64 // entries of a page
	offsetSize int
	supers     int // groups of data blocks
	swap       int
	counts     []uint64
}

// group returns the number of data blocks of group u, and the entries of each.
func group(u int, smallest uint64) (blocks, entries uint64) {
	return 1 << (u / 2), smallest << ((u + 1) / 2)
}

func (a *extensible) indexBlock(addr uint64) error {
	f := a.x.f
	prefix := uint64(4 + 1 + 1 + f.offset)
	direct := 2 * log2(a.pointers) // groups whose data blocks the index block lists
	if direct > a.supers {
		return f.damaged("the groups of an extensible array")
	}
	dataBlocks, secondary := 2*(a.pointers-1), uint64(a.supers-direct)
	b, err := a.x.checked(addr, prefix+a.inIndex*uint64(a.entry.size)+(dataBlocks+secondary)*uint64(f.offset)+4, "EAIB")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b[prefix:]}
	if err := a.x.entries(c.take(a.inIndex*uint64(a.entry.size)), a.entry, 0, a.counts, a.swap); err != nil {
		return err
	}
	first := a.inIndex
	for u := range a.supers {
		blocks, n := group(u, a.smallest)
		if u >= direct {
			if block := c.address(); block != undefined {
				if err := a.secondary(block, first, blocks, n); err != nil {
					return err
				}
			}
			first += blocks * n
			continue
		}
		for range blocks {
			if block := c.address(); block != undefined {
				if err := a.dataBlock(block, first, n, nil, 0); err != nil {
					return err
				}
			}
			first += n
		}
	}
	return nil
}

// secondary reads a block that lists data blocks of n entries.
func (a *extensible) secondary(addr, first, blocks, n uint64) error {
	f := a.x.f
	var bitmap uint64 // bytes that say which pages of a data block are stored
	if n > a.page {
		bitmap = (n/a.page + 7) / 8
	}
	if blocks > f.size || bitmap > f.size {
		return f.damaged("an extensible array larger than the file")
	}
	prefix := uint64(4 + 1 + 1 + f.offset + a.offsetSize)
	b, err := a.x.checked(addr, prefix+blocks*bitmap+blocks*uint64(f.offset)+4, "EASB")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b[prefix:]}
	used := c.take(blocks * bitmap)
	for i := range blocks {
		block := c.address()
		if block != undefined {
			if err := a.dataBlock(block, first, n, used, i*(n/a.page)); err != nil {
				return err
			}
		}
		first += n
	}
	return nil
}

// dataBlock reads n entries; the bits of used from number bit on say which of its pages are stored.
func (a *extensible) dataBlock(addr, first, n uint64, used []byte, bit uint64) error {
	f := a.x.f
	prefix := uint64(4 + 1 + 1 + f.offset + a.offsetSize)
	if n > f.size {
		return f.damaged("an extensible array larger than the file")
	}
	if n <= a.page || len(used) == 0 {
		b, err := a.x.checked(addr, prefix+n*uint64(a.entry.size)+4, "EADB")
		if err != nil {
			return err
		}
		return a.x.entries(b[prefix:len(b)-4], a.entry, first, a.counts, a.swap)
	}
	if _, err := a.x.checked(addr, prefix+4, "EADB"); err != nil {
		return err
	}
	return a.x.pages(used, bit, addr+prefix+4, a.entry, n, a.page, first, a.counts, a.swap)
}
