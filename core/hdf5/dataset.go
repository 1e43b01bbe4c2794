package hdf5

import (
	"fmt"
	"slices"
	"sync"
)

// maxChunk bounds the bytes of one chunk.
const maxChunk = 128 << 20

// A Dataset is an array of a file.
type Dataset struct {
	f       *File
	path    string
	header  *object
	space   space
	typ     *Type
	layout  layout
	filters []filter
	fill    []byte

	once    sync.Once
	index   *chunkMap
	err     error
	cache   chunkCache
	readers sync.Pool // of *chunkReader
}

// dataset decodes the header of a dataset.
func (f *File) dataset(path string, o *object) (*Dataset, error) {
	d := &Dataset{f: f, path: path, header: o}
	m, ok := o.find(msgDatatype)
	if !ok {
		return nil, f.damaged("%s is a dataset without a datatype", path)
	}
	b, err := f.resolve(msgDatatype, m)
	if err == nil {
		d.typ, err = f.datatype(b)
	}
	if err != nil {
		return nil, err
	}
	if m, ok = o.find(msgDataspace); !ok {
		return nil, f.damaged("%s is a dataset without a dataspace", path)
	}
	if b, err = f.resolve(msgDataspace, m); err == nil {
		d.space, err = f.space(b)
	}
	if err != nil {
		return nil, err
	}
	if m, ok = o.find(msgPipeline); ok {
		if b, err = f.resolve(msgPipeline, m); err == nil {
			d.filters, err = f.pipeline(b)
		}
		if err != nil {
			return nil, err
		}
	}
	if m, ok = o.find(msgLayout); !ok {
		return nil, f.damaged("%s is a dataset without a layout", path)
	}
	if d.layout, err = f.layout(m.data, len(d.space.dims)); err != nil {
		return nil, err
	}
	if d.fill, err = f.fill(o, d.typ.Size); err != nil {
		return nil, err
	}
	return d, nil
}

// Path returns the path that the dataset was found at.
func (d *Dataset) Path() string { return d.path }

// Shape returns the size of each dimension, slowest first; it is empty for a scalar.
func (d *Dataset) Shape() []uint64 { return slices.Clone(d.space.dims) }

// Len returns the number of elements.
func (d *Dataset) Len() uint64 { return d.space.count() }

// Type returns the type of the elements.
func (d *Dataset) Type() *Type { return d.typ }

// readRaw copies a block of elements as they are stored into dst, row-major.
func (d *Dataset) readRaw(dst []byte, start, count []uint64) error {
	n, err := d.checkBlock(start, count)
	if err != nil {
		return err
	}
	if uint64(len(dst)) != n*uint64(d.typ.Size) {
		return fmt.Errorf("hdf5: a block of %d elements of %d bytes was asked for in %d bytes", n, d.typ.Size, len(dst))
	}
	if n == 0 {
		return nil
	}
	if _, ok := d.header.find(msgExternalData); ok {
		return d.f.unsupported("external data files of %s", d.path)
	}
	switch d.layout.class {
	case compact:
		return d.readCompact(dst, start, count)
	case contiguous:
		return d.readContiguous(dst, start, count)
	case virtual:
		return d.readVirtual(dst, start, count)
	}
	return d.readChunks(dst, start, count)
}

// checkBlock returns the number of elements of a block, or an error if it leaves the dataset.
func (d *Dataset) checkBlock(start, count []uint64) (uint64, error) {
	if len(start) != len(d.space.dims) || len(count) != len(start) {
		return 0, fmt.Errorf("%s: %s has %d dimensions, and a block of %d was asked for", d.f.name, d.path, len(d.space.dims), len(start))
	}
	for i, n := range d.space.dims {
		if start[i] > n || count[i] > n-start[i] {
			return 0, fmt.Errorf("%s: %s has %d elements, and a block of %d from %d leaves them", d.f.name, d.path, d.space.dims, count, start)
		}
	}
	if d.space.null {
		return 0, nil
	}
	n, ok := product(count, 1)
	if _, fits := product(count, uint64(d.typ.Size)); !ok || !fits {
		return 0, fmt.Errorf("%s: a block of %d elements of %s is too large", d.f.name, count, d.path)
	}
	return n, nil
}

func (d *Dataset) readCompact(dst []byte, start, count []uint64) error {
	if size, ok := product(d.space.dims, uint64(d.typ.Size)); !ok || uint64(len(d.layout.data)) < size {
		return d.f.damaged("%s has %d of %d bytes", d.path, len(d.layout.data), size)
	}
	zero := make([]uint64, len(start))
	copyBlock(dst, count, zero, d.layout.data, d.space.dims, start, count, d.typ.Size)
	return nil
}

// Offset returns the place of the first value in the file, in bytes, if all values of the dataset lie there one after the other.
func (d *Dataset) Offset() (bytes int64, ok bool) {
	size, fits := product(d.space.dims, uint64(d.typ.Size))
	_, external := d.header.find(msgExternalData)
	if d.layout.class != contiguous || d.layout.addr == undefined || external || !fits || d.layout.size != undefined && d.layout.size < size ||
		d.f.inside(d.layout.addr, size, "") != nil {
		return 0, false
	}
	return int64(d.f.base + d.layout.addr), true
}

// File returns the name of the file that has the dataset.
func (d *Dataset) File() string { return d.f.name }

func (d *Dataset) readContiguous(dst []byte, start, count []uint64) error {
	if d.layout.addr == undefined {
		fillWith(dst, d.fill)
		return nil
	}
	size, ok := product(d.space.dims, uint64(d.typ.Size))
	if !ok || d.layout.size != undefined && d.layout.size < size {
		return d.f.damaged("%s has %d of %d bytes", d.path, d.layout.size, size)
	}
	if err := d.f.inside(d.layout.addr, size, "the dataset "+d.path); err != nil {
		return err
	}
	return eachRun(d.space.dims, start, count, func(at, done, n uint64) error {
		size := uint64(d.typ.Size)
		return d.f.readAt(dst[done*size:(done+n)*size], d.layout.addr+at*size, "the dataset "+d.path)
	})
}

// eachRun calls visit for the runs of elements that follow each other in an array of that shape: their first element, the
// elements of the block before them, and their number.
func eachRun(shape, start, count []uint64, visit func(at, done, n uint64) error) error {
	rank := len(shape)
	run := uint64(1)
	outer := rank // dimensions that are iterated over
	for outer > 0 {
		outer--
		run *= count[outer]
		if count[outer] != shape[outer] {
			break
		}
	}
	position := slices.Clone(start)
	for done := uint64(0); ; done += run {
		if err := visit(linear(position, shape), done, run); err != nil {
			return err
		}
		i := outer - 1
		for ; i >= 0; i-- {
			if position[i]++; position[i] < start[i]+count[i] {
				break
			}
			position[i] = start[i]
		}
		if i < 0 {
			return nil
		}
	}
}

// copyBlock copies a block of count elements of size bytes from src at srcStart to dst at dstStart.
func copyBlock(dst []byte, dstShape, dstStart []uint64, src []byte, srcShape, srcStart, count []uint64, size int) {
	rank := len(count)
	run := uint64(size)
	outer := rank
	for outer > 0 {
		outer--
		run *= count[outer]
		if count[outer] != dstShape[outer] || count[outer] != srcShape[outer] {
			break
		}
	}
	at := make([]uint64, rank)
	from, to := make([]uint64, rank), make([]uint64, rank)
	for {
		for i := range at {
			from[i], to[i] = srcStart[i]+at[i], dstStart[i]+at[i]
		}
		a, b := linear(to, dstShape)*uint64(size), linear(from, srcShape)*uint64(size)
		copy(dst[a:a+run], src[b:b+run])
		i := outer - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < count[i] {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// fillBlock sets a block of count elements at start in an array of that shape to value.
func fillBlock(dst []byte, shape, start, count []uint64, value []byte) {
	size := uint64(len(value))
	_ = eachRun(shape, start, count, func(first, _, n uint64) error {
		fillWith(dst[first*size:(first+n)*size], value)
		return nil
	})
}

// fillWith repeats value in dst.
func fillWith(dst, value []byte) {
	if len(dst) == 0 {
		return
	}
	n := copy(dst, value)
	for n < len(dst) {
		n += copy(dst[n:], dst[:n])
	}
}
