package dataset

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
)

// FirstPassBytes returns the size of the files that AddFirstPass writes for patterns of n×n pixels.
func FirstPassBytes(patterns, n int) int64 {
	return 2 * PatchBytes(patterns, n)
}

// AddFirstPass adds the inputs of a network that corrects the image of a first pass. It writes them pattern by pattern: compute fills the
// image and the correction, both [n·n], of pattern j.
func (s *Spool) AddFirstPass(ctx context.Context, d *backend.Dataset, n int, compute func(j int, image, correction []complex128) error) error {
	names := []string{arch.FirstImage, arch.FirstCorrection}
	files := make([]*PatchFile, len(names))
	for i := range names {
		f, err := s.create(PatchBytes(d.Patterns, n))
		if err != nil {
			return firstPassError(err)
		}
		files[i] = NewPatchFile(f, n)
	}
	planes, patch := [][]complex128{make([]complex128, n*n), make([]complex128, n*n)}, make([]complex64, n*n)
	for j := range d.Patterns {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := compute(j, planes[0], planes[1]); err != nil {
			return err
		}
		for i, plane := range planes {
			for k, v := range plane {
				patch[k] = complex64(v)
			}
			if err := files[i].Put(j, patch); err != nil {
				return firstPassError(needsRoom(err))
			}
		}
	}
	for i, name := range names {
		files[i].Seal()
		ref := &backend.FileRef{Path: files[i].Path(), DType: tensor.Complex64, Shape: []int{d.Patterns, n, n}}
		d.Arrays = append(d.Arrays, backend.Array{Input: name, Gather: backend.PerPattern, File: ref})
	}
	return nil
}

func firstPassError(err error) error {
	return fmt.Errorf("spool of the first pass: %w, or choose fewer patterns with --n-images or --rows", err)
}
