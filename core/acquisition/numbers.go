package acquisition

import (
	"fmt"
	"io"

	"github.com/ptychogo/ptycho/internal/disk"
)

// FormatRaw is the value of Given.Format for a file of numbers without a description.
const FormatRaw = "raw"

// Numbers describes a file of numbers without a description.
type Numbers struct {
	Shape []uint64 // [patterns, rows, columns], [lines, points, rows, columns], or [rows, columns] of as many patterns as the file has
	Type  string   // NumPy's, such as <u2
	Skip  int64    // bytes before the first pattern
	Gap   int64    // bytes behind each pattern
}

// maxGap bounds the bytes behind a pattern.
const maxGap = 1 << 30

// openNumbers opens a file of numbers.
func openNumbers(path string, n Numbers) (container, error) {
	if len(n.Shape) < 2 || len(n.Shape) > 4 || n.Type == "" {
		return nil, FlagErrorf("%s: --format raw needs --shape and --dtype", path)
	}
	f, st, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	a, err := n.array(path, st.Size())
	if err != nil {
		f.Close()
		return nil, FlagErrorf("%s: %v; correct --shape, --dtype, --skip-bytes or --gap-bytes", path, err)
	}
	a.r, a.offset = io.NewSectionReader(f, n.Skip, st.Size()-n.Skip), n.Skip
	return &numbersFile{f, path, a}, nil
}

// array returns the array of a file of that many bytes, without its reader.
func (n Numbers) array(path string, size int64) (rawArray, error) {
	a := rawArray{file: path, name: "the array", shape: n.Shape, as: storedAs(n.Type), gap: n.Gap}
	switch {
	case a.as.number() == 0:
		return a, fmt.Errorf("numbers of type %q are not read", n.Type)
	case n.Skip < 0 || n.Gap < 0 || n.Gap > maxGap:
		return a, fmt.Errorf("%d bytes before the first pattern and %d behind each are not possible", n.Skip, n.Gap)
	case n.Skip >= size:
		return a, fmt.Errorf("the file has %d bytes, none behind the first %d", size, n.Skip)
	}
	size -= n.Skip
	if len(a.shape) == 2 {
		a.shape = append([]uint64{1}, a.shape...)
		if err := a.check(0); err != nil {
			return a, err
		}
		frame := int64(a.shape[1]*a.shape[2])*int64(a.as.size) + n.Gap
		if size%frame != 0 && size%frame != frame-n.Gap {
			return a, fmt.Errorf("%d bytes are not a whole number of patterns of %d", size, frame)
		}
		a.shape[0] = uint64((size + n.Gap) / frame)
	}
	a.name = fmt.Sprintf("the part of the file behind the first %d bytes", n.Skip)
	if n.Skip == 0 {
		a.name = "the file"
	}
	err := a.check(size)
	a.name = "the array"
	return a, err
}

// A numbersFile is a file of numbers as container.
type numbersFile struct {
	io.Closer
	path string
	a    rawArray
}

func (f *numbersFile) kind() string { return FormatRaw }
func (f *numbersFile) contents() string {
	return fmt.Sprintf("one array %d %s", f.a.shape, f.a.Type())
}
func (f *numbersFile) find(name string) (Array, error) { return onlyArray(f.path, f.a, name) }
