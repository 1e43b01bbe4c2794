package hdf5

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// Storage says how a dataset is stored. The zero value is contiguous.
type Storage struct {
	// Rows is the size of a chunk along the first dimension; a chunk has the whole of the others. 0: no chunks.
	Rows uint64
	// Level of deflate, 1 to 9, after the bytes are shuffled. 0: not compressed.
	Level int
}

// A DatasetWriter is a dataset that is written piece by piece.
type DatasetWriter[T Value] struct {
	w          *Writer
	attributes *attributeWriter
	data       *datasetHeader
	buffer     []byte // of the chunks that are not complete
	left       uint64 // values that are not written
}

// A datasetHeader is what the header of a dataset says.
type datasetHeader struct {
	w          *Writer
	attributes attributeWriter
	path       string
	typ        []byte
	shape      []uint64
	size       int // bytes of a value
	storage    Storage
	chunk      int    // bytes of a chunk
	at         uint64 // of contiguous values
	chunks     []chunkRef
	complete   func() bool
}

// Dataset writes a whole dataset: a text, a number, or a slice. A slice has the shape [len] unless another is given.
func (g *GroupWriter) Dataset(name string, value any, shape ...uint64) error {
	_, err := g.dataset(name, value, shape)
	return err
}

// DatasetWith writes a whole dataset with attributes: names and values in turn.
func (g *GroupWriter) DatasetWith(name string, value any, shape []uint64, attributes ...any) error {
	d, err := g.dataset(name, value, shape)
	for i := 0; err == nil && i+1 < len(attributes); i += 2 {
		err = d.attributes.set(fmt.Sprint(attributes[i]), attributes[i+1])
	}
	return err
}

func (g *GroupWriter) dataset(name string, value any, shape []uint64) (*datasetHeader, error) {
	if err := g.w.ready(); err != nil {
		return nil, err
	}
	v, err := g.w.encode(value)
	if err != nil {
		return nil, g.w.fail("%s: %w", g.join(name), err)
	}
	if v.list && shape == nil {
		shape = []uint64{uint64(v.n)}
	}
	if n, ok := product(shape, 1); !ok || n != uint64(v.n) || !v.list && shape != nil || len(shape) > maxRank {
		return nil, g.w.fail("%s: %d values do not have the shape %d", g.join(name), v.n, shape)
	}
	d := g.begin(name, v.typ, shape, 0)
	if len(v.raw) > 0 {
		d.at = g.w.add(v.raw)
	}
	d.size = len(v.raw) / max(v.n, 1)
	return d, g.w.err
}

func (g *GroupWriter) begin(name string, typ []byte, shape []uint64, size int) *datasetHeader {
	d := &datasetHeader{w: g.w, path: g.join(name), typ: typ, shape: slices.Clone(shape), size: size, at: undefined}
	d.attributes = attributeWriter{w: g.w, path: d.path, names: map[string]bool{}}
	g.link(newLink{name: name, object: d})
	return d
}

// Create begins a dataset of values of type T, of which Write appends pieces. All values must be written before the file is closed.
// Contiguous datasets must be written before anything else is.
func Create[T Value](g *GroupWriter, name string, shape []uint64, s Storage) *DatasetWriter[T] {
	d := &DatasetWriter[T]{w: g.w}
	size := sizeOf[T]()
	d.data = g.begin(name, typeMessage[T](), shape, size)
	d.attributes = &d.data.attributes
	total, ok := product(shape, uint64(size))
	if total == 0 { // a chunk has values
		s = Storage{}
	} else if len(shape) > 0 {
		s.Rows = min(s.Rows, shape[0])
	}
	d.data.storage = s
	row, fits := uint64(0), true
	if len(shape) > 0 {
		row, fits = product(shape[1:], uint64(size))
	}
	switch {
	case !ok || !fits || len(shape) == 0 || len(shape) > maxRank:
		_ = g.w.fail("%s: %d is not a shape that can be written", d.data.path, shape)
	case s.Level < 0 || s.Level > zlib.BestCompression || s.Level > 0 && s.Rows == 0:
		_ = g.w.fail("%s: deflate of level %d in chunks of %d rows", d.data.path, s.Level, s.Rows)
	case s.Rows > 0 && row > maxChunk/s.Rows:
		_ = g.w.fail("%s: chunks of %d rows of %d bytes; a chunk holds at most %d bytes", d.data.path, s.Rows, row, maxChunk)
	case s.Rows > 0:
		d.data.chunk = int(s.Rows * row)
	case total > 0:
		g.w.align()
		d.data.at = g.w.end()
	}
	d.left = total / uint64(size)
	d.data.complete = func() bool { return d.left == 0 }
	return d
}

// SetAttribute adds an attribute: a text, a number, or a slice of them.
func (d *DatasetWriter[T]) SetAttribute(name string, value any) error {
	return d.attributes.set(name, value)
}

// pieceValues is the number of values that are encoded at once.
const pieceValues = 1 << 16

// Write appends values, row-major.
func (d *DatasetWriter[T]) Write(values []T) error {
	if err := d.w.ready(); err != nil {
		return err
	}
	if uint64(len(values)) > d.left {
		return d.w.fail("%s: more values than its shape %d holds", d.data.path, d.data.shape)
	}
	size := uint64(d.data.size)
	if written, _ := product(d.data.shape, size); d.data.chunk == 0 && len(values) > 0 && d.data.at+written-d.left*size != d.w.end() {
		return d.w.fail("%s: other data was written before the dataset was complete; write it in chunks", d.data.path)
	}
	for len(values) > 0 && d.w.err == nil {
		n := min(len(values), pieceValues)
		d.buffer = appendValues(d.buffer, values[:n])
		values = values[n:]
		d.left -= uint64(n)
		switch full := runtime.GOMAXPROCS(0) * d.data.chunk; {
		case d.data.chunk == 0:
			d.w.append(d.buffer)
			d.buffer = d.buffer[:0]
		case d.left == 0:
			if rest := len(d.buffer) % d.data.chunk; rest > 0 { // the last chunk reaches beyond the dataset
				d.buffer = append(d.buffer, make([]byte, d.data.chunk-rest)...)
			}
			d.data.put(d.buffer)
			d.buffer = nil
		case len(d.buffer) >= full:
			whole := len(d.buffer) / d.data.chunk * d.data.chunk
			d.data.put(d.buffer[:whole])
			d.buffer = append(d.buffer[:0], d.buffer[whole:]...)
		}
	}
	return d.w.err
}

// put writes whole chunks, which it compresses at the same time.
func (d *datasetHeader) put(b []byte) {
	n := len(b) / d.chunk
	out := make([][]byte, n)
	errs := make([]error, n)
	var next sync.Mutex
	taken := 0
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for {
				next.Lock()
				i := taken
				taken++
				next.Unlock()
				if i >= n {
					return
				}
				out[i], errs[i] = d.compress(b[i*d.chunk : (i+1)*d.chunk])
			}
		})
	}
	wait.Wait()
	for i, c := range out {
		if errs[i] != nil {
			_ = d.w.fail("%s: %w", d.path, errs[i])
			return
		}
		d.chunks = append(d.chunks, chunkRef{addr: d.w.add(c), size: uint64(len(c))})
	}
}

func (d *datasetHeader) compress(b []byte) ([]byte, error) {
	if d.storage.Level == 0 {
		return b, nil
	}
	var out bytes.Buffer
	z, ok := d.w.deflaters[d.storage.Level].Get().(*zlib.Writer)
	if ok {
		z.Reset(&out)
	} else {
		var err error
		if z, err = zlib.NewWriterLevel(&out, d.storage.Level); err != nil {
			return nil, err
		}
	}
	defer d.w.deflaters[d.storage.Level].Put(z)
	if _, err := z.Write(shuffled(b, d.size)); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// shuffled returns the first bytes of all values, then the second, and so on.
func shuffled(b []byte, size int) []byte {
	if size == 1 {
		return b
	}
	out := make([]byte, len(b))
	n := len(b) / size
	for k := range size {
		plane := out[k*n : (k+1)*n]
		for i := range plane {
			plane[i] = b[i*size+k]
		}
	}
	return out
}

// header writes the header of the dataset.
func (d *datasetHeader) header() (uint64, error) {
	if d.complete != nil && !d.complete() {
		return 0, d.w.fail("%s: fewer values were written than its shape %d holds", d.path, d.shape)
	}
	le := binary.LittleEndian
	var h headerWriter
	h.add(msgDataspace, spaceMessage(d.shape))
	h.add(msgDatatype, d.typ)
	if d.storage.Rows > 0 {
		h.add(msgFill, []byte{3, 3 | 2<<2}) // version 3; allocated chunk by chunk, the fill value written if it is set
		index := d.index()
		if d.storage.Level > 0 {
			h.add(msgPipeline, d.pipeline())
		}
		b := append([]byte{3, 2}, byte(len(d.shape)+1)) // version, chunked, dimensions with that of the value's bytes
		b = le.AppendUint64(b, index)
		b = le.AppendUint32(b, uint32(d.storage.Rows))
		for _, n := range d.shape[1:] {
			b = le.AppendUint32(b, uint32(n))
		}
		h.add(msgLayout, le.AppendUint32(b, uint32(d.size)))
	} else {
		h.add(msgFill, []byte{3, 2 | 2<<2}) // version 3; allocated late, the fill value written if it is set
		bytes, _ := product(d.shape, uint64(d.size))
		b := le.AppendUint64([]byte{3, 1}, d.at) // version, contiguous
		h.add(msgLayout, le.AppendUint64(b, bytes))
	}
	return h.write(d.w, d.attributes.messages), d.w.err
}

// pipeline encodes the filters: shuffle for values of several bytes, then deflate.
func (d *datasetHeader) pipeline() []byte {
	le := binary.LittleEndian
	b := []byte{2, 0} // version, filters
	filter := func(id uint16, parameter uint32) {
		b[1]++
		b = le.AppendUint16(b, id)
		b = le.AppendUint16(b, 0) // the filter is required
		b = le.AppendUint16(b, 1)
		b = le.AppendUint32(b, parameter)
	}
	if d.size > 1 {
		filter(2, uint32(d.size))
	}
	filter(1, uint32(d.storage.Level))
	return b
}

// treeChildren is the largest number of children of a node, twice the library's default for chunks.
const treeChildren = 64

// index writes the chunks' version 1 B-tree and returns its address.
func (d *datasetHeader) index() uint64 {
	if len(d.chunks) == 0 {
		return undefined
	}
	type child struct {
		first, end int // chunks
		at         uint64
	}
	level := byte(0)
	children := make([]child, len(d.chunks))
	for i, c := range d.chunks {
		children[i] = child{i, i + 1, c.addr}
	}
	keySize := 8 + 8*(len(d.shape)+1)
	node := 24 + treeChildren*8 + (treeChildren+1)*keySize
	le := binary.LittleEndian
	for {
		var above []child
		nodes := (len(children) + treeChildren - 1) / treeChildren
		d.w.align()
		start, stride := d.w.end(), uint64((node+7)/8*8)
		for k := range nodes {
			group := children[k*treeChildren : min(len(children), (k+1)*treeChildren)]
			b := append([]byte("TREE"), 1, level)
			b = le.AppendUint16(b, uint16(len(group)))
			left, right := undefined, undefined
			if k > 0 {
				left = start + uint64(k-1)*stride
			}
			if k+1 < nodes {
				right = start + uint64(k+1)*stride
			}
			b = le.AppendUint64(le.AppendUint64(b, left), right)
			for _, c := range group {
				b = le.AppendUint64(d.key(b, c.first), c.at)
			}
			last := group[len(group)-1].end
			b = d.key(b, last)
			at := d.w.add(append(b, make([]byte, int(stride)-len(b))...))
			above = append(above, child{group[0].first, last, at})
		}
		if children = above; len(children) == 1 {
			return children[0].at
		}
		level++
	}
}

// key appends the key of a chunk, or of the end behind the last one.
func (d *datasetHeader) key(b []byte, chunk int) []byte {
	le := binary.LittleEndian
	end := chunk == len(d.chunks)
	size := uint64(0)
	if !end {
		size = d.chunks[chunk].size
	}
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, 0) // no filter is left out
	b = le.AppendUint64(b, uint64(chunk)*d.storage.Rows)
	for _, n := range append(slices.Clone(d.shape[1:]), uint64(d.size)) {
		if !end {
			n = 0
		}
		b = le.AppendUint64(b, n)
	}
	return b
}
