package hdf5

// A globalHeap is a collection of values of variable length, by their number.
type globalHeap map[uint32][]byte

// maxHeaps bounds the collections that a file keeps.
const maxHeaps = 256

// variable returns the bytes of a variable-length value: its length, the address of its collection and its number there.
func (f *File) variable(b []byte) ([]byte, error) {
	c := &cursor{f: f, b: b}
	n := uint64(c.u32())
	addr, number := c.address(), c.u32()
	if n == 0 || addr == 0 || addr == undefined {
		return nil, nil
	}
	data, err := f.heapObject(addr, number)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(data)) {
		return nil, f.damaged("a value of %d bytes in an object of %d", n, len(data))
	}
	return data[:n], nil
}

// heapObject returns an object of the collection at an address.
func (f *File) heapObject(addr uint64, number uint32) ([]byte, error) {
	f.mu.Lock()
	heap := f.heaps[addr]
	f.mu.Unlock()
	if heap == nil {
		var err error
		if heap, err = f.globalHeap(addr); err != nil {
			return nil, err
		}
		f.mu.Lock()
		if f.heaps == nil || len(f.heaps) >= maxHeaps {
			f.heaps = map[uint64]globalHeap{}
		}
		f.heaps[addr] = heap
		f.mu.Unlock()
	}
	data, ok := heap[number]
	if !ok {
		return nil, f.damaged("object %d is missing in the global heap at address %d", number, addr)
	}
	return data, nil
}

func (f *File) globalHeap(addr uint64) (globalHeap, error) {
	b, err := f.bytes(addr, uint64(8+f.length), "a global heap")
	if err != nil {
		return nil, err
	}
	c := &cursor{f: f, b: b}
	if !c.signature("GCOL") || c.u8() != 1 {
		return nil, f.damaged("a global heap was expected at address %d", addr)
	}
	c.skip(3)
	size := c.length()
	if size < uint64(len(b)) {
		return nil, f.damaged("a global heap of %d bytes at address %d", size, addr)
	}
	if size > maxChunk {
		return nil, f.unsupported("a global heap of %d bytes", size)
	}
	if b, err = f.bytes(addr+uint64(len(b)), size-uint64(len(b)), "a global heap"); err != nil {
		return nil, err
	}
	heap := globalHeap{}
	c = &cursor{f: f, b: b}
	for len(c.b) >= 8+f.length {
		number := uint32(c.u16())
		c.skip(6)
		n := c.length()
		if number == 0 { // the rest is free
			break
		}
		data := c.take(n)
		if n%8 != 0 {
			c.skip(min(8-n%8, uint64(len(c.b))))
		}
		if c.bad {
			return nil, f.damaged("an object of the global heap at address %d is cut off", addr)
		}
		heap[number] = data
	}
	return heap, nil
}
