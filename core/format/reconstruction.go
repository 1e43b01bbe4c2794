package format

import (
	"math"
	"math/cmplx"
	"slices"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Reconstruction is a complex image of the sample.
type Reconstruction struct {
	Object   []complex64 // [Height, Width]
	Height   int
	Width    int
	Coverage []float32 // [Height, Width] coverage of a pixel by patterns, 0 if uncovered; nil if unknown
	// Origin is (row, column): a pattern at (y, x) in the scan's coordinates has pixel N/2 of its patch at object pixel
	// (y, x) − Origin.
	Origin    [2]float64
	HasOrigin bool    // Origin was in the file; always written
	PixelSize float64 // metres; 0 if unknown
	Guess     bool    // the image is a scan's objectGuess, in the pixels of its positions
	Source    string  // file name
}

// Image is a complex image of the sample in the precision of its computation, as WriteReconstruction takes it.
type Image struct {
	Object        []complex128 // [Height, Width]
	Coverage      []float64    // [Height, Width]; nil if unknown
	Height, Width int
	Origin        [2]float64 // as in Reconstruction
	PixelSize     float64    // metres; 0 if unknown
}

// WriteReconstruction writes object, amplitude, phase, coverage and origin, the pixel size if known, and then extra. Each array is
// made when it is written, since an image can be as large as the memory.
func WriteReconstruction(path string, m Image, extra ...npz.Named) error {
	if m.Height < 1 || m.Width < 1 || len(m.Object) != m.Height*m.Width {
		return npz.Errorf(path, "cannot be written: the object has %d values for %d×%d pixels", len(m.Object), m.Height, m.Width)
	}
	if m.Coverage != nil && len(m.Coverage) != len(m.Object) {
		return npz.Errorf(path, "cannot be written: coverage has %d values for %d pixels", len(m.Coverage), len(m.Object))
	}
	written := func(v complex128) complex128 { return complex128(complex64(v)) }
	arrays := []func() npz.Named{
		func() npz.Named {
			return plane(m, "object", m.Object, func(v complex128) complex64 { return complex64(v) })
		},
		func() npz.Named {
			return plane(m, "amplitude", m.Object, func(v complex128) float32 { return float32(cmplx.Abs(written(v))) })
		},
		func() npz.Named {
			return plane(m, "phase", m.Object, func(v complex128) float32 { return float32(cmplx.Phase(written(v))) })
		},
	}
	if m.Coverage != nil {
		arrays = append(arrays, func() npz.Named {
			return plane(m, "coverage", m.Coverage, func(v float64) float32 { return float32(v) })
		})
	}
	rest := []npz.Named{{Name: "origin", Tensor: tensor.Must(m.Origin[:], 2)}}
	if m.PixelSize > 0 {
		rest = append(rest, npz.Named{Name: "pixel_size_m", Tensor: tensor.Must([]float64{m.PixelSize})})
	}
	return npz.WriteEach(path, func(add func(npz.Named) error) error {
		for _, array := range arrays {
			if err := add(array()); err != nil {
				return err
			}
		}
		for _, array := range append(rest, extra...) {
			if err := add(array); err != nil {
				return err
			}
		}
		return nil
	})
}

// plane returns an array [Height, Width] of a quantity of each pixel.
func plane[P any, V tensor.Element](m Image, name string, pixels []P, of func(P) V) npz.Named {
	values := make([]V, len(pixels))
	for i, v := range pixels {
		values[i] = of(v)
	}
	return npz.Named{Name: name, Tensor: tensor.Must(values, m.Height, m.Width)}
}

// ReadReconstruction reads a reconstruction, a truth or a reference: any file with an array object, or else objectGuess
// (whose pixels are those of the scan's coordinates, so that its origin is 0). It also reads
// products of Ptychodus, CXI, results of ptypy, and amplitude and phase as TIFF.
func ReadReconstruction(path string) (*Reconstruction, error) {
	if kind := acquisition.Kind(path); kind == "HDF5" || kind == "TIFF" {
		o, err := acquisition.ReadObject(path)
		if err != nil {
			return nil, DataError(path, err)
		}
		return &Reconstruction{Object: o.Values, Height: o.Height, Width: o.Width, Origin: o.Origin, HasOrigin: o.Placed, PixelSize: o.PixelSize, Source: path}, nil
	}
	z, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return z.readReconstruction()
}

func (z scanFile) readReconstruction() (*Reconstruction, error) {
	key := "object"
	if !z.has(key) {
		key = keyObject
	}
	if !z.has(key) {
		return nil, npz.Errorf(z.Path(), "has neither object nor %s", keyObject).Hint("it has %s; give a file that has one, such as the reconstruction.npz of ptycho solve", z.Names())
	}
	a, err := z.Reader(key)
	if err != nil {
		return nil, err
	}
	s := a.Shape()
	if len(s) != 2 || s[0] < 1 || s[1] < 1 {
		return nil, a.Errorf("has shape %s, want [rows, columns]", dims(s))
	}
	r := &Reconstruction{Height: s[0], Width: s[1], Source: z.Path()}
	if r.Object, err = a.Complex64s(); err != nil {
		return nil, err
	}
	for i, v := range r.Object {
		if x := complex128(v); cmplx.IsNaN(x) || cmplx.IsInf(x) {
			return nil, a.Errorf("is %v at pixel (%d, %d) (row, column)", v, i/r.Width, i%r.Width)
		}
	}
	if r.Guess = key == keyObject; r.Guess {
		return r, nil
	}
	return r, z.readBeside(r)
}

// readBeside reads the further arrays of ptycho's reconstructions, if present.
func (z scanFile) readBeside(r *Reconstruction) error {
	if z.has("coverage") {
		v, shape, err := z.Float32("coverage")
		if err != nil {
			return err
		}
		if want := []int{r.Height, r.Width}; !slices.Equal(shape, want) {
			return npz.Errorf(z.Path(), "coverage has shape %s but the object has %s", dims(shape), dims(want))
		}
		for i, c := range v {
			if !(c >= 0) || c > math.MaxFloat32 {
				return npz.Errorf(z.Path(), "coverage is %v at pixel (%d, %d) (row, column)", c, i/r.Width, i%r.Width)
			}
		}
		r.Coverage = v
	}
	if z.has("origin") {
		v, shape, err := z.Float64("origin")
		if err != nil {
			return err
		}
		if len(shape) != 1 || len(v) != 2 || math.IsNaN(v[0]-v[0]) || math.IsNaN(v[1]-v[1]) {
			return npz.Errorf(z.Path(), "origin has shape %s and value %v, want two finite numbers (row, column)", dims(shape), v[:min(len(v), 3)])
		}
		r.Origin, r.HasOrigin = [2]float64{v[0], v[1]}, true
	}
	if z.has("pixel_size_m") {
		v, _, err := z.Float64("pixel_size_m")
		if err != nil {
			return err
		}
		if len(v) != 1 || !(v[0] > 0) || math.IsInf(v[0], 0) {
			return npz.Errorf(z.Path(), "pixel_size_m is %v, want one positive number of metres", v[:min(len(v), 3)])
		}
		r.PixelSize = v[0]
	}
	return nil
}
