package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Tags of a baseline TIFF file (TIFF 6.0) with one strip of 32-bit floats.
const (
	tiffWidth           = 256
	tiffLength          = 257
	tiffBits            = 258
	tiffCompression     = 259
	tiffPhotometric     = 262
	tiffDescription     = 270
	tiffStripOffsets    = 273
	tiffSamples         = 277
	tiffRowsPerStrip    = 278
	tiffStripByteCounts = 279
	tiffXResolution     = 282
	tiffYResolution     = 283
	tiffResolutionUnit  = 296
	tiffSoftware        = 305
	tiffSampleFormat    = 339
)

// Types of a tag's value.
const (
	tiffASCII    = 2
	tiffShort    = 3
	tiffLong     = 4
	tiffRational = 5
)

// tiffEntry is the size of a tag in the directory.
const tiffEntry = 12

// A tiffDirectory collects tags, in ascending order, and what does not fit in them.
type tiffDirectory struct {
	tags   int
	places []byte // of the tags
	more   []byte
	at     uint32 // position of more
}

// WriteTIFF writes values [height, width] as 32-bit floats. The size of a pixel in metres, 0 if unknown, is written as ImageJ does:
// pixels per unit, and the unit in the description. So is origin, the scan coordinate (row, column) of pixel (0, 0), as the pixel at
// which ImageJ's coordinates are 0.
func WriteTIFF(w io.Writer, values []float32, height, width int, pixelSize float64, origin [2]float64, version string) error {
	const head, tags = 8, 15
	if height < 1 || width < 1 || len(values) != height*width {
		return fmt.Errorf("tiff: %d values for %d×%d pixels", len(values), height, width)
	}
	if uint64(len(values)) > (math.MaxUint32-1<<16)/4 {
		return fmt.Errorf("tiff: an image of %d×%d pixels is larger than 4 GiB", height, width)
	}
	le := binary.LittleEndian
	build := func(d *tiffDirectory, strip uint32) *tiffDirectory {
		d.at = head + 2 + tags*tiffEntry + 4
		d.fill(values, height, width, strip, pixelSize, origin, version)
		return d
	}
	d := build(&tiffDirectory{}, 0) // once for the length
	strip := d.at + uint32(len(d.more))
	strip += -strip % 16
	d = build(&tiffDirectory{}, strip)
	if d.tags != tags {
		return fmt.Errorf("tiff: %d tags in place of %d", d.tags, tags)
	}
	var b bytes.Buffer
	b.WriteString("II*\x00")
	b.Write(le.AppendUint32(nil, head))
	b.Write(le.AppendUint16(nil, tags))
	b.Write(d.places)
	b.Write(make([]byte, 4)) // no other directory
	b.Write(d.more)
	b.Write(make([]byte, int(strip)-b.Len()))
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	row := make([]byte, 0, 4*width)
	for y := range height {
		row = row[:0]
		for _, v := range values[y*width : (y+1)*width] {
			row = le.AppendUint32(row, math.Float32bits(v))
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// fill adds all tags.
func (d *tiffDirectory) fill(values []float32, height, width int, strip uint32, pixelSize float64, origin [2]float64, version string) {
	unit, per := "pixel", 1.0
	switch {
	case pixelSize >= 1e-6:
		unit, per = "micron", 1e-6/pixelSize
	case pixelSize > 0:
		unit, per = "nm", 1e-9/pixelSize
	}
	low, high := span(values)
	d.number(tiffWidth, tiffLong, uint32(width))
	d.number(tiffLength, tiffLong, uint32(height))
	d.number(tiffBits, tiffShort, 32)
	d.number(tiffCompression, tiffShort, 1) // none
	d.number(tiffPhotometric, tiffShort, 1) // 0 is black
	d.text(tiffDescription, fmt.Sprintf("ImageJ=1.54f\nunit=%s\nmin=%v\nmax=%v\nxorigin=%v\nyorigin=%v\n", unit, low, high, 0-origin[1], 0-origin[0]))
	d.number(tiffStripOffsets, tiffLong, strip)
	d.number(tiffSamples, tiffShort, 1)
	d.number(tiffRowsPerStrip, tiffLong, uint32(height))
	d.number(tiffStripByteCounts, tiffLong, uint32(4*len(values)))
	d.rational(tiffXResolution, per)
	d.rational(tiffYResolution, per)
	d.number(tiffResolutionUnit, tiffShort, 1) // that of the description
	d.text(tiffSoftware, program+" "+version)
	d.number(tiffSampleFormat, tiffShort, 3) // IEEE floats
}

func (d *tiffDirectory) tag(tag, kind uint16, count, value uint32) {
	le := binary.LittleEndian
	d.tags++
	d.places = le.AppendUint16(le.AppendUint16(d.places, tag), kind)
	d.places = le.AppendUint32(le.AppendUint32(d.places, count), value)
}

func (d *tiffDirectory) number(tag, kind uint16, v uint32) { d.tag(tag, kind, 1, v) }

func (d *tiffDirectory) text(tag uint16, s string) {
	s += "\x00" // all texts here have more than the four bytes that fit in a tag
	d.tag(tag, tiffASCII, uint32(len(s)), d.at+uint32(len(d.more)))
	d.more = append(d.more, s...)
	if len(d.more)%2 != 0 {
		d.more = append(d.more, 0)
	}
}

// rational writes a positive number as a fraction with the largest numbers that fit.
func (d *tiffDirectory) rational(tag uint16, v float64) {
	le := binary.LittleEndian
	below := math.Floor(math.MaxUint32 / max(v, 1))
	d.tag(tag, tiffRational, 1, d.at+uint32(len(d.more)))
	d.more = le.AppendUint32(le.AppendUint32(d.more, uint32(math.Round(v*below))), uint32(below))
}

// span returns the smallest and the largest value.
func span(values []float32) (low, high float32) {
	low, high = values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}
