package dataset

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/disk"
)

// complexBytes is the size of a pixel of the files of a first pass: its real and its imaginary part in float32.
const complexBytes = 8

// FirstPassBytes returns the size of the files that AddFirstPass writes for patterns of n×n pixels.
func FirstPassBytes(patterns, n int) int64 {
	return 2 * complexBytes * int64(patterns) * int64(n) * int64(n)
}

// AddFirstPass adds the inputs of a network that corrects the image of a first pass. It writes them pattern by pattern: compute fills the
// image and the correction, both [n·n], of pattern j.
func (s *Spool) AddFirstPass(ctx context.Context, d *backend.Dataset, n int, compute func(j int, image, correction []complex128) error) error {
	names := []string{arch.FirstImage, arch.FirstCorrection}
	files, writers := make([]*disk.TemporaryFile, len(names)), make([]*bufio.Writer, len(names))
	var err error
	for i := range names {
		if files[i], err = s.create(FirstPassBytes(d.Patterns, n) / int64(len(names))); err != nil {
			return firstPassError(err)
		}
		writers[i] = bufio.NewWriterSize(files[i], writtenAtOnce)
	}
	planes, pixel := [][]complex128{make([]complex128, n*n), make([]complex128, n*n)}, make([]byte, complexBytes)
	for j := range d.Patterns {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := compute(j, planes[0], planes[1]); err != nil {
			return err
		}
		for i, plane := range planes {
			for _, v := range plane {
				binary.LittleEndian.PutUint32(pixel, math.Float32bits(float32(real(v))))
				binary.LittleEndian.PutUint32(pixel[complexBytes/2:], math.Float32bits(float32(imag(v))))
				if _, err := writers[i].Write(pixel); err != nil {
					return firstPassError(needsRoom(err))
				}
			}
		}
	}
	for i, name := range names {
		if err := writers[i].Flush(); err != nil {
			return firstPassError(needsRoom(err))
		}
		files[i].Seal()
		ref := &backend.FileRef{Path: files[i].Path(), DType: tensor.Complex64, Shape: []int{d.Patterns, n, n}}
		d.Arrays = append(d.Arrays, backend.Array{Input: name, Gather: backend.PerPattern, File: ref})
	}
	return nil
}

func firstPassError(err error) error {
	return fmt.Errorf("spool of the first pass: %w, or choose fewer patterns with --n-images or --rows", err)
}
