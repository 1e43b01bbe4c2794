package hdf5

// A layoutClass says how the values of a dataset are stored.
type layoutClass uint8

const (
	compact layoutClass = iota
	contiguous
	chunked
	virtual
)

// A chunkIndex says how the chunks of a dataset are found.
type chunkIndex uint8

const (
	indexTree1 chunkIndex = iota // version 1 B-tree
	indexSingle
	indexImplicit
	indexFixed
	indexExtensible
	indexTree2
)

var indexNames = [...]string{"B-tree 1", "single chunk", "implicit", "fixed array", "extensible array", "B-tree 2"}

func (i chunkIndex) String() string { return indexNames[i] }

type layout struct {
	class    layoutClass
	data     []byte   // of compact
	addr     uint64   // of contiguous: the values; of chunked: the index; of virtual: the heap
	size     uint64   // bytes of contiguous
	chunk    []uint64 // elements of a chunk in each dimension
	index    chunkIndex
	unmasked bool   // chunks at the edge of the dataset are stored without filters
	filtered uint64 // stored bytes of a single chunk
	mask     uint32 // filters that a single chunk skips
	object   uint32 // of virtual: the object in the heap
}

// layout decodes a layout message of a dataset of that rank.
func (f *File) layout(b []byte, rank int) (layout, error) {
	c := &cursor{f: f, b: b}
	var l layout
	version := c.u8()
	var err error
	switch version {
	case 1, 2:
		err = f.oldLayout(c, &l, rank)
	case 3, 4, 5:
		err = f.newLayout(c, &l, version, rank)
	default:
		err = f.unsupported("layout version %d", version)
	}
	if err == nil && c.bad {
		err = f.damaged("a layout is cut off")
	}
	if err != nil {
		return l, err
	}
	for _, n := range l.chunk {
		if n == 0 {
			return l, f.damaged("chunks of %d elements", l.chunk)
		}
	}
	return l, nil
}

func (f *File) oldLayout(c *cursor, l *layout, rank int) error {
	n := int(c.u8())
	l.class = layoutClass(c.u8())
	c.skip(5)
	if l.class > chunked {
		return f.damaged("layout class %d", l.class)
	}
	if l.class != compact {
		l.addr = c.address()
	}
	dims := make([]uint64, 0, n)
	for range n {
		dims = append(dims, uint64(c.u32()))
	}
	switch l.class {
	case compact:
		l.data = c.take(uint64(c.u32()))
	case contiguous:
		l.size = undefined // the dataspace and the type say it
	case chunked:
		if err := f.chunkRank(n, rank); err != nil {
			return err
		}
		l.chunk = dims[:rank]
	}
	return nil
}

// newLayout decodes what versions 3 to 5 have in common.
func (f *File) newLayout(c *cursor, l *layout, version byte, rank int) error {
	l.class = layoutClass(c.u8())
	switch {
	case l.class == compact:
		l.data = c.take(uint64(c.u16()))
	case l.class == contiguous:
		l.addr, l.size = c.address(), c.length()
	case l.class == chunked && version == 3:
		if err := f.chunkRank(int(c.u8()), rank); err != nil {
			return err
		}
		l.addr = c.address()
		for range rank {
			l.chunk = append(l.chunk, uint64(c.u32()))
		}
	case l.class == chunked:
		return f.chunks4(c, l, rank)
	case l.class == virtual && version > 3:
		l.addr, l.object = c.address(), c.u32()
	default:
		return f.damaged("layout class %d", l.class)
	}
	return nil
}

// chunkRank compares the dimensions of a chunk, which include the element, with those of the dataset.
func (f *File) chunkRank(n, rank int) error {
	if n != rank+1 {
		return f.damaged("chunks of %d dimensions in a dataset of %d", n-1, rank)
	}
	return nil
}

// chunks4 decodes the chunks of versions 4 and 5, which have an index of their own kind.
func (f *File) chunks4(c *cursor, l *layout, rank int) error {
	flags := c.u8()
	if err := f.chunkRank(int(c.u8()), rank); err != nil {
		return err
	}
	width := int(c.u8())
	if width < 1 || width > 8 {
		return f.damaged("sizes of chunks in %d bytes", width)
	}
	for range rank {
		l.chunk = append(l.chunk, c.uint(width))
	}
	c.skip(uint64(width))
	l.unmasked = flags&1 != 0
	switch kind := c.u8(); kind {
	case 1:
		l.index = indexSingle
		if flags&2 != 0 {
			l.filtered, l.mask = c.length(), c.u32()
		}
	case 2:
		l.index = indexImplicit
	case 3:
		l.index = indexFixed
		c.skip(1)
	case 4:
		l.index = indexExtensible
		c.skip(5)
	case 5:
		l.index = indexTree2
		c.skip(6)
	default:
		return f.unsupported("chunk index %d", kind)
	}
	l.addr = c.address()
	return nil
}

// fill returns the value of elements that are not stored: size bytes.
func (f *File) fill(o *object, size int) ([]byte, error) {
	value := make([]byte, size)
	m, ok := o.find(msgFill)
	if !ok {
		if m, ok = o.find(msgOldFill); !ok {
			return value, nil
		}
	}
	b, err := f.resolve(m.kind, m)
	if err != nil {
		return nil, err
	}
	c := &cursor{f: f, b: b}
	if m.kind == msgFill {
		switch version := c.u8(); version {
		case 1, 2:
			c.skip(2)
			if defined := c.u8(); version == 2 && defined == 0 {
				return value, nil
			}
		case 3:
			if flags := c.u8(); flags&0x20 == 0 {
				return value, nil
			}
		default:
			return nil, f.unsupported("fill value version %d", version)
		}
	}
	n := c.u32()
	stored := c.take(uint64(n))
	switch {
	case c.bad:
		return nil, f.damaged("a fill value is cut off")
	case n == 0:
	case int(n) == size:
		copy(value, stored)
	default:
		return nil, f.damaged("a fill value of %d bytes for elements of %d", n, size)
	}
	return value, nil
}
