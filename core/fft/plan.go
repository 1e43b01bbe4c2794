package fft

import (
	"fmt"

	"github.com/ptychogo/ptycho/internal/machine"
)

// The largest sizes of a plan: tables of a side take up to 1 GiB, an image of complex64 16 GiB.
const (
	maxSide   = 1 << 24
	maxPixels = 1<<31 - 1
)

// Plan transforms images [rows, cols] of complex64, rows of the image one after another. It is immutable: any number of
// goroutines may use one plan, each with its own Work or with nil.
type Plan struct{ engine[float32] }

// New prepares the transforms of images [rows, cols]; both from 1 to 2^24, and rows·cols below 2^31. It uses the
// fastest instructions of the machine, or those named by PTYCHO_CPU: generic, avx2 or avx512.
func New(rows, cols int) (*Plan, error) {
	path, err := machine.SelectInstructions()
	if err != nil {
		return nil, fmt.Errorf("fft: %w", err)
	}
	return NewPath(rows, cols, path)
}

// NewPath prepares transforms, as New does, for one of cpu.Paths.
func NewPath(rows, cols int, path machine.Instructions) (*Plan, error) {
	if err := check(rows, cols); err != nil {
		return nil, err
	}
	return &Plan{newEngine(rows, cols, kernelsOf(path))}, nil
}

func check(rows, cols int) error {
	if rows < 1 || cols < 1 || rows > maxSide || cols > maxSide || int64(rows)*int64(cols) > maxPixels {
		return fmt.Errorf("fft: image of %d×%d: a side is from 1 to %d and an image has at most %d pixels", rows, cols, maxSide, maxPixels)
	}
	return nil
}

// Forward transforms every image of src [n, rows, cols] into dst, which has the same length and may be src. The zero
// frequency is at [0, 0]. It panics if a length is not that of whole images. w may be nil.
func (p *Plan) Forward(dst, src []complex64, w *Work) { p.images(dst, src, Forward, w) }

// Inverse inverts Forward and is its adjoint.
func (p *Plan) Inverse(dst, src []complex64, w *Work) { p.images(dst, src, Inverse, w) }

// ForwardCentred transforms like Forward, with the zero frequency at [rows/2, cols/2].
func (p *Plan) ForwardCentred(dst, src []complex64, w *Work) { p.images(dst, src, ForwardCentred, w) }

// InverseCentred inverts ForwardCentred and is its adjoint.
func (p *Plan) InverseCentred(dst, src []complex64, w *Work) { p.images(dst, src, InverseCentred, w) }

func (p *Plan) images(dst, src []complex64, d Direction, w *Work) {
	w, done := borrow(w)
	defer done()
	p.engine.images(pairs[float32](dst), pairs[float32](src), d, memory(&w.single, p.work))
}

// Transform transforms one image with the products of from on the way in and those of to on the way out. It reads all
// of from before it writes, so that to may use the same memory. It panics if a slice is too short for the image. w may
// be nil.
func (p *Plan) Transform(to Target, from Source, d Direction, w *Work) {
	w, done := borrow(w)
	defer done()
	t, s := to.of(p.rows, p.cols), from.of(p.rows, p.cols)
	p.transform(&t, &s, d, memory(&w.single, p.work))
}

// Plan64 transforms complex128 in plain Go: for references, not for speed.
type Plan64 struct{ engine[float64] }

// New64 prepares the transforms of images [rows, cols], with the bounds of New.
func New64(rows, cols int) (*Plan64, error) {
	if err := check(rows, cols); err != nil {
		return nil, err
	}
	return &Plan64{newEngine(rows, cols, portable[float64](4))}, nil
}

// Forward transforms like Plan.Forward.
func (p *Plan64) Forward(dst, src []complex128, w *Work) { p.images(dst, src, Forward, w) }

// Inverse transforms like Plan.Inverse.
func (p *Plan64) Inverse(dst, src []complex128, w *Work) { p.images(dst, src, Inverse, w) }

// ForwardCentred transforms like Plan.ForwardCentred.
func (p *Plan64) ForwardCentred(dst, src []complex128, w *Work) {
	p.images(dst, src, ForwardCentred, w)
}

// InverseCentred transforms like Plan.InverseCentred.
func (p *Plan64) InverseCentred(dst, src []complex128, w *Work) {
	p.images(dst, src, InverseCentred, w)
}

func (p *Plan64) images(dst, src []complex128, d Direction, w *Work) {
	w, done := borrow(w)
	defer done()
	p.engine.images(pairs[float64](dst), pairs[float64](src), d, memory(&w.double, p.work))
}
