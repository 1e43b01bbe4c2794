package output

import (
	"encoding/json"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// The files of a reconstruction.
const (
	ReconstructionFile = "reconstruction.npz"
	AmplitudeFile      = "amplitude.png"
	PhaseFile          = "phase.png"
	reportFile         = "report.json"
	MisfitFramesFile   = "misfit-frames.png"
	MisfitPixelsFile   = "misfit-pixels.png"
)

// previewPrefix begins the names of the pictures written during a reconstruction.
const previewPrefix = "preview-"

// ImageRequest returns the request for the folder of a reconstruction.
func ImageRequest(target string, overwrite bool, exports Exports, notice func(format string, args ...any), inputs ...Input) Request {
	return Request{Target: target, Overwrite: overwrite, Notice: notice, Inputs: inputs, Writes: append(exports.Files(),
		ReconstructionFile, AmplitudeFile, PhaseFile, reportFile, MisfitFramesFile, MisfitPixelsFile, previewPrefix+AmplitudeFile, previewPrefix+PhaseFile,
	)}
}

// A Result is a reconstruction to be written.
type Result struct {
	Image   raster.Stitched
	Command string     // that made it
	Data    *scan.Scan // as it was read
	// Scan is the scan with the probe and the positions of the result.
	Scan     *scan.Scan
	Losses   []float64   // of each iteration; nil: none
	Settings any         // of the run, for the exports
	Report   any         // the report file
	More     []npz.Named // further arrays
	Misfits  metrics.Misfits
	Exports  Exports
}

// WriteImage writes the image with more arrays, the pictures, the exports and the report, and replaces an older result by them.
func (d *Dir) WriteImage(r Result) error {
	image, pixelSize := r.Image, r.Data.PixelSize
	if err := checkFinite(image); err != nil {
		return err
	}
	if err := format.WriteReconstruction(d.Path(ReconstructionFile), format.Image{Object: image.Object.Data, Coverage: image.Coverage.Data, Height: image.Object.H, Width: image.Object.W, Origin: image.Origin, PixelSize: pixelSize},
		append(r.More, misfitArrays(r)...)...); err != nil {
		return err
	}
	if err := EachPicture(image, pixelSize, func(name string, file []byte) error { return d.WriteFile(name+".png", file) }); err != nil {
		return err
	}
	if err := eachMisfit(r, d.WriteFile); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r.Report, "", "  ")
	if err != nil {
		return err
	}
	if err := d.WriteFile(reportFile, append(text, '\n')); err != nil {
		return err
	}
	failed := d.export(r) // the image may be the result of hours: it is kept
	if err := d.Commit(); err != nil {
		return err
	}
	if failed != nil {
		return host.Failf(host.ExitPartial, "the image is in %s, and not all files of --export: %w", folderName(d.Target()), failed)
	}
	return nil
}

// PreviewImage writes pictures of a running reconstruction, beside an older result. They are removed when the command ends.
func (d *Dir) PreviewImage(image raster.Stitched, pixelSize float64) error {
	return EachPicture(image, pixelSize, func(name string, file []byte) error { return d.writePassing(previewPrefix+name+".png", file) })
}
