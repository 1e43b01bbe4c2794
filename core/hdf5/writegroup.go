package hdf5

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// A GroupWriter is a group of a file that is written.
type GroupWriter struct {
	w          *Writer
	path       string
	links      []newLink
	names      map[string]bool
	attributes attributeWriter
}

// A newLink is an entry of a group: an object, or a soft link to a path.
type newLink struct {
	name   string
	object node
	target string
}

func newGroup(w *Writer, path string) *GroupWriter {
	g := &GroupWriter{w: w, path: path, names: map[string]bool{}}
	g.attributes = attributeWriter{w: w, path: path, names: map[string]bool{}}
	return g
}

// Group creates a group in the group.
func (g *GroupWriter) Group(name string) *GroupWriter {
	child := newGroup(g.w, g.join(name))
	g.link(newLink{name: name, object: child})
	return child
}

// Link creates a soft link to a path of the file, such as /entry_1/data_1/data.
func (g *GroupWriter) Link(name, target string) error {
	if target == "" || len(target) > maxName || strings.ContainsRune(target, 0) || !utf8.ValidString(target) {
		return g.w.fail("%s: a link to %.100q, which is not a path", g.join(name), target)
	}
	g.link(newLink{name: name, target: target})
	return g.w.err
}

// SetAttribute adds an attribute: a text, a number, or a slice of them.
func (g *GroupWriter) SetAttribute(name string, value any) error {
	return g.attributes.set(name, value)
}

func (g *GroupWriter) join(name string) string {
	return strings.TrimSuffix(g.path, "/") + "/" + name
}

// maxName bounds a name, so that a link fits in one header message.
const maxName = 1 << 12

func (g *GroupWriter) link(l newLink) {
	switch {
	case g.w.ready() != nil:
		g.w.err = g.w.ready()
	case l.name == "" || l.name == "." || l.name == ".." || len(l.name) > maxName || strings.ContainsAny(l.name, "/\x00") || !utf8.ValidString(l.name):
		_ = g.w.fail("%s: %.100q is not a valid name", g.path, l.name)
	case g.names[l.name]:
		_ = g.w.fail("%s is written twice", g.join(l.name))
	default:
		g.names[l.name] = true
		g.links = append(g.links, l)
	}
}

// header writes the headers of the group's objects, then its own.
func (g *GroupWriter) header() (uint64, error) {
	le := binary.LittleEndian
	var h headerWriter
	// Link information: version 0, no creation order, no heap and no index, because all links are in the header.
	info := []byte{0, 0}
	info = le.AppendUint64(info, undefined)
	h.add(msgLinkInfo, le.AppendUint64(info, undefined))
	h.add(msgGroupInfo, []byte{0, 0})
	for _, l := range g.links {
		// Version 1, flags: 2 bytes for the length of the name, a kind, a character set. The set is UTF-8.
		m := []byte{1, 1 | 8 | 0x10, 0, 1}
		if l.object == nil {
			m[2] = 1 // a soft link
		}
		m = le.AppendUint16(m, uint16(len(l.name)))
		m = append(m, l.name...)
		if l.object == nil {
			m = le.AppendUint16(m, uint16(len(l.target)))
			m = append(m, l.target...)
		} else {
			at, err := l.object.header()
			if err != nil {
				return 0, err
			}
			m = le.AppendUint64(m, at)
		}
		h.add(msgLink, m)
	}
	return h.write(g.w, g.attributes.messages), g.w.err
}

// A headerWriter collects the messages of an object header.
type headerWriter struct{ messages []byte }

func (h *headerWriter) add(kind byte, data []byte) {
	h.messages = append(h.messages, kind)
	h.messages = binary.LittleEndian.AppendUint16(h.messages, uint16(len(data)))
	h.messages = append(append(h.messages, 0), data...)
}

// write writes a header of version 2 in one block and returns its address.
func (h *headerWriter) write(w *Writer, attributes [][]byte) uint64 {
	for _, a := range attributes {
		h.add(msgAttribute, a)
	}
	b := append([]byte("OHDR"), 2, 2) // version; flags: 4 bytes for the size
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.messages)))
	return w.add(sealed(append(b, h.messages...)))
}

// An attributeWriter encodes the attributes of an object.
type attributeWriter struct {
	w        *Writer
	path     string
	names    map[string]bool
	messages [][]byte
}

// maxAttribute bounds the bytes of an attribute's values: an attribute is a header message, which is smaller than 64 KiB.
const maxAttribute = 1<<16 - maxName - 1<<10

func (a *attributeWriter) set(name string, value any) error {
	if err := a.w.ready(); err != nil {
		return err
	}
	switch {
	case name == "" || len(name) > maxName || strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return a.w.fail("%s: %.100q is not a valid name of an attribute", a.path, name)
	case a.names[name]:
		return a.w.fail("the attribute %s of %s is written twice", name, a.path)
	}
	v, err := a.w.encode(value)
	if err != nil {
		return a.w.fail("the attribute %s of %s: %w", name, a.path, err)
	}
	if len(v.raw) > maxAttribute {
		return a.w.fail("the attribute %s of %s has %d bytes, and an attribute holds at most %d: write a dataset", name, a.path, len(v.raw), maxAttribute)
	}
	a.names[name] = true
	var shape []uint64
	if v.list {
		shape = []uint64{uint64(v.n)}
	}
	space := spaceMessage(shape)
	le := binary.LittleEndian
	m := []byte{3, 0} // version, flags
	m = le.AppendUint16(m, uint16(len(name)+1))
	m = le.AppendUint16(m, uint16(len(v.typ)))
	m = le.AppendUint16(m, uint16(len(space)))
	m = append(m, 1) // the name is UTF-8
	m = append(append(m, name...), 0)
	m = append(append(m, v.typ...), space...)
	a.messages = append(a.messages, append(m, v.raw...))
	return nil
}

// spaceMessage encodes a dataspace; nil is a scalar.
func spaceMessage(shape []uint64) []byte {
	b := []byte{2, byte(len(shape)), 0, 1} // version, dimensions, flags, simple
	if shape == nil {
		b[3] = 0
	}
	for _, n := range shape {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}
