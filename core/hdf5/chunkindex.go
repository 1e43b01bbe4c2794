package hdf5

import "math/bits"

// A chunkRef is where a chunk is stored.
type chunkRef struct {
	addr uint64
	size uint64 // stored bytes
	mask uint32 // bit i: filter i was not applied
}

// chunkMap finds chunks by their linear number: row-major over the numbers of chunks in each dimension.
type chunkMap struct {
	counts []uint64 // chunks in each dimension, at the dataset's present size
	refs   map[uint64]chunkRef
	first  uint64 // address of chunk 0 where chunks follow each other without an index, and refs is nil
	bytes  uint64 // of a chunk without filters
	order  []uint64
}

// at returns a chunk; ok is false where it is not stored.
func (m *chunkMap) at(number uint64, scaled []uint64) (chunkRef, bool) {
	if m.refs == nil {
		if m.first == undefined {
			return chunkRef{}, false
		}
		return chunkRef{addr: m.first + linear(scaled, m.order)*m.bytes, size: m.bytes}, true
	}
	r, ok := m.refs[number]
	return r, ok
}

// linear returns the row-major number of scaled among counts.
func linear(scaled, counts []uint64) uint64 {
	var n uint64
	for i, s := range scaled {
		n = n*counts[i] + s
	}
	return n
}

// indexReader builds a chunkMap.
type indexReader struct {
	d      *Dataset
	f      *File
	m      *chunkMap
	most   uint64 // entries that a file of this size can hold
	maxima []uint64
	bytes  uint64
}

func (d *Dataset) buildIndex() (*chunkMap, error) {
	rank := len(d.layout.chunk)
	m := &chunkMap{counts: make([]uint64, rank), refs: map[uint64]chunkRef{}}
	x := &indexReader{d: d, f: d.f, m: m, most: d.f.size/4 + 16, maxima: make([]uint64, rank)}
	for i, n := range d.layout.chunk {
		m.counts[i] = (d.space.dims[i] + n - 1) / n
		if d.space.max[i] != undefined {
			x.maxima[i] = (d.space.max[i] + n - 1) / n
		}
	}
	var ok bool
	if x.bytes, ok = product(d.layout.chunk, uint64(d.typ.Size)); !ok || x.bytes > maxChunk {
		return nil, d.f.unsupported("chunks of more than %d bytes (%d elements of %d bytes)", uint64(maxChunk), d.layout.chunk, d.typ.Size)
	}
	m.bytes = x.bytes
	if d.layout.addr == undefined {
		return m, nil
	}
	return m, x.read()
}

func (x *indexReader) read() error {
	l := x.d.layout
	switch l.index {
	case indexTree1:
		return x.tree1()
	case indexSingle:
		r := chunkRef{addr: l.addr, size: x.bytes, mask: l.mask}
		if len(x.d.filters) > 0 {
			r.size = l.filtered
		}
		x.m.refs[0] = r
		return nil
	case indexImplicit:
		if len(x.d.filters) > 0 {
			return x.f.damaged("filters on chunks without an index")
		}
		x.m.refs, x.m.first, x.m.order = nil, l.addr, x.maxima
		return nil
	case indexFixed:
		return x.fixed()
	case indexExtensible:
		return x.extensible()
	}
	return x.tree2()
}

// put adds a chunk that lies inside the dataset; others were cut off when it shrank.
func (x *indexReader) put(scaled []uint64, r chunkRef) error {
	if r.addr == undefined {
		return nil
	}
	for i, s := range scaled {
		if s >= x.m.counts[i] {
			return nil
		}
	}
	if len(x.d.filters) == 0 {
		r.size = x.bytes
	}
	if x.most == 0 {
		return x.f.damaged("more chunks than the file has room for")
	}
	x.most--
	x.m.refs[linear(scaled, x.m.counts)] = r
	return nil
}

func (x *indexReader) tree1() error {
	rank := len(x.d.layout.chunk)
	scaled := make([]uint64, rank)
	return x.f.tree1(x.d.layout.addr, 1, 8+8*(rank+1), func(key []byte, child uint64) error {
		c := &cursor{f: x.f, b: key}
		r := chunkRef{addr: child, size: uint64(c.u32()), mask: c.u32()}
		for i := range scaled {
			at := c.u64()
			if at%x.d.layout.chunk[i] != 0 {
				return x.f.damaged("a chunk at element %d of dimension %d, where chunks have %d", at, i, x.d.layout.chunk[i])
			}
			scaled[i] = at / x.d.layout.chunk[i]
		}
		return x.put(scaled, r)
	})
}

func (x *indexReader) tree2() error {
	scaled := make([]uint64, len(x.d.layout.chunk))
	return x.f.records(x.d.layout.addr, func(t *btree2, record []byte) error {
		sizes := len(record) - x.f.offset - 4 - 8*len(scaled)
		if t.kind != 10 && t.kind != 11 || t.kind == 11 && (sizes < 1 || sizes > 8) {
			return x.f.damaged("B-tree type %d of chunks", t.kind)
		}
		c := &cursor{f: x.f, b: record}
		r := chunkRef{addr: c.address()}
		if t.kind == 11 {
			r.size, r.mask = c.uint(sizes), c.u32()
		}
		for i := range scaled {
			scaled[i] = c.u64()
		}
		if c.bad {
			return x.f.damaged("a record of a chunk is cut off")
		}
		return x.put(scaled, r)
	})
}

// An entry of an array of chunks has a fixed size.
type entrySize struct {
	size     int
	filtered bool
}

func (x *indexReader) entrySize(client, size byte) (entrySize, error) {
	e := entrySize{size: int(size), filtered: client == 1}
	bad := client > 1 || !e.filtered && e.size != x.f.offset
	if e.filtered {
		n := e.size - x.f.offset - 4
		bad = bad || n < 1 || n > 8
	}
	if bad {
		return e, x.f.damaged("entries of %d bytes in an array of chunks", size)
	}
	return e, nil
}

func (x *indexReader) entry(c *cursor, e entrySize) chunkRef {
	r := chunkRef{addr: c.address()}
	if e.filtered {
		r.size, r.mask = c.uint(e.size-x.f.offset-4), c.u32()
	}
	return r
}

// entries decodes the entries of b, the first of which has that number in an array ordered by counts, slowest dimension first;
// swap is the dimension that was moved to the front, or 0.
func (x *indexReader) entries(b []byte, e entrySize, first uint64, counts []uint64, swap int) error {
	c := &cursor{f: x.f, b: b}
	scaled := make([]uint64, len(counts))
	for number := first; len(c.b) >= e.size; number++ {
		r := x.entry(c, e)
		if r.addr == undefined {
			continue
		}
		rest := number
		for i := len(counts) - 1; i > 0; i-- {
			n := max(counts[i], 1)
			scaled[i], rest = rest%n, rest/n
		}
		scaled[0] = rest
		s := scaled
		if swap > 0 {
			s = append(append(append([]uint64{}, scaled[1:swap+1]...), scaled[0]), scaled[swap+1:]...)
		}
		if err := x.put(s, r); err != nil {
			return err
		}
	}
	return nil
}

func (x *indexReader) fixed() error {
	f := x.f
	size := uint64(4 + 4 + f.length + f.offset + 4)
	b, err := f.bytes(x.d.layout.addr, size, "an array of chunks")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b}
	if !c.signature("FAHD") || c.u8() != 0 || !verified(b) {
		return f.damaged("an array of chunks was expected at address %d", x.d.layout.addr)
	}
	e, err := x.entrySize(c.u8(), c.u8())
	if err != nil {
		return err
	}
	pageBits := c.u8()
	n, addr := c.length(), c.address()
	if addr == undefined {
		return nil
	}
	if pageBits > 32 || n > f.size {
		return f.damaged("an array of %d chunks", n)
	}
	prefix := uint64(4 + 1 + 1 + f.offset)
	page := uint64(1) << pageBits
	if n <= page {
		b, err := x.checked(addr, prefix+n*uint64(e.size)+4, "FADB")
		if err != nil {
			return err
		}
		return x.entries(b[prefix:len(b)-4], e, 0, x.maxima, 0)
	}
	pages := (n + page - 1) / page
	bitmap := (pages + 7) / 8
	if b, err = x.checked(addr, prefix+bitmap+4, "FADB"); err != nil {
		return err
	}
	return x.pages(b[prefix:prefix+bitmap], 0, addr+prefix+bitmap+4, e, n, page, 0, x.maxima, 0)
}

// pages reads the entries of a block that is divided into pages; used has a bit for each page that is stored, from number bit on.
func (x *indexReader) pages(used []byte, bit, addr uint64, e entrySize, n, page, first uint64, counts []uint64, swap int) error {
	for p := uint64(0); p*page < n; p++ {
		has := min(page, n-p*page)
		if k := bit + p; used[k/8]&(0x80>>(k%8)) != 0 {
			b, err := x.f.bytes(addr, has*uint64(e.size)+4, "a page of chunks")
			if err != nil {
				return err
			}
			if !verified(b) {
				return x.f.damaged("the checksum of the page of chunks at address %d is wrong", addr)
			}
			if err := x.entries(b[:len(b)-4], e, first+p*page, counts, swap); err != nil {
				return err
			}
		}
		addr += page*uint64(e.size) + 4
		if addr > x.f.size { // the pages that follow must be unused
			for p++; p*page < n; p++ {
				if k := bit + p; used[k/8]&(0x80>>(k%8)) != 0 {
					return x.f.damaged("a page of chunks lies behind the end of the file")
				}
			}
			return nil
		}
	}
	return nil
}

// checked reads a block with a signature and a checksum at its end.
func (x *indexReader) checked(addr, n uint64, sign string) ([]byte, error) {
	b, err := x.f.bytes(addr, n, "an array of chunks")
	if err != nil {
		return nil, err
	}
	if string(b[:4]) != sign || !verified(b) {
		return nil, x.f.damaged("a block %s of an array of chunks was expected at address %d", sign, addr)
	}
	return b, nil
}

// log2 is the integer logarithm of n > 0.
func log2(n uint64) int { return bits.Len64(n) - 1 }
