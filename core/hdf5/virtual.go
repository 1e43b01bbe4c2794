package hdf5

import (
	"fmt"
	"slices"
	"strings"
)

// A mapping fills a part of a virtual dataset from a part of another.
type mapping struct {
	file, path   string
	source, here *selection
}

// mappings decodes the mappings of a virtual dataset.
func (d *Dataset) mappings() ([]mapping, error) {
	f := d.f
	if d.layout.addr == undefined {
		return nil, nil
	}
	b, err := f.heapObject(d.layout.addr, d.layout.object)
	if err != nil {
		return nil, err
	}
	c := &cursor{f: f, b: b}
	version := c.u8()
	if version > 1 {
		return nil, f.unsupported("version %d of a virtual dataset", version)
	}
	n := c.length()
	if n > uint64(len(b)) {
		return nil, f.damaged("a virtual dataset of %d parts", n)
	}
	var all []mapping
	for range n {
		var flags byte // which names are those of an earlier part
		if version == 1 {
			flags = c.u8()
		}
		m := mapping{file: "."} // of this file, whose name is not stored
		if flags&4 == 0 {
			m.file, err = f.sourceName(c, flags&1 != 0, all, func(m mapping) string { return m.file })
		}
		if err == nil {
			m.path, err = f.sourceName(c, flags&2 != 0, all, func(m mapping) string { return m.path })
		}
		if err != nil {
			return nil, err
		}
		if m.source, err = f.selection(c); err != nil {
			return nil, err
		}
		if m.here, err = f.selection(c); err != nil {
			return nil, err
		}
		if strings.Contains(m.file, "%") || strings.Contains(m.path, "%") {
			return nil, f.unsupported("a virtual dataset with names such as %q", m.file+":"+m.path)
		}
		if m.source.grows() || m.here.grows() {
			return nil, f.unsupported("a virtual dataset that grows with its sources (%s)", d.path)
		}
		all = append(all, m)
	}
	if c.bad {
		return nil, f.damaged("a virtual dataset is cut off")
	}
	return all, nil
}

// sourceName decodes the name of a file or dataset, or the number of the part that has the same one.
func (f *File) sourceName(c *cursor, shared bool, all []mapping, name func(mapping) string) (string, error) {
	if !shared {
		return c.text(), nil
	}
	i := c.length()
	if i >= uint64(len(all)) {
		return "", f.damaged("part %d of a virtual dataset is not one of the %d before", i, len(all))
	}
	return name(all[i]), nil
}

// A run is a piece of a dimension that follows itself in both datasets.
type run struct{ here, source, n uint64 }

// runs returns the pieces of a dimension that lie in [start, start+count) of the virtual dataset.
func runs(source, here *selection, si, hi int, sourceSize, hereSize, start, count uint64) ([]run, error) {
	n, at, ok := source.dimension(si, sourceSize)
	m, to, fits := here.dimension(hi, hereSize)
	if !ok || !fits {
		return nil, fmt.Errorf("a selection outside of its dataset")
	}
	n = min(n, m)
	var all []run
	for k := uint64(0); k < n; {
		h, more := to(k)
		s, also := at(k)
		length := min(more, also, n-k)
		lo, end := max(h, start), min(h+length, start+count)
		if h >= start+count {
			break
		}
		if lo < end {
			all = append(all, run{lo, s + lo - h, end - lo})
		}
		k += length
	}
	return all, nil
}

// readVirtual fills a block from the datasets that the virtual one is made of.
func (d *Dataset) readVirtual(dst []byte, start, count []uint64) error {
	all, err := d.mappings()
	if err != nil {
		return err
	}
	fillWith(dst, d.fill)
	for _, m := range all {
		if !m.here.touches(d.space.dims, start, count) {
			continue
		}
		if err := d.readMapping(dst, start, count, m); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dataset) readMapping(dst []byte, start, count []uint64, m mapping) error {
	f := d.f
	if m.file != "." {
		var err error
		if f, err = d.f.openExternal(m.file); err != nil {
			return fmt.Errorf("%s: the source of %s, the file %s: %w", d.f.name, d.path, m.file, err)
		}
	}
	s, err := f.Dataset(m.path)
	if err != nil {
		return err
	}
	if s.layout.class == virtual {
		return d.f.unsupported("a virtual dataset made of virtual datasets")
	}
	if s.typ.Kind != d.typ.Kind || s.typ.Size != d.typ.Size || s.typ.BigEndian != d.typ.BigEndian {
		return d.f.unsupported("a virtual dataset of %s made of %s", d.typ, s.typ)
	}
	pieces, axes, err := d.pieces(s, start, count, m)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", d.f.name, d.path, err)
	}
	return eachPiece(pieces, func(chosen []run) error {
		from, n := make([]uint64, len(s.space.dims)), make([]uint64, len(s.space.dims))
		for i := range n {
			n[i] = 1
			if m.source.all {
				continue
			}
			from[i] = m.source.start[i]
		}
		to, size := make([]uint64, len(chosen)), make([]uint64, len(chosen))
		for i, r := range chosen {
			to[i], size[i] = r.here-start[i], r.n
			if axes[i] >= 0 {
				from[axes[i]], n[axes[i]] = r.source, r.n
			}
		}
		part, err := s.block(from, n)
		if err != nil {
			return err
		}
		copyBlock(dst, count, to, part, size, make([]uint64, len(size)), size, d.typ.Size)
		return nil
	})
}

// block reads a block as stored.
func (d *Dataset) block(start, count []uint64) ([]byte, error) {
	raw, _, err := d.rawBlock(start, count)
	return raw, err
}

// pieces matches the dimensions of both selections, those of one element apart, and returns the runs of each dimension of d and
// the dimension of s that belongs to it, or -1.
func (d *Dataset) pieces(s *Dataset, start, count []uint64, m mapping) (pieces [][]run, axes []int, err error) {
	if !m.source.all && len(m.source.start) != len(s.space.dims) || !m.here.all && len(m.here.start) != len(d.space.dims) {
		return nil, nil, fmt.Errorf("a selection of other dimensions than its dataset")
	}
	one := &selection{all: true}
	var free []int // dimensions of s with more than one selected element
	for i, size := range s.space.dims {
		if n, _, ok := m.source.dimension(i, size); !ok || n != 1 {
			free = append(free, i)
		}
	}
	equal := len(s.space.dims) == len(d.space.dims)
	var sizes []uint64 // selected elements of d, dimensions of one element left out
	for i, size := range d.space.dims {
		n, _, _ := m.here.dimension(i, size)
		if n != 1 {
			sizes = append(sizes, n)
		}
		if equal {
			k, _, _ := m.source.dimension(i, s.space.dims[i])
			equal = k == n
		}
	}
	if !equal && !slices.EqualFunc(free, sizes, func(i int, n uint64) bool {
		k, _, ok := m.source.dimension(i, s.space.dims[i])
		return !ok || k == n
	}) {
		return nil, nil, d.f.unsupported("a virtual dataset whose part has another shape than its source %s", m.path)
	}
	for i, size := range d.space.dims {
		source, axis, sourceSize := one, -1, uint64(1)
		n, _, _ := m.here.dimension(i, size)
		switch {
		case equal:
			source, axis, sourceSize = m.source, i, s.space.dims[i]
		case n != 1 && len(free) > 0:
			source, axis, sourceSize = m.source, free[0], s.space.dims[free[0]]
			free = free[1:]
		}
		r, err := runs(source, m.here, max(axis, 0), i, sourceSize, size, start[i], count[i])
		if err != nil {
			return nil, nil, err
		}
		pieces, axes = append(pieces, r), append(axes, axis)
	}
	if !equal && len(free) > 0 {
		return nil, nil, fmt.Errorf("selections of different shapes")
	}
	return pieces, axes, nil
}

// eachPiece calls visit with each combination of one run a dimension.
func eachPiece(pieces [][]run, visit func([]run) error) error {
	if slices.ContainsFunc(pieces, func(r []run) bool { return len(r) == 0 }) {
		return nil
	}
	chosen, at := make([]run, len(pieces)), make([]int, len(pieces))
	for {
		for i, k := range at {
			chosen[i] = pieces[i][k]
		}
		if err := visit(chosen); err != nil {
			return err
		}
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < len(pieces[i]) {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return nil
		}
	}
}
