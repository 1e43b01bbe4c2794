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
	d.planes = grow(d.planes, block*size)
	left := total / size
	for at := 0; left >= 8; {
		n := min(block, left/8*8)
		dst := out[at : at+n*size]
		planes := d.planes[:n*size]
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
		got, err := d.inflate.zstd(dst[:0:len(dst)], b[:n], len(dst))
		if err != nil || len(got) != len(dst) {
			return nil, false
		}
		if !sameStart(got, dst) {
			copy(dst, got)
		}
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

// untranspose makes n elements of size bytes from bit planes of n bits: plane b holds bit b%8 of byte b/8. n is a multiple of 8.
func untranspose(dst, planes []byte, n, size int) {
	row := n / 8
	wide := 0 // bytes of a plane that are taken eight at a time
	if size == 1 || size == 2 || size == 4 {
		wide = row / 8 * 8
	}
	for i := 0; i < wide; i += 8 {
		to := dst[8*i*size : 8*(i+8)*size]
		switch size {
		case 1:
			if x, ok := gather(planes, row, i); ok {
				for j, v := range x {
					binary.LittleEndian.PutUint64(to[8*j:], v)
				}
			} else {
				clear(to)
			}
		case 2:
			untranspose2(to, planes, row, i)
		case 4:
			untranspose4(to, planes, row, i)
		}
	}
	if wide < row {
		untransposeRest(dst, planes, row, size, wide)
	}
}

// untranspose2 makes 64 elements of two bytes from bytes i … i+7 of each plane.
func untranspose2(dst, planes []byte, row, i int) {
	low, some := gather(planes, row, i)
	high, large := gather(planes[8*row:], row, i)
	switch {
	case large:
		for j, v := range low {
			w := high[j]
			to := dst[16*j : 16*j+16]
			binary.LittleEndian.PutUint64(to, spread(uint32(v))|spread(uint32(w))<<8)
			binary.LittleEndian.PutUint64(to[8:], spread(uint32(v>>32))|spread(uint32(w>>32))<<8)
		}
	case some:
		for j, v := range low {
			to := dst[16*j : 16*j+16]
			binary.LittleEndian.PutUint64(to, spread(uint32(v)))
			binary.LittleEndian.PutUint64(to[8:], spread(uint32(v>>32)))
		}
	default:
		clear(dst)
	}
}

// untranspose4 makes 64 elements of four bytes from bytes i … i+7 of each plane.
func untranspose4(dst, planes []byte, row, i int) {
	x0, s0 := gather(planes, row, i)
	x1, s1 := gather(planes[8*row:], row, i)
	x2, s2 := gather(planes[16*row:], row, i)
	x3, s3 := gather(planes[24*row:], row, i)
	if !s0 && !s1 && !s2 && !s3 {
		clear(dst)
		return
	}
	for j := range x0 {
		v0, v1, v2, v3 := x0[j], x1[j], x2[j], x3[j]
		to := dst[32*j : 32*j+32]
		for k := 0; k < 32; k += 4 {
			binary.LittleEndian.PutUint32(to[k:], uint32(v0&255|v1&255<<8|v2&255<<16|v3&255<<24))
			v0, v1, v2, v3 = v0>>8, v1>>8, v2>>8, v3>>8
		}
	}
}

// spread puts a zero byte behind each of four bytes.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	return (x | x<<8) & 0x00ff00ff00ff00ff
}

// gather takes bytes i … i+7 of each of the first eight planes, which hold one byte of 64 elements, and returns these 64 bytes in
// order; some is false where all are zero. Planes are row bytes long.
func gather(planes []byte, row, i int) (x [8]uint64, some bool) {
	p := planes[i : i+7*row+8]
	le := binary.LittleEndian
	x0, x1, x2, x3 := le.Uint64(p), le.Uint64(p[row:]), le.Uint64(p[2*row:]), le.Uint64(p[3*row:])
	x4, x5, x6, x7 := le.Uint64(p[4*row:]), le.Uint64(p[5*row:]), le.Uint64(p[6*row:]), le.Uint64(p[7*row:])
	if x0|x1|x2|x3|x4|x5|x6|x7 == 0 {
		return x, false
	}
	// In word b, bit 8j+e is bit b of byte 8j+e. First b and e are exchanged (bits), then b and j (bytes).
	x0, x1 = exchange(x0, x1, 1, 0x5555555555555555)
	x2, x3 = exchange(x2, x3, 1, 0x5555555555555555)
	x4, x5 = exchange(x4, x5, 1, 0x5555555555555555)
	x6, x7 = exchange(x6, x7, 1, 0x5555555555555555)
	x0, x2 = exchange(x0, x2, 2, 0x3333333333333333)
	x1, x3 = exchange(x1, x3, 2, 0x3333333333333333)
	x4, x6 = exchange(x4, x6, 2, 0x3333333333333333)
	x5, x7 = exchange(x5, x7, 2, 0x3333333333333333)
	x0, x4 = exchange(x0, x4, 4, 0x0f0f0f0f0f0f0f0f)
	x1, x5 = exchange(x1, x5, 4, 0x0f0f0f0f0f0f0f0f)
	x2, x6 = exchange(x2, x6, 4, 0x0f0f0f0f0f0f0f0f)
	x3, x7 = exchange(x3, x7, 4, 0x0f0f0f0f0f0f0f0f)
	x0, x1 = exchange(x0, x1, 8, 0x00ff00ff00ff00ff)
	x2, x3 = exchange(x2, x3, 8, 0x00ff00ff00ff00ff)
	x4, x5 = exchange(x4, x5, 8, 0x00ff00ff00ff00ff)
	x6, x7 = exchange(x6, x7, 8, 0x00ff00ff00ff00ff)
	x0, x2 = exchange(x0, x2, 16, 0x0000ffff0000ffff)
	x1, x3 = exchange(x1, x3, 16, 0x0000ffff0000ffff)
	x4, x6 = exchange(x4, x6, 16, 0x0000ffff0000ffff)
	x5, x7 = exchange(x5, x7, 16, 0x0000ffff0000ffff)
	x0, x4 = exchange(x0, x4, 32, 0x00000000ffffffff)
	x1, x5 = exchange(x1, x5, 32, 0x00000000ffffffff)
	x2, x6 = exchange(x2, x6, 32, 0x00000000ffffffff)
	x3, x7 = exchange(x3, x7, 32, 0x00000000ffffffff)
	return [8]uint64{x0, x1, x2, x3, x4, x5, x6, x7}, true
}

// exchange exchanges the bits of b that mask selects with those of a that lie shift higher.
func exchange(a, b uint64, shift uint, mask uint64) (x, y uint64) {
	t := (a>>shift ^ b) & mask
	return a ^ t<<shift, b ^ t
}

// untransposeRest makes the elements from bytes i and more of each plane, of any size, eight elements at a time.
func untransposeRest(dst, planes []byte, row, size, from int) {
	for k := range size {
		p := planes[8*k*row : 8*(k+1)*row]
		at := 8*from*size + k
		for i := from; i < row; i++ {
			x := uint64(p[i]) | uint64(p[row+i])<<8 | uint64(p[2*row+i])<<16 | uint64(p[3*row+i])<<24 |
				uint64(p[4*row+i])<<32 | uint64(p[5*row+i])<<40 | uint64(p[6*row+i])<<48 | uint64(p[7*row+i])<<56
			if x != 0 {
				x = transpose8(x)
			}
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
