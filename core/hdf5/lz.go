package hdf5

import (
	"encoding/binary"
	"errors"

	"github.com/pierrec/lz4/v4"
)

var (
	errLZ4        = errors.New("LZ4: damaged data")
	errLZF        = errors.New("LZF: damaged data")
	errBitshuffle = errors.New("bitshuffle: damaged data")
)

// lz4Block decompresses one block of the LZ4 format into dst, which it must fill.
func lz4Block(dst, src []byte) error {
	if n, err := lz4.UncompressBlock(src, dst); err != nil || n != len(dst) {
		return errLZ4
	}
	return nil
}

// copyMatch copies length bytes from distance before dst[n] to it; the two may overlap, and the copy then repeats.
func copyMatch(dst []byte, n, distance, length int) {
	for length > 0 {
		k := copy(dst[n:n+min(length, distance)], dst[n-distance:n])
		n, length = n+k, length-k
		distance += k
	}
}

// undoLZ4 undoes filter 32004: the length of all, the length of a block (big endian), then each block with its stored length; a
// block that is stored with its whole length is not compressed.
func undoLZ4(out, b []byte, limit int) ([]byte, error) {
	if len(b) < 12 {
		return nil, errLZ4
	}
	total, size := binary.BigEndian.Uint64(b), uint64(binary.BigEndian.Uint32(b[8:]))
	b = b[12:]
	if total > uint64(min(limit, most(b, 255))) || size == 0 && total > 0 {
		return nil, errTooLong
	}
	out = grow(out, int(total))
	for at := uint64(0); at < total; at += size {
		dst := out[at:min(total, at+size)]
		var ok bool
		if b, ok = lz4Part(dst, b, true); !ok {
			return nil, errLZ4
		}
	}
	return out, nil
}

// lz4Part decompresses a block behind its length into dst and returns what follows it.
func lz4Part(dst, b []byte, raw bool) (rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, false
	}
	n := uint64(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > uint64(len(b)) {
		return nil, false
	}
	if raw && n == uint64(len(dst)) {
		copy(dst, b[:n])
	} else if lz4Block(dst, b[:n]) != nil {
		return nil, false
	}
	return b[n:], true
}

// undoLZF decompresses the LZF format of filter 32000 (liblzf): a control byte below 32 copies that many literals plus one; others
// give a length in three bits, 7 with a further byte, and a distance.
func undoLZF(out, b []byte, want int) ([]byte, error) {
	out = grow(out, min(want, most(b, 88))) // 3 bytes become at most 264
	n := 0
	for len(b) > 0 {
		control := int(b[0])
		b = b[1:]
		if control < 32 {
			length := control + 1
			if length > len(b) || length > len(out)-n {
				return nil, errLZF
			}
			copy(out[n:], b[:length])
			n, b = n+length, b[length:]
			continue
		}
		length := control >> 5
		if length == 7 {
			if len(b) == 0 {
				return nil, errLZF
			}
			length += int(b[0])
			b = b[1:]
		}
		if len(b) == 0 {
			return nil, errLZF
		}
		distance := (control&31)<<8 + int(b[0]) + 1
		b = b[1:]
		length += 2
		if distance > n || length > len(out)-n {
			return nil, errLZF
		}
		copyMatch(out, n, distance, length)
		n += length
	}
	return out[:n], nil
}
