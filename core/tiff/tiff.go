// Package tiff reads images of measured numbers from TIFF files: one sample a pixel, integers of 8 to 64 bits or floats, in strips or
// tiles, uncompressed or compressed by deflate, LZW or PackBits, in either byte order, and BigTIFF.
//
// A file is hostile input: each offset and length is checked against the file's size before memory is allocated. The format is
// specified in "TIFF Revision 6.0", Adobe 1992, its Technical Notes 1 to 3, and the BigTIFF design of libtiff.
//
// It is a package of its own because it reads a file format and knows nothing of scans. golang.org/x/image/tiff has no numbers of 32
// bits and no second page.
package tiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/internal/disk"
)

// Limits: pages of a file, and the bytes of an image (8192² of 16 bits).
const (
	maxPages = 1 << 20
	maxImage = 128 << 20
)

// A File is an open TIFF file.
type File struct {
	io.Closer
	name  string
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	big   bool    // BigTIFF
	pages []int64 // offsets of the directories
	stack int     // images behind the first page's, of ImageJ; 0: none
}

// Is reports whether a file that begins with these bytes is a TIFF file.
func Is(head []byte) bool {
	for _, magic := range []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"} {
		if strings.HasPrefix(string(head), magic) {
			return true
		}
	}
	return false
}

// Open opens a file and finds its pages.
func Open(name string) (*File, error) {
	f, st, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	t, err := New(name, f, st.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	t.Closer = f
	return t, nil
}

// New is Open for a file that is open. name is for messages.
func New(name string, r io.ReaderAt, size int64) (*File, error) {
	f := &File{name: name, r: r, size: size, order: binary.LittleEndian}
	head := make([]byte, 16)
	n, _ := r.ReadAt(head, 0)
	if !Is(head[:n]) {
		return nil, f.errorf("not a TIFF file")
	}
	if head[0] == 'M' {
		f.order = binary.BigEndian
	}
	next := int64(f.order.Uint32(head[4:]))
	if f.big = f.order.Uint16(head[2:]) == 43; f.big {
		if f.order.Uint16(head[4:]) != 8 || n < 16 {
			return nil, f.errorf("a BigTIFF file with a damaged head")
		}
		next = int64(f.order.Uint64(head[8:]))
	}
	seen := map[int64]bool{}
	for next != 0 {
		if seen[next] || len(seen) == maxPages {
			return nil, f.errorf("its list of pages does not end")
		}
		seen[next] = true
		d, err := f.directory(next)
		if err != nil {
			return nil, err
		}
		if reduced, _ := d.number(tagSubfile, 0); reduced&1 == 0 { // else a small picture of another page
			f.pages = append(f.pages, next)
			if len(f.pages) == 1 {
				f.stack = d.imageJ()
			}
		}
		next = d.next
	}
	if len(f.pages) == 0 {
		return nil, f.errorf("has no pages")
	}
	if f.stack > 1 && len(f.pages) > 1 {
		f.stack = 0
	}
	return f, nil
}

func (f *File) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{f.name}, args...)...)
}

// Len returns the number of images.
func (f *File) Len() int { return max(len(f.pages), f.stack) }

// Tags of a directory.
const (
	tagSubfile      = 254
	tagWidth        = 256
	tagHeight       = 257
	tagBits         = 258
	tagCompression  = 259
	tagPhotometric  = 262
	tagDescription  = 270
	tagStripOffsets = 273
	tagSamples      = 277
	tagRowsPerStrip = 278
	tagStripBytes   = 279
	tagPredictor    = 317
	tagTileWidth    = 322
	tagTileHeight   = 323
	tagTileOffsets  = 324
	tagTileBytes    = 325
	tagSampleFormat = 339
)

// A directory is the list of a page's tags.
type directory struct {
	f    *File
	tags map[int]tag
	next int64
}

// A tag is a list of numbers.
type tag struct {
	size  int // bytes of a number
	count int64
	at    int64 // in the file
}

// sizes are the bytes of a number of each type; 0 for types that are not read.
var sizes = [...]int{1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}

// directory reads the tags at an offset.
func (f *File) directory(at int64) (*directory, error) {
	head, entry := 2, 12
	if f.big {
		head, entry = 8, 20
	}
	b, err := f.read(at, int64(head))
	if err != nil {
		return nil, err
	}
	count := int64(f.order.Uint16(b))
	if f.big {
		count = int64(min(f.order.Uint64(b), 1<<16))
	}
	if count == 0 || count > 1<<12 {
		return nil, f.errorf("a page has %d tags; the file is damaged", count)
	}
	pointer := 4 // bytes of an offset; the last one is that of the next page
	if f.big {
		pointer = 8
	}
	if b, err = f.read(at+int64(head), count*int64(entry)+int64(pointer)); err != nil {
		return nil, err
	}
	d := &directory{f: f, tags: map[int]tag{}, next: f.offset(b[count*int64(entry):])}
	for i := range count {
		e := b[i*int64(entry):]
		kind := int(f.order.Uint16(e[2:]))
		if kind >= len(sizes) || sizes[kind] == 0 {
			continue
		}
		t := tag{size: sizes[kind], count: f.offset(e[4:]), at: at + int64(head) + i*int64(entry) + 4 + int64(pointer)}
		if t.count < 0 || t.count > f.size {
			return nil, f.errorf("a tag claims %d numbers; the file is damaged", t.count)
		}
		if t.count*int64(t.size) > int64(pointer) {
			t.at = f.offset(e[4+pointer:])
		}
		d.tags[int(f.order.Uint16(e))] = t
	}
	return d, nil
}

// offset decodes an offset or a count.
func (f *File) offset(b []byte) int64 {
	if f.big {
		return int64(f.order.Uint64(b))
	}
	return int64(f.order.Uint32(b))
}

// read reads n bytes at an offset.
func (f *File) read(at, n int64) ([]byte, error) {
	if at < 8 || n < 0 || at > f.size || n > f.size-at {
		return nil, f.errorf("ends before byte %d, which it refers to; copy or download it again", uint64(at)+uint64(n))
	}
	b := make([]byte, n)
	if got, err := f.r.ReadAt(b, at); got < len(b) {
		return nil, f.errorf("%d bytes at %d cannot be read: %w", n, at, err)
	}
	return b, nil
}

// numbers reads a tag of at most most numbers; nil if it is missing.
func (d *directory) numbers(id int, most int64) ([]int64, error) {
	t, ok := d.tags[id]
	if !ok {
		return nil, nil
	}
	if t.count > most {
		return nil, d.f.errorf("tag %d has %d numbers, at most %d are expected; the file is damaged", id, t.count, most)
	}
	b, err := d.f.read(t.at, t.count*int64(t.size))
	if err != nil {
		return nil, err
	}
	out := make([]int64, t.count)
	for i := range out {
		switch v := b[i*t.size:]; t.size {
		case 1:
			out[i] = int64(v[0])
		case 2:
			out[i] = int64(d.f.order.Uint16(v))
		case 4:
			out[i] = int64(d.f.order.Uint32(v))
		default:
			out[i] = int64(d.f.order.Uint64(v))
		}
	}
	return out, nil
}

// number reads a tag of one number.
func (d *directory) number(id int, missing int64) (int64, error) {
	v, err := d.numbers(id, 1)
	if err != nil || len(v) == 0 {
		return missing, err
	}
	return v[0], nil
}

// maxDescription bounds the text that ImageJ writes.
const maxDescription = 1 << 16

// imageJ returns how many images follow each other where ImageJ wrote a stack of more than 4 GiB, with one page; 0 for other files.
func (d *directory) imageJ() int {
	text, err := d.description()
	if err != nil || !strings.HasPrefix(text, "ImageJ=") {
		return 0
	}
	for line := range strings.Lines(text) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "images="); ok {
			if k, err := strconv.Atoi(n); err == nil && k > 1 && k <= maxPages {
				return k
			}
		}
	}
	return 0
}

// description returns the text about a page.
func (d *directory) description() (string, error) {
	v, err := d.numbers(tagDescription, maxDescription)
	text := make([]byte, len(v))
	for i, c := range v {
		text[i] = byte(c)
	}
	return strings.TrimRight(string(text), "\x00"), err
}

// Description returns the text about the first page, "" if there is none.
func (f *File) Description() (string, error) {
	d, err := f.directory(f.pages[0])
	if err != nil {
		return "", err
	}
	return d.description()
}

// errDamaged is the cause of errors of compressed data.
var errDamaged = errors.New("its compressed data is damaged")
