package acquisition

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/npz"
)

// An npzFile is an npz archive as container.
type npzFile struct {
	*npz.Archive
	open []io.Closer
}

func openNPZ(path string) (container, error) {
	z, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	return &npzFile{Archive: z}, nil
}

func (z *npzFile) kind() string { return "npz" }

func (z *npzFile) contents() string {
	var all []string
	for _, a := range z.Arrays()[:min(listed, len(z.Arrays()))] {
		all = append(all, fmt.Sprintf("%s %d %s", a.Name, a.Shape, strings.Trim(a.DType, "<|")))
	}
	if more := len(z.Arrays()) - listed; more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	return strings.Join(all, ", ")
}

func (z *npzFile) find(name string) (Array, error) {
	name = strings.TrimPrefix(name, "/")
	if name == "" && len(z.Arrays()) == 1 {
		name = z.Arrays()[0].Name
	}
	if _, ok := z.Lookup(name); !ok {
		return nil, absent("%s: no array %q; it has %s", z.Path(), name, z.contents())
	}
	r, err := z.Reader(name)
	if err == nil {
		err = z.CheckCompression(r)
	}
	if err != nil {
		return nil, err
	}
	a, stream, err := numpyArray(z.Path(), name, r)
	if stream != nil {
		z.open = append(z.open, stream)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", z.Path(), err)
	}
	return a, nil
}

// Close closes the file and the streams of its compressed arrays.
func (z *npzFile) Close() error {
	for _, c := range z.open {
		c.Close()
	}
	return z.Archive.Close()
}

// numpyArray returns an array that is read in pieces, and the stream behind it if it is compressed.
func numpyArray(path, name string, r *npz.Reader) (Array, io.Closer, error) {
	a := rawArray{file: path, name: name, as: storedAs(r.Element().String())}
	for _, n := range r.Shape() {
		a.shape = append(a.shape, uint64(n))
	}
	if r.Fortran() && len(a.shape) > 1 {
		if len(a.shape) > 2 && !slices.Equal(a.shape[:len(a.shape)-2], []uint64{1}) {
			return nil, nil, fmt.Errorf("%s has its first axis contiguous (Fortran order), so that no pattern lies in one piece; save numpy.ascontiguousarray of it", name)
		}
		a.transposed = true
	}
	if err := a.check(0); err != nil {
		return nil, nil, err
	}
	if r.Seekable() {
		a.r, a.offset = payload{r}, r.Offset()
		return a, nil, nil
	}
	f := &forward{open: r.Open}
	a.r = f
	return a, f, nil
}

// payload is the values of an array that is not compressed.
type payload struct{ r *npz.Reader }

func (p payload) ReadAt(b []byte, at int64) (int, error) {
	if err := p.r.ReadAt(b, at); err != nil {
		return 0, err
	}
	return len(b), nil
}

// An npyFile is a file with one array.
type npyFile struct {
	io.Closer
	path string
	a    Array
}

func openNPY(path string) (container, error) {
	r, f, err := npz.OpenNPY(path)
	if err != nil {
		return nil, err
	}
	a, _, err := numpyArray(path, "the array", r)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &npyFile{f, path, a}, nil
}

func (f *npyFile) kind() string { return "npy" }
func (f *npyFile) contents() string {
	return fmt.Sprintf("one array %d %s", f.a.Shape(), f.a.Type())
}
func (f *npyFile) find(name string) (Array, error) { return onlyArray(f.path, f.a, name) }

// onlyArray returns the array of a file that has no names for it.
func onlyArray(path string, a Array, name string) (Array, error) {
	if name != "" && name != "/" {
		return nil, absent("%s: has one array, without a name, and no %s", path, name)
	}
	return a, nil
}
