package hdf5

import "bytes"

// A LinkKind says how a link reaches its object.
type LinkKind uint8

const (
	Hard     LinkKind = iota + 1
	Soft              // a path in the same file
	External          // a path in another file
)

// A Link is an entry of a group.
type Link struct {
	Name string
	Kind LinkKind
	File string // of External
	Path string // of Soft and External
	addr uint64 // of Hard
}

// links returns the entries of the group with that header.
func (f *File) links(o *object) ([]Link, error) {
	var links []Link
	for _, m := range o.messages {
		switch m.kind {
		case msgLink:
			l, err := f.link(m.data)
			if err != nil {
				return nil, err
			}
			if l.Kind != 0 {
				links = append(links, l)
			}
		case msgSymbolTable:
			c := &cursor{f: f, b: m.data}
			tree, heap := c.address(), c.address()
			if c.bad {
				return nil, f.damaged("a symbol table is cut off")
			}
			more, err := f.symbols(tree, heap)
			if err != nil {
				return nil, err
			}
			links = append(links, more...)
		case msgLinkInfo:
			more, err := f.denseLinks(m.data)
			if err != nil {
				return nil, err
			}
			links = append(links, more...)
		}
	}
	return links, nil
}

// link decodes a link message. A link of a user-defined kind has Kind 0.
func (f *File) link(b []byte) (Link, error) {
	c := &cursor{f: f, b: b}
	if v := c.u8(); v != 1 {
		return Link{}, f.unsupported("link version %d", v)
	}
	flags := c.u8()
	kind := byte(0)
	if flags&8 != 0 {
		kind = c.u8()
	}
	if flags&4 != 0 {
		c.skip(8)
	}
	if flags&0x10 != 0 {
		c.skip(1)
	}
	l := Link{Name: string(c.take(c.uint(1 << (flags & 3))))}
	switch kind {
	case 0:
		l.Kind, l.addr = Hard, c.address()
	case 1:
		l.Kind, l.Path = Soft, string(c.take(uint64(c.u16())))
	case 64:
		l.Kind = External
		e := &cursor{f: f, b: c.take(uint64(c.u16()))}
		e.skip(1)
		l.File, l.Path = e.text(), e.text()
		c.bad = c.bad || e.bad
	}
	if c.bad {
		return Link{}, f.damaged("a link is cut off")
	}
	return l, nil
}

// denseLinks reads the links that a link info message stores in a heap.
func (f *File) denseLinks(b []byte) ([]Link, error) {
	c := &cursor{f: f, b: b}
	c.skip(1)
	if flags := c.u8(); flags&1 != 0 {
		c.skip(8)
	}
	heapAddr, tree := c.address(), c.address()
	if c.bad {
		return nil, f.damaged("link information is cut off")
	}
	if heapAddr == undefined || tree == undefined {
		return nil, nil
	}
	heap, err := f.fractalHeap(heapAddr)
	if err != nil {
		return nil, err
	}
	var links []Link
	err = f.records(tree, func(t *btree2, record []byte) error {
		if t.kind != 5 || len(record) < 4+heap.idSize {
			return f.damaged("B-tree type %d of links", t.kind)
		}
		data, err := heap.object(record[4 : 4+heap.idSize])
		if err != nil {
			return err
		}
		l, err := f.link(data)
		if err == nil && l.Kind != 0 {
			links = append(links, l)
		}
		if uint64(len(links)) > f.size/8 && err == nil {
			err = f.damaged("a group with more entries than the file has room for")
		}
		return err
	})
	return links, err
}

// symbols reads the links of a group of the old format: a B-tree of symbol nodes whose names lie in a local heap.
func (f *File) symbols(tree, heap uint64) ([]Link, error) {
	names, err := f.localHeap(heap)
	if err != nil {
		return nil, err
	}
	var links []Link
	err = f.tree1(tree, 0, f.length, func(_ []byte, child uint64) error {
		more, err := f.symbolNode(child, names)
		links = append(links, more...)
		if uint64(len(links)) > f.size/8 && err == nil {
			err = f.damaged("a group with more entries than the file has room for")
		}
		return err
	})
	return links, err
}

// localHeap returns the data of a local heap.
func (f *File) localHeap(addr uint64) ([]byte, error) {
	b, err := f.bytes(addr, uint64(8+2*f.length+f.offset), "a local heap")
	if err != nil {
		return nil, err
	}
	c := &cursor{f: f, b: b}
	if !c.signature("HEAP") {
		return nil, f.damaged("a local heap was expected at address %d", addr)
	}
	c.skip(4)
	size := c.length()
	c.skip(uint64(f.length))
	return f.bytes(c.address(), size, "a local heap")
}

func (f *File) symbolNode(addr uint64, names []byte) ([]Link, error) {
	b, err := f.bytes(addr, 8, "a symbol node")
	if err != nil {
		return nil, err
	}
	c := &cursor{f: f, b: b}
	if !c.signature("SNOD") {
		return nil, f.damaged("a symbol node was expected at address %d", addr)
	}
	c.skip(2)
	n := uint64(c.u16())
	size := uint64(2*f.offset + 24)
	if b, err = f.bytes(addr+8, n*size, "a symbol node"); err != nil {
		return nil, err
	}
	c = &cursor{f: f, b: b}
	var links []Link
	for range n {
		name := c.address()
		l := Link{Kind: Hard, addr: c.address()}
		cached := c.u32()
		c.skip(4)
		scratch := &cursor{f: f, b: c.take(16)}
		var ok bool
		if l.Name, ok = nameAt(names, name); ok && cached == 2 {
			l.Kind = Soft
			l.Path, ok = nameAt(names, uint64(scratch.u32()))
		}
		if !ok {
			return nil, f.damaged("a name outside of its heap in the symbol node at address %d", addr)
		}
		links = append(links, l)
	}
	return links, nil
}

// nameAt returns the string at an offset of a local heap.
func nameAt(names []byte, at uint64) (string, bool) {
	if at >= uint64(len(names)) {
		return "", false
	}
	name := names[at:min(uint64(len(names)), at+1<<16)]
	i := bytes.IndexByte(name, 0)
	if i < 0 {
		return "", false
	}
	return string(name[:i]), true
}

// tree1 visits the children of the leaves of a version 1 B-tree: of type 0 (groups) or 1 (chunks). A key has keySize bytes, and
// visit gets the key before each child.
func (f *File) tree1(addr uint64, kind byte, keySize int, visit func(key []byte, child uint64) error) error {
	budget := f.size/8 + 1
	return f.node1(addr, kind, keySize, -1, &budget, visit)
}

func (f *File) node1(addr uint64, kind byte, keySize, level int, budget *uint64, visit func(key []byte, child uint64) error) error {
	head := uint64(8 + 2*f.offset)
	b, err := f.bytes(addr, head, "a B-tree node")
	if err != nil {
		return err
	}
	c := &cursor{f: f, b: b}
	if !c.signature("TREE") || c.u8() != kind {
		return f.damaged("a B-tree node was expected at address %d", addr)
	}
	now := int(c.u8())
	n := uint64(c.u16())
	if level >= 0 && now != level {
		return f.damaged("a B-tree node of level %d in place of %d at address %d", now, level, addr)
	}
	if n+1 > *budget {
		return f.damaged("a B-tree that contains itself at address %d", addr)
	}
	*budget -= n + 1
	if b, err = f.bytes(addr+head, n*uint64(keySize+f.offset), "a B-tree node"); err != nil {
		return err
	}
	c = &cursor{f: f, b: b}
	for range n {
		key, child := c.take(uint64(keySize)), c.address()
		if now > 0 {
			err = f.node1(child, kind, keySize, now-1, budget, visit)
		} else {
			err = visit(key, child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
