package hdf5

import (
	"fmt"
	"slices"
)

// An Attribute is a named value of a group or dataset.
type Attribute struct {
	Name  string
	Type  *Type
	f     *File
	path  string
	space space
	raw   []byte
}

// Shape returns the size of each dimension; it is empty for a scalar.
func (a *Attribute) Shape() []uint64 { return slices.Clone(a.space.dims) }

// Strings returns the elements of an attribute of strings.
func (a *Attribute) Strings() ([]string, error) { return a.f.strings(a.raw, a.Type, a.path) }

// Floats returns the elements of an attribute of numbers.
func (a *Attribute) Floats() ([]float64, error) {
	t := elemOf(a.Type)
	dst := make([]float64, len(a.raw)/t.Size)
	return dst, convert(dst, a.raw, t, a.f.name, a.path, 0)
}

// Attributes returns the attributes of the group.
func (g *Group) Attributes() ([]Attribute, error) { return g.f.attributes(g.path, g.header) }

// Attributes returns the attributes of the dataset.
func (d *Dataset) Attributes() ([]Attribute, error) { return d.f.attributes(d.path, d.header) }

func (f *File) attributes(path string, o *object) ([]Attribute, error) {
	var all []Attribute
	for _, m := range o.messages {
		switch m.kind {
		case msgAttribute:
			b, err := f.resolve(msgAttribute, m)
			if err != nil {
				return nil, err
			}
			a, err := f.attribute(path, b)
			if err != nil {
				return nil, err
			}
			all = append(all, a)
		case msgAttrInfo:
			more, err := f.denseAttributes(path, m.data)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
	}
	return all, nil
}

func (f *File) denseAttributes(path string, b []byte) ([]Attribute, error) {
	c := &cursor{f: f, b: b}
	c.skip(1)
	if flags := c.u8(); flags&1 != 0 {
		c.skip(2)
	}
	heapAddr, tree := c.address(), c.address()
	if c.bad {
		return nil, f.damaged("attribute information is cut off")
	}
	if heapAddr == undefined || tree == undefined {
		return nil, nil
	}
	heap, err := f.fractalHeap(heapAddr)
	if err != nil {
		return nil, err
	}
	var all []Attribute
	err = f.records(tree, func(t *btree2, record []byte) error {
		if t.kind != 8 || len(record) < heap.idSize+1 {
			return f.damaged("B-tree type %d of attributes", t.kind)
		}
		if record[heap.idSize]&2 != 0 {
			return f.unsupported("an attribute shared in a heap")
		}
		data, err := heap.object(record[:heap.idSize])
		if err != nil {
			return err
		}
		a, err := f.attribute(path, data)
		all = append(all, a)
		if uint64(len(all)) > f.size/8 && err == nil {
			err = f.damaged("%s has more attributes than the file has room for", path)
		}
		return err
	})
	return all, err
}

// attribute decodes an attribute message.
func (f *File) attribute(path string, b []byte) (Attribute, error) {
	c := &cursor{f: f, b: b}
	version, flags := c.u8(), c.u8()
	if version < 1 || version > 3 {
		return Attribute{}, f.unsupported("attribute version %d of %s", version, path)
	}
	nameSize, typeSize, spaceSize := uint64(c.u16()), uint64(c.u16()), uint64(c.u16())
	if version == 3 {
		c.skip(1)
	}
	part := func(n uint64) []byte {
		b := c.take(n)
		if version == 1 && n%8 != 0 {
			c.skip(8 - n%8)
		}
		return b
	}
	a := Attribute{f: f}
	name := part(nameSize)
	if i := slices.Index(name, 0); i >= 0 {
		name = name[:i]
	}
	a.Name = string(name)
	a.path = fmt.Sprintf("attribute %s of %s", a.Name, path)
	typeMessage, spaceMessage := message{kind: msgDatatype, data: part(typeSize)}, message{kind: msgDataspace, data: part(spaceSize)}
	if version > 1 {
		typeMessage.flags, spaceMessage.flags = flags&1<<1, flags&2
	}
	if c.bad {
		return a, f.damaged("%s is cut off", a.path)
	}
	data, err := f.resolve(msgDatatype, typeMessage)
	if err == nil {
		a.Type, err = f.datatype(data)
	}
	if err != nil {
		return a, err
	}
	if data, err = f.resolve(msgDataspace, spaceMessage); err == nil {
		a.space, err = f.space(data)
	}
	if err != nil {
		return a, err
	}
	size, ok := product([]uint64{a.space.count()}, uint64(a.Type.Size))
	if a.raw = c.take(size); !ok || c.bad {
		return a, f.damaged("%s is cut off", a.path)
	}
	return a, nil
}
