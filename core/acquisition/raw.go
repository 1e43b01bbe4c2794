package acquisition

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
)

// maxImage bounds one image, in bytes: 8192² float32.
const maxImage = 256 << 20

// rawArray is an array whose numbers lie in a file one after the other.
type rawArray struct {
	file       string // for messages
	name       string
	shape      []uint64
	as         stored
	r          io.ReaderAt // positioned at the first number
	gap        int64       // bytes after each image (the last two dimensions)
	offset     int64       // of the first number in file, bytes; 0: unknown, or behind a filter
	transposed bool        // the columns of an image are stored one after the other
}

func (a rawArray) Name() string    { return a.name }
func (a rawArray) Shape() []uint64 { return slices.Clone(a.shape) }
func (a rawArray) Type() Number    { return a.as.number() }

// image returns the height and the width of an image, and how many images there are.
func (a rawArray) image() (height, width, images uint64) {
	s := append([]uint64{1, 1}, a.shape...)
	n := len(s)
	images = 1
	for _, k := range s[:n-2] {
		images *= k
	}
	return s[n-2], s[n-1], images
}

// check returns an error unless size bytes hold the array; 0 if the size is not known. The last gap may be missing.
func (a rawArray) check(size int64) error {
	images, ok := uint64(1), true
	for i, k := range a.shape {
		if k > 1<<31 {
			ok = false
		}
		if i < len(a.shape)-2 {
			images *= k
			ok = ok && images <= 1<<31
		}
	}
	h, w, _ := a.image()
	if !ok || h*w > maxImage/uint64(max(a.as.size, 1)) {
		return fmt.Errorf("%s has the shape %d, and images may have at most %d MiB", a.name, a.shape, maxImage>>20)
	}
	if images == 0 || h*w == 0 {
		return fmt.Errorf("%s is empty, its shape is %d", a.name, a.shape)
	}
	need := int64(images)*(int64(h*w)*int64(a.as.size)+a.gap) - a.gap
	if size != 0 && size != need && size != need+a.gap {
		return fmt.Errorf("%s has %d bytes, but %s of shape %d need %d", a.name, size, a.Type(), a.shape, need)
	}
	return nil
}

// Read reads whole images and copies the block out of them.
func (a rawArray) Read(ctx context.Context, dst any, start, count []uint64) error {
	h, w, _ := a.image()
	if len(start) != len(a.shape) || len(count) != len(a.shape) {
		return fmt.Errorf("%s has the shape %d, and a block of %d from %d was asked for", a.name, a.shape, count, start)
	}
	total := uint64(1)
	for i, k := range a.shape {
		if start[i] > k || count[i] > k-start[i] {
			return fmt.Errorf("%s has the shape %d, and a block of %d from %d was asked for", a.name, a.shape, count, start)
		}
		total *= count[i]
	}
	values := reflect.ValueOf(dst)
	if values.Kind() != reflect.Slice || uint64(values.Len()) != total {
		return fmt.Errorf("%s: a block of %d numbers was asked for in another size", a.name, total)
	}
	lead := max(0, len(a.shape)-2)
	s, c := append([]uint64{0, 0}, start...), append([]uint64{1, 1}, count...)
	s, c = s[len(s)-2:], c[len(c)-2:]
	block := crop{top: int(s[0]), left: int(s[1]), height: int(c[0]), width: int(c[1]), of: [2]int{int(h), int(w)}}
	raw, picked := make([]byte, int(h*w)*a.as.size), make([]byte, block.height*block.width*a.as.size)
	per := uint64(block.height * block.width)
	for done := uint64(0); done*per < total; done++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		at := a.index(done, start[:lead], count[:lead])
		if err := readFull(a.r, raw, int64(at)*(int64(len(raw))+a.gap)); err != nil {
			return fmt.Errorf("%s: %s: image %d: %w", a.file, a.name, at, err)
		}
		block.pick(picked, raw, a.as.size, a.transposed)
		if err := a.as.decode(values.Slice(int(done*per), int((done+1)*per)).Interface(), picked); err != nil {
			return fmt.Errorf("%s: %s: image %d: %w", a.file, a.name, at, err)
		}
	}
	return nil
}

// index returns the number of the k-th image of a block.
func (a rawArray) index(k uint64, start, count []uint64) uint64 {
	at, step := uint64(0), uint64(1)
	for d := len(start) - 1; d >= 0; d-- {
		at += (start[d] + k%count[d]) * step
		k /= count[d]
		step *= a.shape[d]
	}
	return at
}

// readFull is ReadAt with an error for a file that ends too early.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return errors.New("the file ends too early; copy or download it again")
	}
	return err
}

// A crop is a rectangle of an image.
type crop struct {
	top, left, height, width int
	of                       [2]int // height and width of the image
}

// pick copies the rectangle out of an image whose numbers have size bytes.
func (c crop) pick(dst, image []byte, size int, transposed bool) {
	for y := range c.height {
		row := dst[y*c.width*size:]
		if !transposed {
			copy(row[:c.width*size], image[((c.top+y)*c.of[1]+c.left)*size:])
			continue
		}
		for x := range c.width {
			copy(row[x*size:(x+1)*size], image[((c.left+x)*c.of[0]+c.top+y)*size:])
		}
	}
}

// A forward is a stream that is read as if it were a file. Reading backwards opens it again.
type forward struct {
	open func() (io.ReadCloser, error) // positioned at the first number
	r    io.ReadCloser
	at   int64
}

func (f *forward) ReadAt(b []byte, at int64) (int, error) {
	if f.r == nil || at < f.at {
		if err := f.Close(); err != nil {
			return 0, err
		}
		r, err := f.open()
		if err != nil {
			return 0, err
		}
		f.r, f.at = r, 0
	}
	skipped, err := io.CopyN(io.Discard, f.r, at-f.at)
	f.at += skipped
	if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(f.r, b)
	f.at += int64(n)
	return n, err
}

// Close closes the stream.
func (f *forward) Close() error {
	if f.r == nil {
		return nil
	}
	r := f.r
	f.r = nil
	return r.Close()
}
