package hdf5

import (
	"maps"
	"slices"
)

// A selection is a regular grid of blocks in each dimension, or all elements.
type selection struct {
	all                         bool
	start, stride, count, block []uint64
}

// grows reports whether the selection has no end.
func (s *selection) grows() bool {
	return slices.Contains(s.count, undefined) || slices.Contains(s.block, undefined)
}

// touches reports whether the selection's extent and a block have common elements.
func (s *selection) touches(shape, start, count []uint64) bool {
	if s.all || len(s.start) != len(shape) {
		return true
	}
	for i := range shape {
		n, at, ok := s.dimension(i, shape[i])
		if !ok {
			return true
		}
		if n == 0 {
			return false
		}
		last, _ := at(n - 1)
		if first := s.start[i]; first >= start[i]+count[i] || last < start[i] {
			return false
		}
	}
	return true
}

// selection decodes a serialized selection: all elements, or a grid of blocks.
func (f *File) selection(c *cursor) (*selection, error) {
	kind, version := c.u32(), c.u32()
	switch kind {
	case 3:
		c.skip(8)
		return &selection{all: true}, nil
	case 2:
	default:
		return nil, f.unsupported("selection kind %d in a virtual dataset", kind)
	}
	width, regular := 4, false
	switch version {
	case 1:
		c.skip(8)
	case 2:
		regular = c.u8()&1 != 0
		c.skip(4)
		width = 8
	case 3:
		regular = c.u8()&1 != 0
		width = int(c.u8())
	default:
		return nil, f.unsupported("selection version %d", version)
	}
	rank := int(c.u32())
	if c.bad || rank == 0 || rank > maxRank || width < 1 || width > 8 {
		return nil, f.damaged("a selection of %d dimensions", rank)
	}
	s := &selection{}
	number := func() uint64 {
		v := c.uint(width)
		if width < 8 && v == 1<<(8*width)-1 {
			v = undefined
		}
		return v
	}
	if regular {
		for range rank {
			s.start, s.stride = append(s.start, number()), append(s.stride, number())
			s.count, s.block = append(s.count, number()), append(s.block, number())
		}
		return s, nil
	}
	return s, f.blocks(c, s, rank, width)
}

// blocks decodes a list of blocks, which must be those of a grid.
func (f *File) blocks(c *cursor, s *selection, rank, width int) error {
	n := c.uint(width)
	if n == 0 || n > uint64(len(c.b)) {
		return f.damaged("a selection of %d blocks", n)
	}
	starts, sizes := make([]map[uint64]bool, rank), make([]map[uint64]bool, rank)
	for i := range rank {
		starts[i], sizes[i] = map[uint64]bool{}, map[uint64]bool{}
	}
	for range n {
		at := make([]uint64, rank)
		for i := range rank {
			at[i] = c.uint(width)
			starts[i][at[i]] = true
		}
		for i := range rank {
			end := c.uint(width)
			if c.bad || end < at[i] {
				return f.damaged("a selection that ends before its start")
			}
			sizes[i][end-at[i]+1] = true
		}
	}
	total := uint64(1)
	for i := range rank {
		order := slices.Sorted(maps.Keys(starts[i]))
		stride := uint64(1)
		if len(order) > 1 {
			stride = order[1] - order[0]
		}
		for k := 1; k < len(order); k++ {
			if order[k]-order[k-1] != stride {
				return f.unsupported("a selection of %d irregular blocks", n)
			}
		}
		if len(sizes[i]) != 1 {
			return f.unsupported("a selection of %d irregular blocks", n)
		}
		for size := range sizes[i] {
			s.block = append(s.block, size)
		}
		s.start, s.stride, s.count = append(s.start, order[0]), append(s.stride, stride), append(s.count, uint64(len(order)))
		total *= uint64(len(order))
	}
	if total != n {
		return f.unsupported("a selection of %d irregular blocks", n)
	}
	return nil
}

// coordinates returns the i-th selected element of a dimension, and how many follow it without a gap; the number of selected
// elements is in n.
func (s *selection) dimension(i int, size uint64) (n uint64, at func(k uint64) (coordinate, following uint64), ok bool) {
	if s.all {
		return size, func(k uint64) (uint64, uint64) { return k, size - k }, true
	}
	start, stride, count, block := s.start[i], s.stride[i], s.count[i], s.block[i]
	if start >= size {
		return 0, nil, start == size
	}
	if count == 0 || block == 0 {
		return 0, nil, true
	}
	if block > size-start || count > 1 && (stride < block || (size-start-block)/(count-1) < stride) {
		return 0, nil, false
	}
	if stride == block || count == 1 {
		n := count * block
		return n, func(k uint64) (uint64, uint64) { return start + k, n - k }, true
	}
	return count * block, func(k uint64) (uint64, uint64) { return start + k/block*stride + k%block, block - k%block }, true
}
