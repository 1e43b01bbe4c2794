package hdf5

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Identifiers of filters.
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher   = 3
	filterSzip       = 4
	filterNBit       = 5
	filterScale      = 6
	filterLZF        = 32000
	filterBlosc      = 32001
	filterLZ4        = 32004
	filterBitshuffle = 32008
	filterZstd       = 32015
)

var filterNames = map[uint16]string{
	filterDeflate: "deflate", filterShuffle: "shuffle", filterFletcher: "fletcher32", filterSzip: "szip", filterNBit: "n-bit",
	filterScale: "scale-offset", filterLZF: "LZF", filterBlosc: "Blosc", 307: "bzip2", 32013: "ZFP", 32017: "SZ", 32026: "Blosc2",
	filterLZ4: "LZ4", filterBitshuffle: "bitshuffle", filterZstd: "Zstandard",
}

// A filter transforms the bytes of each chunk.
type filter struct {
	id     uint16
	name   string
	values []uint32
}

func (x filter) String() string {
	switch {
	case filterNames[x.id] != "":
		return filterNames[x.id]
	case x.name != "":
		return x.name
	}
	return fmt.Sprintf("filter %d", x.id)
}

// maxFilters is the format's limit.
const maxFilters = 32

// pipeline decodes a filter message.
func (f *File) pipeline(b []byte) ([]filter, error) {
	c := &cursor{f: f, b: b}
	version, n := c.u8(), int(c.u8())
	if version == 1 {
		c.skip(6)
	}
	if version < 1 || version > 2 || n > maxFilters {
		return nil, f.damaged("version %d of a list of %d filters", version, n)
	}
	var filters []filter
	for range n {
		x := filter{id: c.u16()}
		var length int
		if version == 1 || x.id >= 256 {
			length = int(c.u16())
		}
		c.skip(2)
		values := int(c.u16())
		if version == 1 {
			length = (length + 7) / 8 * 8
		}
		name := c.take(uint64(length))
		for i, ch := range name {
			if ch == 0 {
				name = name[:i]
				break
			}
		}
		x.name = string(name)
		for range values {
			if c.bad {
				break
			}
			x.values = append(x.values, c.u32())
		}
		if version == 1 && values%2 == 1 {
			c.skip(4)
		}
		filters = append(filters, x)
	}
	if c.bad {
		return nil, f.damaged("a list of filters is cut off")
	}
	return filters, nil
}

// value returns the i-th parameter, or other where the filter has fewer.
func (x filter) value(i int, other uint32) uint32 {
	if i < len(x.values) {
		return x.values[i]
	}
	return other
}

// A decoder undoes filters. It keeps its buffers, so that each goroutine needs its own.
type decoder struct {
	stored  []byte
	buffers [2][]byte
	planes  []byte // of bitshuffle
	inflate inflater
}

// decode undoes the filters of a chunk of want bytes that is stored as b, last filter first. If into is not nil, it has want bytes, and
// the last step writes there where it can. The result is in into or, until the next call, in memory of the decoder.
func (d *decoder) decode(into, b []byte, filters []filter, mask uint32, want int) ([]byte, error) {
	first := 0 // the filter that is undone last
	for first < len(filters) && mask>>uint(first)&1 != 0 {
		first++
	}
	next := 0
	for i := len(filters) - 1; i >= first; i-- {
		if mask>>uint(i)&1 != 0 {
			continue
		}
		out := d.buffers[next][:0]
		last := i == first && into != nil
		if last {
			out = into[:0:want]
		}
		got, err := d.undo(out, b, filters[i], want, i > first)
		if err != nil {
			return nil, err
		}
		if !last && cap(got) > 0 && !sameStart(got, b) {
			d.buffers[next] = got
			next = 1 - next
		}
		b = got
	}
	if len(b) != want {
		return nil, fmt.Errorf("a chunk of %d bytes in place of %d", len(b), want)
	}
	return b, nil
}

// release makes the decoder forget the memory of b, which its caller keeps.
func (d *decoder) release(b []byte) {
	for _, held := range []*[]byte{&d.stored, &d.buffers[0], &d.buffers[1]} {
		if sameStart((*held)[:cap(*held)], b) {
			*held = nil
		}
	}
}

// sameStart reports whether two slices begin at the same byte.
func sameStart(a, b []byte) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

// undo writes the bytes that the filter was given into the memory of out, if it has room. They may be as many as the bytes of a chunk,
// or somewhat more where a further filter is undone after this one.
func (d *decoder) undo(out, b []byte, x filter, want int, further bool) ([]byte, error) {
	limit := want
	if further {
		limit = 2*want + 1<<16 // what one filter stored is the next one's data, and may be longer
	}
	switch x.id {
	case filterDeflate:
		return d.inflate.zlib(out, b, limit)
	case filterShuffle:
		return unshuffle(out, b, int(x.value(0, 1))), nil
	case filterFletcher:
		return checkFletcher(b)
	case filterLZF:
		return undoLZF(out, b, limit)
	case filterLZ4:
		return undoLZ4(out, b, limit)
	case filterBitshuffle:
		return d.undoBitshuffle(out, b, x, limit)
	case filterZstd:
		return d.inflate.zstd(out, b, limit)
	}
	return nil, &unknownFilter{x}
}

// An unknownFilter is a filter that this package does not undo.
type unknownFilter struct{ filter filter }

func (e *unknownFilter) Error() string { return "the filter " + e.filter.String() }

// known reports whether the filter can be undone.
func (x filter) known() bool {
	switch x.id {
	case filterDeflate, filterShuffle, filterFletcher, filterLZF, filterLZ4, filterBitshuffle, filterZstd:
		return true
	}
	return false
}

// grow returns a slice of n bytes in out's memory if it has room.
func grow(out []byte, n int) []byte {
	if cap(out) >= n {
		return out[:n]
	}
	return make([]byte, n)
}

// unshuffle puts the bytes of elements of n bytes together again: the filter stores all first bytes, then all second ones.
func unshuffle(out, b []byte, n int) []byte {
	if n <= 1 || len(b) < n {
		return b
	}
	count := len(b) / n
	out = grow(out, len(b))
	switch n {
	case 2:
		lo, hi := b[:count], b[count:2*count]
		for i := range lo {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(lo[i])|uint16(hi[i])<<8)
		}
	case 4:
		b0, b1, b2, b3 := b[:count], b[count:2*count], b[2*count:3*count], b[3*count:4*count]
		for i := range b0 {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(b0[i])|uint32(b1[i])<<8|uint32(b2[i])<<16|uint32(b3[i])<<24)
		}
	default:
		for k := range n {
			plane := b[k*count : (k+1)*count]
			for i, v := range plane {
				out[i*n+k] = v
			}
		}
	}
	copy(out[count*n:], b[count*n:])
	return out
}

// checkFletcher verifies and removes the checksum of four bytes at the end.
func checkFletcher(b []byte) ([]byte, error) {
	n := len(b) - 4
	if n < 0 {
		return nil, fmt.Errorf("a chunk without its checksum")
	}
	sum, stored := fletcher32(b[:n]), binary.LittleEndian.Uint32(b[n:])
	swapped := bits.ReverseBytes32(sum) // early versions of the library wrote the halves' bytes in the other order
	if stored != sum && stored != swapped>>16|swapped<<16 {
		return nil, fmt.Errorf("the checksum of a chunk is wrong")
	}
	return b[:n], nil
}

// fletcher32 is Fletcher's checksum over big-endian words of 16 bits; an odd last byte is a word's upper half.
func fletcher32(b []byte) uint32 {
	var sum1, sum2 uint32
	words := len(b) / 2
	for words > 0 {
		n := min(words, 360)
		words -= n
		for range n {
			sum1 += uint32(b[0])<<8 | uint32(b[1])
			sum2 += sum1
			b = b[2:]
		}
		sum1 = sum1&0xffff + sum1>>16
		sum2 = sum2&0xffff + sum2>>16
	}
	if len(b) > 0 {
		sum1 += uint32(b[0]) << 8
		sum2 += sum1
		sum1 = sum1&0xffff + sum1>>16
		sum2 = sum2&0xffff + sum2>>16
	}
	sum1 = sum1&0xffff + sum1>>16
	sum2 = sum2&0xffff + sum2>>16
	return sum2<<16 | sum1
}
