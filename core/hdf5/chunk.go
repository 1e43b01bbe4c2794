package hdf5

import (
	"container/list"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// cacheBytes bounds the decompressed chunks that a dataset keeps.
const cacheBytes = 64 << 20

// A chunkCache keeps chunks of which only a part was read.
type chunkCache struct {
	mu    sync.Mutex
	bytes int
	order list.List // most recent first
	items map[uint64]*list.Element
}

type cachedChunk struct {
	number uint64
	data   []byte
}

func (c *chunkCache) get(number uint64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.items[number]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cachedChunk).data
}

// put keeps data, which nobody changes from then on.
func (c *chunkCache) put(number uint64, data []byte) {
	if cap(data) > cacheBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items[number] != nil {
		return
	}
	if c.items == nil {
		c.items = map[uint64]*list.Element{}
	}
	c.items[number] = c.order.PushFront(&cachedChunk{number, data})
	for c.bytes += cap(data); c.bytes > cacheBytes; {
		e := c.order.Back()
		old := c.order.Remove(e).(*cachedChunk)
		delete(c.items, old.number)
		c.bytes -= cap(old.data)
	}
}

// readChunks copies a block out of the chunks that it touches, several at once.
func (d *Dataset) readChunks(dst []byte, start, count []uint64) error {
	for _, x := range d.filters {
		if !x.known() {
			return d.f.unsupported("the filter %s of %s", x, d.path)
		}
	}
	d.once.Do(func() { d.index, d.err = d.buildIndex() })
	if d.err != nil {
		return d.err
	}
	rank := len(start)
	first, touched := make([]uint64, rank), make([]uint64, rank)
	total := uint64(1)
	for i, n := range d.layout.chunk {
		first[i] = start[i] / n
		touched[i] = (start[i]+count[i]-1)/n - first[i] + 1
		total *= touched[i] // at most the elements of dst
	}
	workers := d.f.workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = int(min(uint64(workers), total, max(1, maxChunk/(d.index.bytes+1))))
	return d.eachChunk(total, workers, func(r *chunkReader, n uint64) error {
		for i := rank - 1; i >= 0; i-- {
			r.scaled[i], n = first[i]+n%touched[i], n/touched[i]
		}
		return r.copyTo(dst, start, count)
	})
}

// eachChunk calls visit with 0 … total-1 from several goroutines. The error is that of the first number that fails: numbers are handed
// out in order and none after a failure, so that all numbers before it are finished.
func (d *Dataset) eachChunk(total uint64, workers int, visit func(r *chunkReader, n uint64) error) error {
	var next atomic.Uint64
	errs, failed := make([]error, workers), make([]uint64, workers)
	work := func(w int) {
		r, ok := d.readers.Get().(*chunkReader)
		if !ok {
			r = newChunkReader(d)
		}
		defer d.readers.Put(r)
		for n := next.Add(1) - 1; n < total; n = next.Add(1) - 1 {
			if errs[w] = visit(r, n); errs[w] != nil {
				failed[w] = n
				next.Store(total)
				return
			}
		}
	}
	var wait sync.WaitGroup
	for w := 1; w < workers; w++ {
		wait.Go(func() { work(w) })
	}
	work(0)
	wait.Wait()
	first := total
	var err error
	for w, e := range errs {
		if e != nil && failed[w] < first {
			first, err = failed[w], e
		}
	}
	return err
}

// A chunkReader copies chunks with buffers of its own.
type chunkReader struct {
	d           *Dataset
	scaled      []uint64 // the chunk's number in each dimension
	from, to, n []uint64 // the part of the chunk that is copied: its start in the chunk and in the block, its size
	decoder
}

func newChunkReader(d *Dataset) *chunkReader {
	rank := len(d.layout.chunk)
	return &chunkReader{d: d, scaled: make([]uint64, rank), from: make([]uint64, rank), to: make([]uint64, rank), n: make([]uint64, rank)}
}

// copyTo copies the part of the chunk r.scaled that lies in the block.
func (r *chunkReader) copyTo(dst []byte, start, count []uint64) error {
	d := r.d
	all, complete := true, true // of what the chunk has in the dataset, of the chunk
	for i, size := range d.layout.chunk {
		begin := r.scaled[i] * size
		lo, hi := max(begin, start[i]), min(begin+size, start[i]+count[i])
		r.from[i], r.to[i], r.n[i] = lo-begin, lo-start[i], hi-lo
		all = all && r.n[i] == min(size, d.space.dims[i]-begin)
		complete = complete && r.n[i] == size
	}
	number := linear(r.scaled, d.index.counts)
	ref, stored := d.index.at(number, r.scaled)
	data := d.cache.get(number)
	if data == nil {
		if !stored {
			fillBlock(dst, count, r.to, r.n, d.fill)
			return nil
		}
		var into []byte
		if complete && together(r.n, count) {
			at := linear(r.to, count) * uint64(d.typ.Size)
			into = dst[at : at+d.index.bytes : at+d.index.bytes]
		}
		var err error
		if data, err = r.load(into, ref); err != nil {
			return err
		}
		if into != nil {
			return nil
		}
		if !all {
			r.release(data)
			d.cache.put(number, data)
		}
	}
	copyBlock(dst, count, r.to, data, d.layout.chunk, r.from, r.n, d.typ.Size)
	return nil
}

// together reports whether a part of n elements lies in one piece in a block of count elements.
func together(n, count []uint64) bool {
	i := 0
	for i < len(n) && n[i] == 1 {
		i++
	}
	return i == len(n) || slices.Equal(n[i+1:], count[i+1:])
}

// load reads and decompresses a chunk, into that memory if it is not nil.
func (r *chunkReader) load(into []byte, ref chunkRef) ([]byte, error) {
	d := r.d
	if err := d.f.inside(ref.addr, ref.size, ""); err != nil {
		return nil, d.f.inside(ref.addr, ref.size, r.name())
	}
	if ref.size > 2*d.index.bytes+1<<16 {
		return nil, d.f.damaged("%s is stored in %d bytes, its values take %d", r.name(), ref.size, d.index.bytes)
	}
	filters := d.filters
	if d.layout.unmasked {
		for i, size := range d.layout.chunk {
			if (r.scaled[i]+1)*size > d.space.dims[i] {
				filters = nil
			}
		}
	}
	if len(filters) == 0 && into != nil && ref.size == d.index.bytes {
		return into, r.read(into, ref.addr)
	}
	r.stored = grow(r.stored, int(ref.size))
	if err := r.read(r.stored, ref.addr); err != nil {
		return nil, err
	}
	data, err := r.decode(into, r.stored, filters, ref.mask, int(d.index.bytes))
	if err != nil {
		return nil, d.f.damaged("%s: %v", r.name(), err)
	}
	if into != nil && !sameStart(data, into) {
		copy(into, data)
		data = into
	}
	return data, nil
}

// read fills b from an address.
func (r *chunkReader) read(b []byte, addr uint64) error {
	if n, err := r.d.f.r.ReadAt(b, int64(r.d.f.base+addr)); n < len(b) {
		return r.d.f.unreadable(err, r.name(), addr)
	}
	return nil
}

// name names the chunk in errors.
func (r *chunkReader) name() string { return fmt.Sprintf("chunk %d of %s", r.scaled, r.d.path) }
