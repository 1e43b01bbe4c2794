package tiff_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/tiff"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// The program writes files of many kinds with tifffile, and a line with name, number of images and SHA-256 of all images, little-endian.
const writer = `import hashlib, itertools, sys, numpy, tifffile
rng = numpy.random.default_rng(1)
for k, (dtype, order, compression, layout, big) in enumerate(itertools.product(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "f4", "f8"], "<>",
        [None, "deflate", "lzw", "packbits"], [{}, {"rowsperstrip": 7}, {"tile": (16, 32)}, {"predictor": True}], [False, True])):
    if "predictor" in layout and (compression in (None, "packbits") or dtype in ("u8", "f8")):
        continue
    data = rng.poisson(3 + 200 * (k % 2), (3, 37, 45)).astype(dtype) * (1 if k % 3 else numpy.array(0.5 if dtype[0] == "f" else 1, dtype))
    data[1] = rng.integers(0, 120, (37, 45)).astype(dtype)
    name = f"{k}.tif"
    with tifffile.TiffWriter(name, byteorder=order, bigtiff=big) as t:
        for page in data:
            t.write(page, contiguous=False, photometric="minisblack", compression=compression, **layout)
    print(name, len(data), hashlib.sha256(data.astype("<" + dtype).tobytes()).hexdigest())
`

func TestRead_EqualsTifffile(t *testing.T) {
	dir, lines := fixture.Python(t, "tifffile, imagecodecs", writer)
	read := 0
	for _, fields := range lines {
		f, err := tiff.Open(filepath.Join(dir, fields[0]))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		for i := range f.Len() {
			m, err := f.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, m.Bytes())
			if err := f.Read(m, b); err != nil {
				t.Fatalf("%s: %v", fields[0], err)
			}
			if m.Order.String() == "BigEndian" {
				for i := 0; i < len(b); i += m.Size {
					slices.Reverse(b[i : i+m.Size])
				}
			}
			sum.Write(b)
		}
		if f.Len() != 3 || hex.EncodeToString(sum.Sum(nil)) != fields[2] {
			t.Errorf("%s: %d images with other values", fields[0], f.Len())
		}
		f.Close()
		read++
	}
	if read < 400 {
		t.Errorf("%d files were compared", read)
	}
}

// seeds are files that tifffile wrote.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range []string{"stack.tif", "bigendian.tif", "tiles.tif", "floats.tif", "imagej.tif", "frames/frame4.tif"} {
		b, err := os.ReadFile("../acquisition/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

func readAll(content []byte) error {
	f, err := tiff.New("f.tif", bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for i := range min(f.Len(), 20) {
		m, err := f.Image(i)
		if err != nil {
			return err
		}
		if err := f.Read(m, make([]byte, m.Bytes())); err != nil {
			return err
		}
	}
	return nil
}

// A file that is cut off must give an error that names it, and never values.
func TestRead_CutFilesFail(t *testing.T) {
	for _, whole := range seeds(t) {
		if err := readAll(whole); err != nil {
			t.Fatal(err)
		}
		for eighth := range 8 {
			if err := readAll(whole[:len(whole)*eighth/8]); err == nil || !strings.HasPrefix(err.Error(), "f.tif: ") {
				t.Errorf("%d/8: %v", eighth, err)
			}
		}
	}
}

// An image of 512 tiles must not claim 64 MB for each of them: all can be the same few compressed bytes.
func TestImage_RefusesTilesFarLargerThanTheImage(t *testing.T) {
	le := binary.LittleEndian
	tags := [][3]uint32{{256, 4, 16 * 512}, {257, 4, 16}, {258, 3, 8}, {259, 3, 8}, {262, 3, 1}, {322, 4, 16}, {323, 4, 4000000}, {324, 4, 512}, {325, 4, 512}}
	lists := uint32(8 + 2 + 12*len(tags) + 4)
	b := le.AppendUint32([]byte("II*\x00"), 8)
	b = le.AppendUint16(b, uint16(len(tags)))
	for _, tag := range tags {
		b = le.AppendUint16(le.AppendUint16(b, uint16(tag[0])), uint16(tag[1]))
		if tag[0] < 324 {
			b = le.AppendUint32(le.AppendUint32(b, 1), tag[2])
			continue
		}
		b = le.AppendUint32(le.AppendUint32(b, 512), lists+4*512*(tag[0]-324))
	}
	b = le.AppendUint32(b, 0)
	for range 512 {
		b = le.AppendUint32(b, lists+8*512)
	}
	for range 512 {
		b = le.AppendUint32(b, 64000)
	}
	b = append(b, make([]byte, 64000)...)
	f, err := tiff.New("x.tif", bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Image(0); err == nil || !strings.Contains(err.Error(), "512 strips or tiles of 4000000×16 pixels") {
		t.Errorf("error %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := readAll(content); err != nil && (!strings.HasPrefix(err.Error(), "f.tif: ") || strings.Count(err.Error(), "f.tif") > 1) {
			t.Error(err)
		}
	})
}

// ImageJ writes one page before a stack of more than 4 GiB, and the images behind each other.
func TestImage_FollowsTheStackOfImageJ(t *testing.T) {
	whole := seeds(t)[4]
	var order binary.ByteOrder = binary.LittleEndian
	if whole[0] == 'M' {
		order = binary.BigEndian
	}
	at := order.Uint32(whole[4:])
	one := slices.Clone(whole)
	order.PutUint32(one[at+2+12*uint32(order.Uint16(one[at:])):], 0)
	var images [2][]byte
	for i, b := range [][]byte{whole, one} {
		f, err := tiff.New("f.tif", bytes.NewReader(b), int64(len(b)))
		if err != nil || f.Len() != 12 {
			t.Fatalf("%d images, %v", f.Len(), err)
		}
		for k := range f.Len() {
			m, err := f.Image(k)
			if err != nil {
				t.Fatal(err)
			}
			pixels := make([]byte, m.Bytes())
			if err := f.Read(m, pixels); err != nil {
				t.Fatal(err)
			}
			images[i] = append(images[i], pixels...)
		}
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("other values than from pages")
	}
}

// The codes of LZW become wider one code before their table is full, and the table is cleared before 4096 codes.
func TestRead_LZWCodesOfAllWidths(t *testing.T) {
	f, err := tiff.Open("testdata/wide.tif")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := f.Image(0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, m.Bytes())
	if err := f.Read(m, b); err != nil {
		t.Fatal(err)
	}
	for r := range 64 {
		for c := range 64 {
			want := uint16((r*r*37 + c*c*91 + r*c*13) % 65521)
			if got := m.Order.Uint16(b[2*(64*r+c):]); got != want {
				t.Fatalf("pixel (%d, %d) (row, column) is %d, want %d", r, c, got, want)
			}
		}
	}
}
