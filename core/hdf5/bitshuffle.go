package hdf5

import "encoding/binary"

// undoBitshuffle undoes filter 32008. Parameters: version, version, bytes of an element, elements of a block (0 for the default),
// 2 for LZ4 or 3 for Zstandard. A compressed chunk begins with the length of all and of a block in bytes (big endian). In each block,
// bit b of all elements lies together; a last block has a multiple of eight elements, and elements that are left are stored as they
// are (bitshuffle by K. Masui, and its HDF5 filter).
func (d *decoder) undoBitshuffle(out, b []byte, x filter, limit int) ([]byte, error) {
	size, block, compression := int(x.value(2, 0)), int(x.value(3, 0)), x.value(4, 0)
	if size <= 0 || size > 1<<16 || compression > 3 || compression == 1 {
		return nil, errBitshuffle
	}
	total := len(b)
	if compression != 0 {
		if len(b) < 12 {
			return nil, errBitshuffle
		}
		n, bytes := binary.BigEndian.Uint64(b), int(binary.BigEndian.Uint32(b[8:]))
		if n > uint64(limit) || compression == 2 && n > uint64(most(b, 255)) {
			return nil, errTooLong
		}
		total, block, b = int(n), bytes/size, b[12:]
	}
	if block == 0 {
		block = defaultBlock(size)
	}
	block = min(block, (total/size+7)/8*8)
	if block%8 != 0 {
		return nil, errBitshuffle
	}
	out = grow(out, total)
	scratch := make([]byte, block*size)
	left := total / size
	for at := 0; left >= 8; {
		n := min(block, left/8*8)
		dst := out[at : at+n*size]
		planes := scratch[:n*size]
		var ok bool
		if b, ok = d.bitPlanes(planes, b, compression); !ok {
			return nil, errBitshuffle
		}
		untranspose(dst, planes, n, size)
		at, left = at+n*size, left-n
	}
	tail := total - (total/size-left)*size
	if len(b) < tail {
		return nil, errBitshuffle
	}
	copy(out[total-tail:], b[:tail])
	return out, nil
}

// bitPlanes fills dst with the next block and returns what follows it.
func (d *decoder) bitPlanes(dst, b []byte, compression uint32) (rest []byte, ok bool) {
	switch compression {
	case 2:
		return lz4Part(dst, b, false)
	case 3:
		if len(b) < 4 {
			return nil, false
		}
		n := uint64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n > uint64(len(b)) {
			return nil, false
		}
		got, err := d.inflate.zstd(nil, b[:n], len(dst))
		if err != nil || len(got) != len(dst) {
			return nil, false
		}
		copy(dst, got)
		return b[n:], true
	}
	if len(b) < len(dst) {
		return nil, false
	}
	copy(dst, b)
	return b[len(dst):], true
}

// defaultBlock returns the number of elements of a block: 8 KiB in multiples of eight elements, and at least 128.
func defaultBlock(size int) int { return max(8192/size/8*8, 128) }

// untranspose makes n elements of size bytes from bit planes of n bits: plane b holds bit b%8 of byte b/8.
func untranspose(dst, planes []byte, n, size int) {
	row := n / 8
	for k := range size {
		p := planes[8*k*row : 8*(k+1)*row]
		p0, p1, p2, p3 := p[:row], p[row:2*row], p[2*row:3*row], p[3*row:4*row]
		p4, p5, p6, p7 := p[4*row:5*row], p[5*row:6*row], p[6*row:7*row], p[7*row:8*row]
		at := k
		for i := range p0 {
			x := uint64(p0[i]) | uint64(p1[i])<<8 | uint64(p2[i])<<16 | uint64(p3[i])<<24 |
				uint64(p4[i])<<32 | uint64(p5[i])<<40 | uint64(p6[i])<<48 | uint64(p7[i])<<56
			if x == 0 {
				for range 8 {
					dst[at] = 0
					at += size
				}
				continue
			}
			x = transpose8(x)
			for range 8 {
				dst[at] = byte(x)
				x >>= 8
				at += size
			}
		}
	}
}

// transpose8 transposes a matrix of 8×8 bits: bit j of byte i becomes bit i of byte j (H. S. Warren, Hacker's Delight, 7-3).
func transpose8(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}
