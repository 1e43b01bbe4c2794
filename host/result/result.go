// Package result writes the result of a reconstruction: the image in reconstruction.npz, its two pictures and a report, which
// appear together. It also measures how well an image explains the patterns.
package result

import (
	"bytes"
	"encoding/json"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/core/stitch"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/host/picture"
	"github.com/ptychogo/ptycho/host/rundir"
)

// The files of a reconstruction.
const (
	ReconstructionFile = "reconstruction.npz"
	AmplitudeFile      = "amplitude.png"
	PhaseFile          = "phase.png"
	ReportFile         = "report.json"
)

// Folder is the directory that a reconstruction is written to.
type Folder struct{ *rundir.Dir }

// previewPrefix begins the names of the pictures written during a reconstruction.
const previewPrefix = "preview-"

// Request returns the request for the folder of a reconstruction.
func Request(target string, overwrite bool, notice func(format string, args ...any), inputs ...rundir.Input) rundir.Request {
	return rundir.Request{Target: target, Overwrite: overwrite, Notice: notice, Inputs: inputs, Writes: []string{
		ReconstructionFile, AmplitudeFile, PhaseFile, ReportFile, previewPrefix + AmplitudeFile, previewPrefix + PhaseFile,
	}}
}

// Create prepares the folder of a reconstruction. Call it before all work that takes time.
func Create(r rundir.Request) (Folder, error) {
	dir, err := rundir.Create(r)
	return Folder{dir}, err
}

// Write writes the image with more arrays, the pictures and the report, and replaces an older result by them. The size of a
// pixel is in m, 0 where it is unknown.
func (f Folder) Write(image stitch.Image, pixelSize float64, report any, more ...format.Named) error {
	if err := checkFinite(image); err != nil {
		return err
	}
	r := &format.Reconstruction{Object: image.Object.Complex64(), Height: image.Object.H, Width: image.Object.W,
		Coverage: image.Coverage.Float32(), Origin: image.Origin, PixelSize: pixelSize}
	if err := format.WriteReconstruction(f.Path(ReconstructionFile), r, more...); err != nil {
		return err
	}
	if err := picture.Write(f.Path(AmplitudeFile), picture.Amplitude, image, pixelSize); err != nil {
		return err
	}
	if err := picture.Write(f.Path(PhaseFile), picture.Phase, image, pixelSize); err != nil {
		return err
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := f.WriteFile(ReportFile, append(text, '\n')); err != nil {
		return err
	}
	return f.Commit()
}

// Preview writes pictures of a running reconstruction, beside an older result. They are removed when the command ends.
func (f Folder) Preview(image stitch.Image, pixelSize float64) error {
	for _, p := range []struct {
		name     string
		quantity picture.Quantity
	}{{AmplitudeFile, picture.Amplitude}, {PhaseFile, picture.Phase}} {
		var png bytes.Buffer
		if err := picture.Encode(&png, p.quantity, image, pixelSize); err != nil {
			return err
		}
		if err := f.WritePassing(previewPrefix+p.name, png.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// Fitted returns what an iterative reconstruction fitted besides the object, as arrays. Patterns have n×n pixels.
func Fitted(r *solve.Result, n int, intensity bool) []format.Named {
	positions := make([]float64, 0, 2*len(r.Rows))
	for j := range r.Rows {
		positions = append(positions, r.Rows[j], r.Cols[j])
	}
	more := []format.Named{
		{Name: "probe", Tensor: tensor.Must(r.Probe, r.Modes, n, n)},
		{Name: "positions", Tensor: tensor.Must(positions, len(r.Rows), 2)},
	}
	if r.Background != nil {
		more = append(more, format.Named{Name: "background", Tensor: tensor.Must(r.Background, n, n)})
	}
	if intensity {
		more = append(more, format.Named{Name: "intensity", Tensor: tensor.Must(r.Intensity, len(r.Rows))})
	}
	return more
}
