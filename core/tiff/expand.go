package tiff

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
)

// Values of the tag Compression.
const (
	none       = 1
	lzw        = 5
	deflate    = 8
	packBits   = 32773
	oldDeflate = 32946
)

// expand decompresses a strip or tile of n bytes.
func expand(raw []byte, compression int64, n int) ([]byte, error) {
	switch compression {
	case none:
		if len(raw) < n {
			return nil, fmt.Errorf("it has %d bytes, %d are needed", len(raw), n)
		}
		return raw[:n], nil
	case lzw:
		return expandLZW(raw, n)
	case deflate, oldDeflate:
		z, err := zlib.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, errDamaged
		}
		out := make([]byte, n)
		if _, err := io.ReadFull(z, out); err != nil {
			return nil, errDamaged
		}
		return out, nil
	case packBits:
		return expandPackBits(raw, n)
	}
	return nil, fmt.Errorf("its compression %d is not read; none, LZW, deflate and PackBits are", compression)
}

// expandPackBits expands runs of bytes.
func expandPackBits(raw []byte, n int) ([]byte, error) {
	out := make([]byte, 0, n)
	for len(out) < n {
		if len(raw) < 2 {
			return nil, errDamaged
		}
		c := int(int8(raw[0]))
		switch {
		case c >= 0:
			if len(raw) < c+2 {
				return nil, errDamaged
			}
			out = append(out, raw[1:c+2]...)
			raw = raw[c+2:]
		case c == -128:
			raw = raw[1:]
		default:
			out = append(out, bytes.Repeat(raw[1:2], 1-c)...)
			raw = raw[2:]
		}
	}
	return out[:n], nil
}

// Codes of LZW.
const (
	clearCode = 256
	endCode   = 257
	firstCode = 258
	maxCodes  = 4096
)

// expandLZW expands the LZW of TIFF: codes with the most significant bit first, one code wider before the table is full.
// compress/lzw widens the codes one later.
func expandLZW(raw []byte, n int) ([]byte, error) {
	var prefix [maxCodes]int16
	var suffix, first [maxCodes]byte
	var length [maxCodes]int
	for i := range clearCode {
		suffix[i], first[i], length[i] = byte(i), byte(i), 1
	}
	out := make([]byte, 0, n)
	next, width, last := firstCode, 9, -1
	bits, held := uint32(0), 0
	for len(out) < n {
		for held < width {
			if len(raw) == 0 {
				return nil, errDamaged
			}
			bits, held, raw = bits<<8|uint32(raw[0]), held+8, raw[1:]
		}
		held -= width
		code := int(bits >> held & (1<<width - 1))
		switch {
		case code == endCode:
			return nil, errDamaged
		case code == clearCode:
			next, width, last = firstCode, 9, -1
			continue
		case last < 0:
			if code > clearCode {
				return nil, errDamaged
			}
		case code > next:
			return nil, errDamaged
		case next < maxCodes:
			head := first[last] // of the new string, if it is the one that is being added
			if code < next {
				head = first[code]
			}
			prefix[next], suffix[next], first[next], length[next] = int16(last), head, first[last], length[last]+1
			if next++; next >= 1<<width-1 && width < 12 {
				width++
			}
		}
		at := len(out)
		out = append(out, make([]byte, length[code])...)
		for c, k := code, length[code]-1; k >= 0; k-- {
			out[at+k] = suffix[c]
			c = int(prefix[c])
		}
		last = code
	}
	return out[:n], nil
}
