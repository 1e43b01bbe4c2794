package feed

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Predictions sends the patches of a plan to the host, cropped. It uses a file if the plan names one.
type Predictions struct {
	crop int
	file *patchFile
}

// OpenPredictions prepares to send patches of the given type.
func OpenPredictions(p backend.ReconPlan, dtype tensor.DType) (*Predictions, error) {
	w := &Predictions{crop: p.Crop}
	if p.File == nil {
		return w, nil
	}
	var err error
	w.file, err = openPatches(*p.File, dtype)
	return w, err
}

// Emit sends the patches of batch i to the host, without data if the patches were written to the file.
func (w *Predictions) Emit(i int, t tensor.Tensor, emit func(backend.Patches) error) error {
	t, err := Crop(t, w.crop)
	if err != nil {
		return err
	}
	if w.file != nil {
		if err := w.file.write(t); err != nil {
			return err
		}
		t = tensor.Tensor{}
	}
	return emit(backend.Patches{Batch: i, Data: t})
}

// Close closes the file.
func (w *Predictions) Close() error {
	if w.file == nil {
		return nil
	}
	if err := w.file.file.Close(); err != nil {
		return backend.Errorf(backend.Internal, "reconstruct", "%w", err)
	}
	return nil
}

// patchFile is the file for predictions that the host requested.
type patchFile struct {
	file *os.File
	at   int64 // offset of the next batch
	end  int64 // end of the array that the host described; −1 without a shape
}

// openPatches opens the file of a plan for patches of the given type. The host owns the file: it may exist already, and the
// bytes before the offset are kept.
func openPatches(f backend.FileRef, dtype tensor.DType) (*patchFile, error) {
	count, err := tensor.Count(f.Shape)
	switch {
	case err != nil:
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%s: %w", f.Path, err)
	case !filepath.IsAbs(f.Path):
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "file %q: the path must be absolute because the plugin has another working folder than the host", f.Path)
	case f.DType != tensor.Invalid && f.DType != dtype:
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%s is for elements of type %v, but the patches are %v", f.Path, f.DType, dtype)
	case f.Offset < 0:
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%s: offset %d is negative", f.Path, f.Offset)
	case f.Strides != nil && !slices.Equal(f.Strides, packed(f.Shape, dtype.Size())):
		return nil, backend.Errorf(backend.Unsupported, "reconstruct", "%s: patches can only be written row-major without gaps", f.Path)
	}
	if st, err := os.Stat(f.Path); err == nil && !st.Mode().IsRegular() {
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%s is not a regular file", f.Path)
	}
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%w", err)
	}
	p := &patchFile{file: file, at: f.Offset, end: -1}
	if len(f.Shape) > 0 {
		p.end = f.Offset + int64(count)*int64(dtype.Size())
	}
	return p, nil
}

func packed(shape []int, size int) []int64 {
	out := make([]int64, len(shape))
	step := int64(size)
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = step
		step *= int64(shape[i])
	}
	return out
}

// write appends a batch.
func (p *patchFile) write(t tensor.Tensor) error {
	raw := t.Bytes()
	if p.end >= 0 && p.at+int64(len(raw)) > p.end {
		return backend.Errorf(backend.Invalid, "reconstruct", "%s: the patches do not fit the shape in the plan", p.file.Name())
	}
	n, err := p.file.WriteAt(raw, p.at)
	p.at += int64(n)
	if err != nil {
		return fmt.Errorf("reconstruct: %w", err)
	}
	return nil
}

// Crop reshapes complex images to [images, n, n] and keeps the central size×size pixels, or all pixels for size 0.
func Crop(t tensor.Tensor, size int) (tensor.Tensor, error) {
	shape := t.Shape()
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	n := t.Len() / (h * w)
	if size == 0 {
		return t.Reshape(n, h, w)
	}
	item := t.DType().Size()
	out, err := tensor.Zeros(t.DType(), n, size, size)
	if err != nil {
		return t, backend.Errorf(backend.Internal, "reconstruct", "%w", err)
	}
	dst, src := out.Bytes(), t.Bytes()
	for i := range n {
		for r := range size {
			// The centre of n pixels is n/2, before and after cropping.
			from := ((i*h+(h/2-size/2)+r)*w + w/2 - size/2) * item
			copy(dst[(i*size+r)*size*item:][:size*item], src[from:])
		}
	}
	return out, nil
}
