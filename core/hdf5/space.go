package hdf5

import "math/bits"

// A space is a decoded dataspace: dims is nil for a scalar.
type space struct {
	dims, max []uint64 // max: the largest size, undefined where it is unlimited
	null      bool
}

// maxRank is the format's limit for dimensions.
const maxRank = 32

func (f *File) space(b []byte) (space, error) {
	c := &cursor{f: f, b: b}
	var s space
	version, rank, flags := c.u8(), int(c.u8()), c.u8()
	switch version {
	case 1:
		c.skip(5)
	case 2:
		s.null = c.u8() == 2
	default:
		return s, f.unsupported("dataspace version %d", version)
	}
	if rank > maxRank {
		return s, f.damaged("a dataspace of %d dimensions", rank)
	}
	if rank > 0 {
		s.dims = make([]uint64, rank)
		for i := range s.dims {
			s.dims[i] = c.length()
		}
		s.max = s.dims
		if flags&1 != 0 {
			s.max = make([]uint64, rank)
			for i := range s.max {
				s.max[i] = c.length()
			}
		}
	}
	if c.bad {
		return s, f.damaged("a dataspace is cut off")
	}
	if s.null && rank > 0 {
		return s, f.damaged("an empty dataspace of %d dimensions", rank)
	}
	if _, ok := product(s.dims, 1); !ok {
		return s, f.damaged("a dataspace of %d values", s.dims)
	}
	return s, nil
}

// count returns the number of elements.
func (s space) count() uint64 {
	if s.null {
		return 0
	}
	n, _ := product(s.dims, 1)
	return n
}

// product multiplies dims and size; ok is false above 2⁶².
func product(dims []uint64, size uint64) (n uint64, ok bool) {
	n = size
	for _, d := range dims {
		if d == 0 {
			return 0, true
		}
	}
	for _, d := range dims {
		hi, lo := bits.Mul64(n, d)
		if hi != 0 || lo > 1<<62 {
			return 0, false
		}
		n = lo
	}
	return n, true
}
