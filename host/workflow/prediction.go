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

// pixelBytes is the size of a pixel in the file of patches: its real and its imaginary part in float32.
const pixelBytes = 8

// prediction is the patches of a scan: stitched as they come, and kept in a file where another way may be tried.
type prediction struct {
	data   *scan.Scan
	weight []float32 // [N·N]
	canvas *stitch.Stitcher
	make   func() (*stitch.Stitcher, error)
	file   *os.File // patch j at j·N²·pixelBytes; nil where it is not needed
	dir    string
	buffer []byte
	how    string // "auto", "on" or "off"
	notice func(format string, args ...any)
}

func newPrediction(data *scan.Scan, weight []float32, s config.InferenceSettings, notice func(string, ...any)) (p *prediction, err error) {
	options := stitch.Options{Trim: s.MiddleTrim}
	if !s.PadEval {
		options.CropBelow = 0.1 // a tenth of one probe's peak intensity
	}
	p = &prediction{data: data, weight: weight, buffer: make([]byte, pixelBytes*len(weight)), how: s.SynchronisePhases, notice: notice}
	p.make = func() (*stitch.Stitcher, error) { return stitch.New(data.Rows, data.Cols, data.N, options) }
	if p.canvas, err = p.make(); err != nil {
		return nil, failf(ExitData, "%s: %w", s.TestData, err)
	}
	if p.how == "off" {
		return p, nil
	}
	if p.dir, err = spoolDir(int64(data.Len()) * int64(len(p.buffer))); err == nil {
		p.file, err = os.Create(filepath.Join(p.dir, "patches"))
	}
	if err = p.without(err); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// without goes on without synchronised phases after a failure when nobody insists on them: the image as the patches
// come needs no file.
func (p *prediction) without(err error) error {
	if err == nil {
		return nil
	}
	if p.how == "on" {
		return fmt.Errorf("infer: the patches cannot be kept for --synchronise-phases on: %w; set TMPDIR to a folder with room, or leave the flag out", err)
	}
	p.notice("the patches' phases are not synchronised: %v; set TMPDIR to a folder with room", err)
	p.close()
	p.how = "off"
	return nil
}

// close removes the file.
func (p *prediction) close() {
	if p.file != nil {
		_ = p.file.Close()
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
	p.file, p.dir = nil, ""
}

// add stitches the patch [N·N] of pattern j.
func (p *prediction) add(j int, patch []complex64) error {
	if p.file != nil {
		for i, v := range patch {
			binary.LittleEndian.PutUint32(p.buffer[pixelBytes*i:], math.Float32bits(real(v)))
			binary.LittleEndian.PutUint32(p.buffer[pixelBytes*i+pixelBytes/2:], math.Float32bits(imag(v)))
		}
		if _, err := p.file.WriteAt(p.buffer, int64(j)*int64(len(p.buffer))); err != nil {
			if err := p.without(err); err != nil {
				return err
			}
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
		re, im := binary.LittleEndian.Uint32(p.buffer[pixelBytes*i:]), binary.LittleEndian.Uint32(p.buffer[pixelBytes*i+pixelBytes/2:])
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
func (p *prediction) image(ctx context.Context, residual func(stitch.Image) (metrics.Number, error), report *InferReport) (stitch.Image, error) {
	plain, err := p.canvas.Finish()
	if err != nil {
		return plain, err
	}
	if report.Residual, err = residual(plain); err != nil || p.how == "off" || p.data.Len() == 1 {
		return plain, err
	}
	other, err := p.synchronised(ctx)
	if err != nil && ctx.Err() == nil {
		if err := p.without(err); err != nil {
			return plain, err
		}
		return plain, nil
	} else if err != nil {
		return plain, err
	}
	r, err := residual(other)
	if err != nil {
		return plain, err
	}
	without := report.Residual
	if p.how == "on" || r < without*(1-clearlyBetter) {
		report.Residual, report.OtherResidual, report.Synchronised = r, &without, true
		return other, nil
	}
	report.OtherResidual = &r
	return plain, nil
}
