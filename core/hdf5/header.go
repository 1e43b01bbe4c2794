package hdf5

// Kinds of header messages.
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgOldFill      = 0x04
	msgFill         = 0x05
	msgLink         = 0x06
	msgExternalData = 0x07
	msgLayout       = 0x08
	msgGroupInfo    = 0x0a
	msgPipeline     = 0x0b
	msgAttribute    = 0x0c
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
	msgAttrInfo     = 0x15
)

// maxHeader bounds the bytes of all blocks of one object header.
const maxHeader = 64 << 20

type message struct {
	kind  uint16
	flags byte
	data  []byte
}

// shared reports whether the message is stored elsewhere.
func (m message) shared() bool { return m.flags&2 != 0 }

// An object is a decoded object header.
type object struct {
	addr     uint64
	messages []message
}

// find returns the first message of a kind.
func (o *object) find(kind uint16) (message, bool) {
	for _, m := range o.messages {
		if m.kind == kind {
			return m, true
		}
	}
	return message{}, false
}

// object reads the header at an address with all its continuations.
func (f *File) object(addr uint64) (*object, error) {
	start, err := f.bytes(addr, 4, "an object header")
	if err != nil {
		return nil, err
	}
	h := &headerReader{f: f, o: &object{addr: addr}}
	if string(start) == "OHDR" {
		err = h.version2(addr)
	} else {
		err = h.version1(addr)
	}
	if err != nil {
		return nil, err
	}
	return h.o, nil
}

type headerReader struct {
	f     *File
	o     *object
	total uint64
	v2    bool
	order bool    // messages of version 2 have a creation order
	next  []block // continuations to read
}

type block struct{ addr, size uint64 }

func (h *headerReader) version1(addr uint64) error {
	b, err := h.f.bytes(addr, 16, "an object header")
	if err != nil {
		return err
	}
	c := &cursor{f: h.f, b: b}
	if v := c.u8(); v != 1 {
		return h.f.damaged("an object header was expected at address %d", addr)
	}
	c.skip(1 + 2 + 4)
	h.next = []block{{addr + 16, uint64(c.u32())}}
	return h.blocks()
}

func (h *headerReader) version2(addr uint64) error {
	h.v2 = true
	n := min(uint64(34), h.f.size-h.f.base-addr)
	b, err := h.f.bytes(addr, n, "an object header")
	if err != nil {
		return err
	}
	c := &cursor{f: h.f, b: b}
	c.skip(4)
	if v := c.u8(); v != 2 {
		return h.f.unsupported("object header version %d", v)
	}
	flags := c.u8()
	if flags&0x20 != 0 {
		c.skip(16)
	}
	if flags&0x10 != 0 {
		c.skip(4)
	}
	size := c.uint(1 << (flags & 3))
	prefix := n - uint64(len(c.b))
	if c.bad || size > maxHeader {
		return h.f.damaged("an object header of %d bytes at address %d", size, addr)
	}
	h.order = flags&4 != 0
	all, err := h.f.bytes(addr, prefix+size+4, "an object header")
	if err != nil {
		return err
	}
	if !verified(all) {
		return h.f.damaged("the checksum of the object header at address %d is wrong", addr)
	}
	if err := h.messages(all[prefix : prefix+size]); err != nil {
		return err
	}
	return h.blocks()
}

// blocks reads the blocks that are left, until no message continues elsewhere.
func (h *headerReader) blocks() error {
	for len(h.next) > 0 {
		b := h.next[0]
		h.next = h.next[1:]
		if h.total += b.size; b.size > maxHeader || h.total > maxHeader {
			return h.f.damaged("the object header at address %d is longer than %d bytes", h.o.addr, maxHeader)
		}
		data, err := h.f.bytes(b.addr, b.size, "a continued object header")
		if err != nil {
			return err
		}
		if h.v2 {
			if len(data) < 8 || string(data[:4]) != "OCHK" || !verified(data) {
				return h.f.damaged("the checksum of the continued object header at address %d is wrong", b.addr)
			}
			data = data[4 : len(data)-4]
		}
		if err := h.messages(data); err != nil {
			return err
		}
	}
	return nil
}

// messages decodes the messages of one block.
func (h *headerReader) messages(b []byte) error {
	c := &cursor{f: h.f, b: b}
	prefix := 8
	if h.v2 {
		prefix = 4
		if h.order {
			prefix = 6
		}
	}
	for len(c.b) >= prefix { // a shorter rest is a gap
		var m message
		var size uint64
		if h.v2 {
			m.kind, size, m.flags = uint16(c.u8()), uint64(c.u16()), c.u8()
			if h.order {
				c.skip(2)
			}
		} else {
			m.kind, size, m.flags = c.u16(), uint64(c.u16()), c.u8()
			c.skip(3)
		}
		m.data = c.take(size)
		if c.bad {
			return h.f.damaged("a message of the object header at address %d is cut off", h.o.addr)
		}
		if m.kind == msgContinuation {
			n := &cursor{f: h.f, b: m.data}
			next := block{n.address(), n.length()}
			if n.bad {
				return h.f.damaged("a continuation of the object header at address %d is cut off", h.o.addr)
			}
			h.next = append(h.next, next)
			continue
		}
		h.o.messages = append(h.o.messages, m)
	}
	return nil
}

// resolve returns the data of a message, which may be stored in the header of a named datatype.
func (f *File) resolve(kind uint16, m message) ([]byte, error) {
	if !m.shared() {
		return m.data, nil
	}
	c := &cursor{f: f, b: m.data}
	version, where := c.u8(), c.u8()
	if version == 1 {
		c.skip(6)
	}
	if version == 3 && where == 1 {
		return nil, f.unsupported("a header message shared in a heap")
	}
	addr := c.address()
	if c.bad || version < 1 || version > 3 {
		return nil, f.damaged("a shared header message")
	}
	o, err := f.object(addr)
	if err != nil {
		return nil, err
	}
	target, ok := o.find(kind)
	if !ok || target.shared() {
		return nil, f.damaged("a shared header message that is not at address %d", addr)
	}
	return target.data, nil
}
