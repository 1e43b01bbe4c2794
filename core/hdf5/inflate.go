package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// An inflater decompresses deflate and Zstandard with decoders that it keeps.
type inflater struct {
	source  bytes.Reader
	deflate io.ReadCloser
	std     *zstd.Decoder
}

// most returns the bytes that b can decompress to at that ratio, so that a few bytes cannot claim much memory.
func most(b []byte, ratio int) int { return ratio*len(b) + 64 }

var errTooLong = errors.New("a chunk that is longer than its dimensions say")

// zlib appends the decompressed bytes of b, at most limit of them.
func (d *inflater) zlib(out, b []byte, limit int) ([]byte, error) {
	d.source.Reset(b)
	var err error
	if d.deflate == nil {
		d.deflate, err = zlib.NewReader(&d.source)
	} else {
		err = d.deflate.(zlib.Resetter).Reset(&d.source, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	out = grow(out, min(limit, most(b, 1032)))
	n := 0
	for n < len(out) && err == nil {
		var m int
		m, err = d.deflate.Read(out[n:])
		n += m
	}
	if err == nil { // the buffer is full: the stream must end here
		var one [1]byte
		var m int
		if m, err = io.ReadFull(d.deflate, one[:]); m > 0 {
			return nil, errTooLong
		}
	}
	if err != io.EOF {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	return out[:n], nil
}

// zstd appends the decompressed bytes of b, at most limit of them.
func (d *inflater) zstd(out, b []byte, limit int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(b); err != nil {
		return nil, fmt.Errorf("Zstandard: %w", err)
	}
	if h.HasFCS && h.FrameContentSize > uint64(limit) {
		return nil, errTooLong
	}
	if d.std == nil {
		var err error
		d.std, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunk+1<<16), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
	}
	got, err := d.std.DecodeAll(b, out[:0])
	if err != nil {
		return nil, fmt.Errorf("Zstandard: %w", err)
	}
	if len(got) > limit {
		return nil, errTooLong
	}
	return got, nil
}
