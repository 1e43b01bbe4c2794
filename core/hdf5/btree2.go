package hdf5

// A btree2 is a version 2 B-tree with its records in order.
type btree2 struct {
	kind       byte
	nodeSize   int
	recordSize int
	levels     []level2
	root       uint64
	rootCount  int
	depth      int
	nodes      uint64 // nodes visited, bounded by the file's size
}

// A level2 holds the sizes of pointers into nodes of one depth; 0 is the leaves.
type level2 struct {
	maxRecords uint64
	total      uint64 // records below a node, at most
	totalSize  int    // bytes that hold total; 0 for leaves
}

// records calls visit with each record of the tree at an address, in order.
func (f *File) records(addr uint64, visit func(t *btree2, record []byte) error) error {
	fixed := uint64(4 + 1 + 1 + 4 + 2 + 2 + 1 + 1 + f.offset + 2 + f.length + 4)
	b, err := f.bytes(addr, fixed, "a B-tree")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b}
	if !c.signature("BTHD") || c.u8() != 0 || !verified(b) {
		return f.damaged("a B-tree was expected at address %d", addr)
	}
	t := &btree2{kind: c.u8(), nodeSize: int(c.u32()), recordSize: int(c.u16()), depth: int(c.u16())}
	c.skip(2)
	t.root, t.rootCount = c.address(), int(c.u16())
	if t.nodeSize < 16 || t.nodeSize > 1<<24 || t.recordSize == 0 || t.recordSize > t.nodeSize || t.depth > 32 {
		return f.damaged("a B-tree with nodes of %d and records of %d bytes, %d levels", t.nodeSize, t.recordSize, t.depth)
	}
	if err := t.measure(f); err != nil {
		return err
	}
	if t.root == undefined || t.rootCount == 0 {
		return nil
	}
	return f.node2(t, t.root, t.depth, t.rootCount, visit)
}

// measure computes the sizes of the levels.
func (t *btree2) measure(f *File) error {
	const prefix = 4 + 1 + 1 + 4 // signature, version, type, checksum
	leaf := uint64(t.nodeSize-prefix) / uint64(t.recordSize)
	t.levels = []level2{{maxRecords: leaf, total: leaf}}
	for d := 1; d <= t.depth; d++ {
		below := t.levels[d-1]
		pointer := f.offset + bytesFor(leaf) + below.totalSize
		if t.nodeSize <= prefix+pointer {
			return f.damaged("a B-tree with nodes of %d bytes", t.nodeSize)
		}
		n := uint64(t.nodeSize-prefix-pointer) / uint64(t.recordSize+pointer)
		total, ok := product([]uint64{n + 1}, below.total)
		if !ok {
			return f.damaged("a B-tree of %d levels", t.depth)
		}
		total += n
		t.levels = append(t.levels, level2{maxRecords: n, total: total, totalSize: bytesFor(total)})
	}
	return nil
}

// node2 visits the records of a node and of those below it.
func (f *File) node2(t *btree2, addr uint64, depth, count int, visit func(*btree2, []byte) error) error {
	if t.nodes++; t.nodes > f.size/16 {
		return f.damaged("a B-tree that contains itself at address %d", addr)
	}
	if uint64(count) > t.levels[depth].maxRecords {
		return f.damaged("a B-tree node of %d records at address %d", count, addr)
	}
	sign, used := "BTLF", 6+count*t.recordSize
	pointer := 0
	if depth > 0 {
		sign = "BTIN"
		pointer = f.offset + bytesFor(t.levels[0].maxRecords) + t.levels[depth-1].totalSize
		used += (count + 1) * pointer
	}
	b, err := f.bytes(addr, uint64(used+4), "a B-tree node")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b}
	if !c.signature(sign) || c.u8() != 0 || c.u8() != t.kind || !verified(b) {
		return f.damaged("a B-tree node was expected at address %d", addr)
	}
	records := c.take(uint64(count * t.recordSize))
	for i := range count + 1 {
		if depth > 0 {
			child := c.address()
			n := int(c.uint(bytesFor(t.levels[0].maxRecords)))
			c.skip(uint64(t.levels[depth-1].totalSize))
			if err := f.node2(t, child, depth-1, n, visit); err != nil {
				return err
			}
		}
		if i < count {
			if err := visit(t, records[i*t.recordSize:(i+1)*t.recordSize]); err != nil {
				return err
			}
		}
	}
	return nil
}
