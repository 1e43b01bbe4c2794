package acquisition

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/ptychogo/ptycho/core/mat"
)

// A matFile is a MAT file of version 5 as container. Its arrays [H, W, …] are read as images […, H, W].
type matFile struct {
	*mat.File
	path string
	open []io.Closer
}

func openMAT(path string) (container, error) {
	f, err := mat.Open(path)
	if err != nil {
		return nil, err
	}
	return &matFile{File: f, path: path}, nil
}

func (f *matFile) kind() string { return "MAT" }

func (f *matFile) contents() string {
	var all []string
	for i, v := range f.Variables {
		if i == listed {
			all = append(all, fmt.Sprintf("%d more", len(f.Variables)-listed))
			break
		}
		all = append(all, fmt.Sprintf("%s %d", v.Name, v.Dims))
	}
	return strings.Join(all, ", ")
}

// find returns the variable of that name: p.lambda, also written /p/lambda.
func (f *matFile) find(name string) (Array, error) {
	dotted := strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", ".")
	v := f.Find(dotted)
	if v == nil && dotted == "" && len(f.Variables) == 1 {
		v = f.Variables[0]
	}
	if v == nil {
		return nil, absent("%s: no array %q; it has %s", f.path, dotted, f.contents())
	}
	a := rawArray{file: f.path, name: v.Name, as: stored{v.Kind, v.Size, f.Order}, transposed: true}
	d := v.Dims
	if len(d) == 3 && d[0] != d[1] && d[1] == d[2] {
		return nil, fmt.Errorf("%s: %s has the dimensions %d, and patterns need [rows, columns, patterns]; save permute(%s, [2 3 1])", f.path, v.Name, d, v.Name)
	}
	for i := len(d) - 1; i >= 2; i-- {
		a.shape = append(a.shape, uint64(d[i]))
	}
	for _, n := range d[:min(2, len(d))] {
		a.shape = append(a.shape, uint64(n))
	}
	if err := a.check(0); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	if v.Complex {
		return f.complexes(a, v)
	}
	if r, ok := f.At(v); ok {
		a.r = r
		return a, nil
	}
	stream := &forward{open: func() (io.ReadCloser, error) { return f.Real(v) }}
	f.open = append(f.open, stream)
	a.r = stream
	return a, nil
}

// complexes reads a whole array of complex numbers, whose real and imaginary parts are stored apart.
func (f *matFile) complexes(a rawArray, v *mat.Variable) (Array, error) {
	n := v.Len()
	if n > maxProbe {
		return nil, fmt.Errorf("%s: %s has %d complex numbers, at most %d are read", f.path, v.Name, n, maxProbe)
	}
	interleaved := make([]byte, 16*n)
	for i, part := range []func(*mat.Variable) (io.ReadCloser, error){f.Real, f.Imag} {
		r, err := part(v)
		if err != nil {
			return nil, err
		}
		raw := make([]byte, n*int64(v.Size))
		_, err = io.ReadFull(r, raw)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %s ends too early; copy or download the file again", f.path, v.Name)
		}
		values := make([]float64, n)
		if err := a.as.decode(values, raw); err != nil {
			return nil, fmt.Errorf("%s: %s %w", f.path, v.Name, err)
		}
		for k, x := range values {
			binary.LittleEndian.PutUint64(interleaved[16*k+8*i:], math.Float64bits(x))
		}
	}
	a.as, a.r = stored{'c', 16, binary.LittleEndian}, bytes.NewReader(interleaved)
	return a, nil
}

// Close closes the file and the streams of its compressed arrays.
func (f *matFile) Close() error {
	for _, c := range f.open {
		c.Close()
	}
	return f.Closer.Close()
}
