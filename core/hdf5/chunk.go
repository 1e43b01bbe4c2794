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

func (c *chunkCache) put(number uint64, data []byte) {
	if len(data) > cacheBytes {
		return
	}
	data = slices.Clone(data)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items[number] != nil {
		return
	}
	if c.items == nil {
		c.items = map[uint64]*list.Element{}
	}
	c.items[number] = c.order.PushFront(&cachedChunk{number, data})
	for c.bytes += len(data); c.bytes > cacheBytes; {
		e := c.order.Back()
		old := c.order.Remove(e).(*cachedChunk)
		delete(c.items, old.number)
		c.bytes -= len(old.data)
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
	var next atomic.Uint64
	errs := make([]error, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			r := &chunkReader{d: d, scaled: make([]uint64, rank)}
			for errs[w] == nil {
				n := next.Add(1) - 1
				if n >= total {
					return
				}
				for i := rank - 1; i >= 0; i-- {
					r.scaled[i], n = first[i]+n%touched[i], n/touched[i]
				}
				if errs[w] = r.copyTo(dst, start, count); errs[w] != nil {
					next.Store(total)
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A chunkReader copies chunks with buffers of its own.
type chunkReader struct {
	d      *Dataset
	scaled []uint64
	decoder
}

// copyTo copies the part of the chunk r.scaled that lies in the block.
func (r *chunkReader) copyTo(dst []byte, start, count []uint64) error {
	d := r.d
	rank := len(start)
	from, to, n := make([]uint64, rank), make([]uint64, rank), make([]uint64, rank)
	whole := true
	for i, size := range d.layout.chunk {
		begin := r.scaled[i] * size
		lo, hi := max(begin, start[i]), min(begin+size, start[i]+count[i])
		from[i], to[i], n[i] = lo-begin, lo-start[i], hi-lo
		whole = whole && n[i] == min(size, d.space.dims[i]-begin)
	}
	number := linear(r.scaled, d.index.counts)
	ref, stored := d.index.at(number, r.scaled)
	data := d.cache.get(number)
	switch {
	case data != nil:
	case !stored:
		fillBlock(dst, count, to, n, d.fill)
		return nil
	default:
		var err error
		if data, err = r.load(ref); err != nil {
			return err
		}
		if !whole {
			d.cache.put(number, data)
		}
	}
	copyBlock(dst, count, to, data, d.layout.chunk, from, n, d.typ.Size)
	return nil
}

// load reads and decompresses a chunk.
func (r *chunkReader) load(ref chunkRef) ([]byte, error) {
	d := r.d
	what := fmt.Sprintf("chunk %d of %s", r.scaled, d.path)
	if err := d.f.inside(ref.addr, ref.size, what); err != nil {
		return nil, err
	}
	if ref.size > 2*d.index.bytes+1<<16 {
		return nil, d.f.damaged("%s is stored in %d bytes, its values take %d", what, ref.size, d.index.bytes)
	}
	r.stored = grow(r.stored, int(ref.size))
	if err := d.f.readAt(r.stored, ref.addr, what); err != nil {
		return nil, err
	}
	filters := d.filters
	if d.layout.unmasked {
		for i, size := range d.layout.chunk {
			if (r.scaled[i]+1)*size > d.space.dims[i] {
				filters = nil
			}
		}
	}
	data, err := r.decode(r.stored, filters, ref.mask, int(d.index.bytes))
	if err != nil {
		return nil, d.f.damaged("%s: %v", what, err)
	}
	return data, nil
}
