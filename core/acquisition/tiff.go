package acquisition

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/tiff"
)

// maxFiles bounds the files of a folder.
const maxFiles = 1 << 20

// A tiffStack is the images of one TIFF file, or of all TIFF files of a folder in the natural order of their names.
type tiffStack struct {
	path   string // of the file or folder
	files  []string
	starts []int // number of the first image of each file
	images int
	first  tiff.Image
	as     stored

	open   *tiff.File // the file that was read last
	number int        // of it
}

func openTIFF(path string) (container, error) {
	t := &tiffStack{path: path, files: []string{path}}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		if t.files, err = tiffNames(path); err != nil {
			return nil, err
		}
	}
	for i, name := range t.files {
		f, err := t.file(i)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			m, err := f.Image(0)
			if err != nil {
				t.Close()
				return nil, err
			}
			t.first = *m
			t.as = stored{map[int]byte{tiff.Uint: 'u', tiff.Int: 'i', tiff.Float: 'f'}[m.Kind], m.Size, m.Order}
		}
		if t.images += f.Len(); t.images > maxFiles {
			t.Close()
			return nil, fmt.Errorf("%s: has more than %d images up to %s", path, maxFiles, name)
		}
		t.starts = append(t.starts, t.images-f.Len())
	}
	return t, nil
}

// tiffNames lists the TIFF files of a folder: frame2.tif before frame10.tif.
func tiffNames(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if ext := strings.ToLower(filepath.Ext(e.Name())); e.Type().IsRegular() && (ext == ".tif" || ext == ".tiff") && e.Name()[0] != '.' {
			names = append(names, e.Name())
		}
	}
	if len(names) > maxFiles {
		return nil, fmt.Errorf("%s: has %d TIFF files, at most %d are read", folder, len(names), maxFiles)
	}
	slices.SortFunc(names, natural)
	for i := range names {
		names[i] = filepath.Join(folder, names[i])
	}
	return names, nil
}

// natural compares names, numbers in them by value.
func natural(a, b string) int {
	whole := [2]string{a, b}
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x != "" && y != "" {
			v, w := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if c := cmp.Or(cmp.Compare(len(v), len(w)), strings.Compare(v, w)); c != 0 {
				return c
			}
			a, b = a[len(x):], b[len(y):]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(whole[0], whole[1]))
}

// digits returns the digits at the beginning of a text.
func digits(s string) string {
	return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
}

// file opens a file of the stack. One is open at a time.
func (t *tiffStack) file(i int) (*tiff.File, error) {
	if t.open != nil && t.number == i {
		return t.open, nil
	}
	t.Close()
	f, err := tiff.Open(t.files[i])
	if err != nil {
		return nil, err
	}
	t.open, t.number = f, i
	return f, nil
}

// ReadAt reads a whole image: the images lie one after the other.
func (t *tiffStack) ReadAt(b []byte, at int64) (int, error) {
	k := int(at / int64(len(b)))
	i, found := slices.BinarySearch(t.starts, k)
	if !found {
		i--
	}
	f, err := t.file(i)
	if err != nil {
		return 0, err
	}
	m, err := f.Image(k - t.starts[i])
	if err != nil {
		return 0, err
	}
	if m.Width != t.first.Width || m.Height != t.first.Height || m.Kind != t.first.Kind || m.Size != t.first.Size {
		return 0, fmt.Errorf("%s: has %d×%d pixels of %d bytes, the first image has %d×%d of %d, or numbers of another kind", t.files[i], m.Height, m.Width, m.Size, t.first.Height, t.first.Width, t.first.Size)
	}
	if err := f.Read(m, b); err != nil {
		return 0, err
	}
	if m.Order != t.first.Order && m.Size > 1 {
		for ; len(b) > 0; b = b[m.Size:] {
			slices.Reverse(b[:m.Size])
		}
	}
	return t.first.Bytes(), nil
}

func (t *tiffStack) kind() string {
	if len(t.files) == 1 && t.files[0] == t.path {
		return "TIFF"
	}
	return folderOfTIFF
}

func (t *tiffStack) contents() string {
	return strconv.Itoa(t.images) + " images of " + fmt.Sprintf("%d×%d pixels, %s", t.first.Height, t.first.Width, t.as.number())
}

func (t *tiffStack) find(name string) (Array, error) {
	a := rawArray{file: t.path, name: "the stack", shape: []uint64{uint64(t.images), uint64(t.first.Height), uint64(t.first.Width)}, as: t.as, r: io.ReaderAt(t)}
	return onlyArray(t.path, a, name)
}

// Close closes the file that is open.
func (t *tiffStack) Close() error {
	if t.open == nil {
		return nil
	}
	f := t.open
	t.open = nil
	return f.Close()
}
