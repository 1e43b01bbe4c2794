package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/gorgonia/pool"
)

// patchFile is where predictions go when the host wants them in a file.
type patchFile struct {
	file *os.File
	at   int64 // where the next batch goes
	end  int64 // of the array that the host described, −1 when it gave no shape
}

// openPatches opens the file of a plan. It is the host's: it may exist, and bytes before the offset stay.
func openPatches[T pool.Float](f backend.FileRef) (*patchFile, error) {
	dtype := element[T](program.Complex)
	count, err := tensor.Count(f.Shape)
	switch {
	case err != nil:
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%s: %w", f.Path, err)
	case !filepath.IsAbs(f.Path):
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "file %q: the path must be absolute, the plugin's folder is not the host's", f.Path)
	case f.DType != tensor.Invalid && f.DType != dtype:
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%s is to hold %v, the patches are %v", f.Path, f.DType, dtype)
	case f.Offset < 0:
		return nil, backend.Errorf(backend.Invalid, "reconstruct", "%s: offset %d", f.Path, f.Offset)
	case f.Strides != nil && !slices.Equal(f.Strides, packed(f.Shape, dtype.Size())):
		return nil, backend.Errorf(backend.Unsupported, "reconstruct", "%s: patches are written row-major without gaps", f.Path)
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

func (p *patchFile) write(t tensor.Tensor) error {
	raw := t.Bytes()
	if p.end >= 0 && p.at+int64(len(raw)) > p.end {
		return backend.Errorf(backend.Invalid, "reconstruct", "%s: the patches do not fit the shape that the plan gave", p.file.Name())
	}
	n, err := p.file.WriteAt(raw, p.at)
	p.at += int64(n)
	if err != nil {
		return fmt.Errorf("reconstruct: %w", err)
	}
	return nil
}

func (p *patchFile) close() error {
	if err := p.file.Close(); err != nil {
		return backend.Errorf(backend.Internal, "reconstruct", "%w", err)
	}
	return nil
}
