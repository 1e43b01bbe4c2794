package tiff

import (
	"encoding/binary"
	"fmt"
)

// Kinds of numbers, the values of the tag SampleFormat.
const (
	Uint  = 1
	Int   = 2
	Float = 3
)

// An Image describes a page.
type Image struct {
	Width, Height int
	Kind          int // Uint, Int or Float
	Size          int // bytes of a number
	Order         binary.ByteOrder

	compression, predictor int64
	block                  [2]int  // height and width of a strip or tile
	across                 int     // blocks side by side
	tiled                  bool    // the last blocks have their full size
	offsets, lengths       []int64 // of the blocks
}

// Bytes returns the bytes of the image.
func (m *Image) Bytes() int { return m.Width * m.Height * m.Size }

// Image reads the description of a page.
func (f *File) Image(page int) (*Image, error) {
	behind := 0 // images between the page's and this one
	if f.stack > 1 {
		page, behind = 0, page
	}
	d, err := f.directory(f.pages[page])
	if err != nil {
		return nil, err
	}
	m := &Image{Order: f.order}
	if err := m.describe(d); err != nil {
		return nil, err
	}
	if err := m.layOut(d); err != nil {
		return nil, err
	}
	if f.stack > 1 {
		if m.compression != 1 || m.tiled {
			return nil, f.errorf("a stack of ImageJ is compressed, which is not read")
		}
		for i := range m.offsets {
			m.offsets[i] += int64(behind) * int64(m.Bytes())
		}
	}
	return m, nil
}

// describe reads the size and the type.
func (m *Image) describe(d *directory) error {
	var w, h, bits, samples, format, photometric int64
	var err error
	for _, n := range []struct {
		tag     int
		missing int64
		to      *int64
	}{{tagWidth, 0, &w}, {tagHeight, 0, &h}, {tagSamples, 1, &samples}, {tagPhotometric, 1, &photometric}, {tagCompression, 1, &m.compression}, {tagPredictor, 1, &m.predictor}} {
		if *n.to, err = d.number(n.tag, n.missing); err != nil {
			return err
		}
	}
	if samples != 1 || photometric != 1 {
		return d.f.errorf("a page is a picture (%d samples a pixel, photometric %d), and numbers of one sample with black as zero are read", samples, photometric)
	}
	if bits, err = d.number(tagBits, 1); err != nil {
		return err
	}
	if format, err = d.number(tagSampleFormat, Uint); err != nil {
		return err
	}
	if format == 4 { // undefined
		format = Uint
	}
	known := bits == 8 || bits == 16 || bits == 32 || bits == 64
	if !known || format < Uint || format > Float || format == Float && bits < 32 {
		return d.f.errorf("a page has numbers of %d bits and format %d; integers of 8, 16, 32 and 64 bits and floats of 32 and 64 are read", bits, format)
	}
	m.Kind, m.Size = int(format), int(bits/8)
	if w < 1 || h < 1 || w > maxImage || h > maxImage || w*h*int64(m.Size) > maxImage {
		return d.f.errorf("a page has %d×%d pixels of %d bits; at most %d MiB are read", h, w, bits, maxImage>>20)
	}
	m.Width, m.Height = int(w), int(h)
	return nil
}

// mostExpansion bounds what a byte of each compression can expand to: deflate 1032, LZW less than 4096·8/9.
const mostExpansion = 3641

// maxBlocks bounds the bytes of all strips or tiles of an image, which may be larger than the image.
const maxBlocks = 4 * maxImage

// layOut finds the strips or tiles.
func (m *Image) layOut(d *directory) error {
	_, m.tiled = d.tags[tagTileOffsets]
	offsets, lengths := tagStripOffsets, tagStripBytes
	height, width := int64(0), int64(m.Width)
	var err error
	if m.tiled {
		offsets, lengths = tagTileOffsets, tagTileBytes
		if width, err = d.number(tagTileWidth, 0); err != nil {
			return err
		}
		height, err = d.number(tagTileHeight, 0)
	} else {
		height, err = d.number(tagRowsPerStrip, int64(m.Height))
		height = min(height, int64(m.Height))
	}
	if err != nil {
		return err
	}
	if height < 1 || width < 1 || height > maxImage || width > maxImage || height*width*int64(m.Size) > maxImage {
		return d.f.errorf("a page has tiles or strips of %d×%d pixels; the file is damaged", height, width)
	}
	m.block = [2]int{int(height), int(width)}
	m.across = (m.Width + m.block[1] - 1) / m.block[1]
	blocks := int64(m.across) * int64((m.Height+m.block[0]-1)/m.block[0])
	if blocks > 1 && height*width > maxBlocks/(int64(m.Size)*blocks) {
		return d.f.errorf("a page has %d strips or tiles of %d×%d pixels for %d×%d; the file is damaged", blocks, height, width, m.Height, m.Width)
	}
	if m.offsets, err = d.numbers(offsets, blocks); err != nil {
		return err
	}
	if m.lengths, err = d.numbers(lengths, blocks); err != nil {
		return err
	}
	if m.lengths == nil && blocks == 1 && m.compression == 1 {
		m.lengths = []int64{int64(m.Bytes())}
	}
	if int64(len(m.offsets)) != blocks || int64(len(m.lengths)) != blocks {
		return d.f.errorf("a page has %d offsets and %d lengths of %d strips or tiles; the file is damaged", len(m.offsets), len(m.lengths), blocks)
	}
	total := int64(0)
	for _, n := range m.lengths {
		if n < 0 || n > d.f.size {
			return d.f.errorf("a strip or tile claims %d bytes of a file of %d", n, d.f.size)
		}
		total += n
	}
	if int64(m.Bytes())/mostExpansion > total {
		return d.f.errorf("a page claims to expand from %d to %d bytes, which no compression does", total, m.Bytes())
	}
	return nil
}

// Read fills dst with the numbers of an image, row by row, in the file's byte order.
func (f *File) Read(m *Image, dst []byte) error {
	if len(dst) != m.Bytes() {
		return fmt.Errorf("%s: an image of %d bytes was asked for in %d", f.name, m.Bytes(), len(dst))
	}
	row := m.Width * m.Size
	for i := range m.offsets {
		top, left := i/m.across*m.block[0], i%m.across*m.block[1]
		height, width := m.block[0], m.block[1]
		if !m.tiled {
			height = min(height, m.Height-top)
		}
		if int64(height*width*m.Size)/mostExpansion > m.lengths[i] {
			return f.errorf("strip or tile %d claims to expand from %d to %d bytes, which no compression does", i, m.lengths[i], height*width*m.Size)
		}
		raw, err := f.read(m.offsets[i], m.lengths[i])
		if err != nil {
			return err
		}
		if raw, err = expand(raw, m.compression, height*width*m.Size); err != nil {
			return f.errorf("strip or tile %d: %w", i, err)
		}
		if err := m.unpredict(raw, width); err != nil {
			return f.errorf("%w", err)
		}
		across := min(width, m.Width-left) * m.Size
		for y := range min(height, m.Height-top) {
			copy(dst[(top+y)*row+left*m.Size:][:across], raw[y*width*m.Size:])
		}
	}
	return nil
}

// unpredict undoes the differences of neighbours in rows of width pixels.
func (m *Image) unpredict(raw []byte, width int) error {
	row := width * m.Size
	switch m.predictor {
	case 1:
	case 2:
		for ; len(raw) > 0; raw = raw[row:] {
			m.sum(raw[:row])
		}
	case 3:
		if m.Kind != Float {
			return fmt.Errorf("the predictor of floats is used for integers; the file is damaged")
		}
		for ; len(raw) > 0; raw = raw[row:] {
			m.join(raw[:row])
		}
	default:
		return fmt.Errorf("predictor %d is not read", m.predictor)
	}
	return nil
}

// sum replaces differences by values.
func (m *Image) sum(row []byte) {
	for i := m.Size; i < len(row); i += m.Size {
		a, b := row[i-m.Size:], row[i:]
		switch m.Size {
		case 1:
			b[0] += a[0]
		case 2:
			m.Order.PutUint16(b, m.Order.Uint16(a)+m.Order.Uint16(b))
		case 4:
			m.Order.PutUint32(b, m.Order.Uint32(a)+m.Order.Uint32(b))
		default:
			m.Order.PutUint64(b, m.Order.Uint64(a)+m.Order.Uint64(b))
		}
	}
}

// join undoes the predictor of floats (Technical Note 3): differences of bytes, which are ordered by significance.
func (m *Image) join(row []byte) {
	for i := 1; i < len(row); i++ {
		row[i] += row[i-1]
	}
	planes := append([]byte(nil), row...)
	width := len(row) / m.Size
	for x := range width {
		for k := range m.Size { // k-th most significant byte
			to := k
			if m.Order == binary.ByteOrder(binary.LittleEndian) {
				to = m.Size - 1 - k
			}
			row[x*m.Size+to] = planes[k*width+x]
		}
	}
}
