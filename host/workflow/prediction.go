package workflow

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/stitch"
)

// clearlyBetter is the share of R by which synchronised phases must fit better: where the patches agree already the
// difference is noise, and synchronising can only add a drift.
const clearlyBetter = 0.01

// prediction is the patches of a scan: stitched as they come, and kept in a file where another way may be tried.
type prediction struct {
	data   *scan.Scan
	weight []float32 // [N·N]
	canvas *stitch.Stitcher
	make   func() (*stitch.Stitcher, error)
	file   *os.File // patch j at j·N²·8 bytes; nil where it is not needed
	dir    string
	buffer []byte
}

func newPrediction(data *scan.Scan, weight []float32, s config.InferenceSettings) (p *prediction, err error) {
	options := stitch.Options{Trim: s.MiddleTrim}
	if !s.PadEval {
		options.CropBelow = 0.1 // a tenth of one probe's peak intensity
	}
	p = &prediction{data: data, weight: weight, buffer: make([]byte, 8*len(weight))}
	p.make = func() (*stitch.Stitcher, error) { return stitch.New(data.Rows, data.Cols, data.N, options) }
	if p.canvas, err = p.make(); err != nil {
		return nil, failf(ExitData, "%s: %w", s.TestData, err)
	}
	if s.SynchronisePhases == "off" {
		return p, nil
	}
	if p.dir, err = spoolDir(int64(data.Len()) * int64(len(p.buffer))); err != nil {
		return nil, err
	}
	if p.file, err = os.Create(filepath.Join(p.dir, "patches")); err != nil {
		p.close()
		return nil, fmt.Errorf("spool: %w", err)
	}
	return p, nil
}

// close removes the file.
func (p *prediction) close() {
	if p.file != nil {
		_ = p.file.Close()
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

// add stitches the patch [N·N] of pattern j.
func (p *prediction) add(j int, patch []complex64) error {
	if p.file != nil {
		for i, v := range patch {
			binary.LittleEndian.PutUint32(p.buffer[8*i:], math.Float32bits(real(v)))
			binary.LittleEndian.PutUint32(p.buffer[8*i+4:], math.Float32bits(imag(v)))
		}
		if _, err := p.file.WriteAt(p.buffer, int64(j)*int64(len(p.buffer))); err != nil {
			return fmt.Errorf("spool: %w", err)
		}
	}
	return p.canvas.Add(patch, p.weight, p.data.Rows[j], p.data.Cols[j])
}

// patch reads the patch of pattern j.
func (p *prediction) patch(j int, dst []complex64) error {
	if _, err := p.file.ReadAt(p.buffer, int64(j)*int64(len(p.buffer))); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	for i := range dst {
		re, im := binary.LittleEndian.Uint32(p.buffer[8*i:]), binary.LittleEndian.Uint32(p.buffer[8*i+4:])
		dst[i] = complex(math.Float32frombits(re), math.Float32frombits(im))
	}
	return nil
}

// synchronised stitches the patches brought to one common phase.
func (p *prediction) synchronised(ctx context.Context) (stitch.Image, error) {
	var none stitch.Image
	factors, err := stitch.Synchronise(ctx, p.data.Rows, p.data.Cols, p.data.N, p.weight, p.patch, stitch.SyncOptions{})
	if err != nil {
		return none, err
	}
	canvas, err := p.make()
	if err != nil {
		return none, err
	}
	patch := make([]complex64, len(p.weight))
	for j, f := range factors {
		if err := p.patch(j, patch); err != nil {
			return none, err
		}
		for i, v := range patch {
			patch[i] = complex64(f) * v
		}
		if err := canvas.Add(patch, p.weight, p.data.Rows[j], p.data.Cols[j]); err != nil {
			return none, err
		}
	}
	return canvas.Finish()
}

// image is the stitched image: as the patches come, with their phases synchronised ("on"), or whichever of the two fits
// the measured patterns better ("auto"). R needs no truth, so it may decide. The report says what was done.
func (p *prediction) image(ctx context.Context, how string, residual func(stitch.Image) (metrics.Number, error), report *InferReport) (stitch.Image, error) {
	plain, err := p.canvas.Finish()
	if err != nil {
		return plain, err
	}
	if report.Residual, err = residual(plain); err != nil || how == "off" || p.data.Len() == 1 {
		return plain, err
	}
	other, err := p.synchronised(ctx)
	if err != nil {
		return plain, err
	}
	r, err := residual(other)
	if err != nil {
		return plain, err
	}
	without := report.Residual
	if how == "on" || r < without*(1-clearlyBetter) {
		report.Residual, report.OtherResidual, report.Synchronised = r, &without, true
		return other, nil
	}
	report.OtherResidual = &r
	return plain, nil
}
