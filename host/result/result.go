// Package result is what a reconstruction leaves: the image in reconstruction.npz, its two pictures and a report, which
// appear together; and how an image is judged by the patterns.
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

// previewPrefix begins the names of pictures that are shown while a reconstruction goes on.
const previewPrefix = "preview-"

// Request asks for the folder of a reconstruction.
func Request(target string, overwrite bool, notice func(format string, args ...any), inputs ...rundir.Input) rundir.Request {
	return rundir.Request{Target: target, Overwrite: overwrite, Notice: notice, Inputs: inputs, Writes: []string{
		ReconstructionFile, AmplitudeFile, PhaseFile, ReportFile, previewPrefix + AmplitudeFile, previewPrefix + PhaseFile,
	}}
}

// Create prepares the folder of a reconstruction. It belongs before everything that takes time.
func Create(r rundir.Request) (Folder, error) {
	dir, err := rundir.Create(r)
	return Folder{dir}, err
}

// Write writes the image, with more arrays beside it, the pictures and the report, and puts all of them in the place of an
// older result. The size of a pixel is in m, 0 where it is not known.
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

// Preview shows the image of a reconstruction that goes on, beside an older result. The pictures go when the command ends.
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

// Fitted is what an iterative reconstruction of n patterns fitted besides the object, as arrays.
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
