package output

import (
	"bufio"
	"encoding/json"
	"io"
	"math/cmplx"
	"strings"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// Exports are the forms for other programs in which a reconstruction is written too, a list of "ptychodus", "cxi" and "tiff".
type Exports []string

// The forms.
const (
	exportPtychodus = "ptychodus"
	exportCXI       = "cxi"
	exportTIFF      = "tiff"
)

// exportFiles are the files of each form.
var exportFiles = map[string][]string{
	exportPtychodus: {"product.h5"},
	exportCXI:       {"reconstruction.cxi"},
	exportTIFF:      {"amplitude.tif", "phase.tif"},
}

// ParseExports reads the value of --export: names joined by commas, or "none".
func ParseExports(list string) (Exports, error) {
	var e Exports
	if list == "" || list == "none" {
		return nil, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); {
		case exportFiles[name] == nil:
			return nil, host.Failf(host.ExitUsage, "--export %s: want ptychodus, cxi and tiff, separated by commas, or none", list)
		case !e.has(name):
			e = append(e, name)
		}
	}
	return e, nil
}

func (e Exports) has(name string) bool {
	for _, x := range e {
		if x == name {
			return true
		}
	}
	return false
}

// Files returns the names of the files that are written.
func (e Exports) Files() []string {
	var all []string
	for _, name := range e {
		all = append(all, exportFiles[name]...)
	}
	return all
}

// Check returns an error if a scan does not say what the files need, before anything is computed.
func (e Exports) Check(s *scan.Scan) error {
	for _, name := range e {
		switch known := s.PixelSize > 0; {
		case !known && name == exportTIFF: // pixels are a unit of this format
		case !known:
			return host.Failf(host.ExitData, "%s does not say how large an object pixel is, and --export %s needs metres: give --energy, --distance and --detector-pixel-size, or --pixel-size, or write only --export tiff", s.Source, name)
		case known && !physics.PossibleObjectPixel.Has(s.PixelSize):
			return host.Failf(host.ExitData, "%s has object pixels of %.3g m, which no ptychography has: correct the file, or leave --export out", s.Source, s.PixelSize)
		}
	}
	return nil
}

// export writes the files for other programs.
func (d *Dir) export(r Result) error {
	if len(r.Exports) == 0 {
		return nil
	}
	p, err := r.product()
	if err != nil {
		return err
	}
	for _, name := range r.Exports {
		file := exportFiles[name][0]
		switch name {
		case exportPtychodus:
			err = d.files.writeAtFrom(file, func(w io.WriterAt) error { return format.WriteProduct(w, p) })
		case exportCXI:
			err = d.files.writeAtFrom(file, func(w io.WriterAt) error { return format.WriteCXI(w, p) })
		case exportTIFF:
			err = d.exportTIFF(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// exportTIFF writes the amplitude and the phase in rad.
func (d *Dir) exportTIFF(p *format.Product) error {
	for i, of := range []func(complex128) float64{cmplx.Abs, cmplx.Phase} {
		values := make([]float32, len(p.Object))
		for k, v := range p.Object {
			values[k] = float32(of(complex128(v)))
		}
		err := d.files.WriteFrom(exportFiles[exportTIFF][i], func(w io.Writer) error {
			b := bufio.NewWriter(w)
			if err := format.WriteTIFF(b, values, p.Height, p.Width, p.PixelSize, p.Origin, host.Version); err != nil {
				return err
			}
			return b.Flush()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// product collects what the files hold.
func (r Result) product() (*format.Product, error) {
	report, err := json.Marshal(struct {
		Settings any `json:"settings"`
		Report   any `json:"report"`
	}{r.Settings, r.Report})
	if err != nil {
		return nil, err
	}
	p := &format.Product{
		Object: r.Image.Object.Complex64(), Height: r.Image.Object.H, Width: r.Image.Object.W, Coverage: r.Image.Coverage.Float32(), Origin: r.Image.Origin,
		Probe: r.Scan.Probe, Modes: r.Scan.Modes, N: r.Scan.N, Rows: r.Scan.Rows, Cols: r.Scan.Cols, Index: r.Data.Index,
		PixelSize: r.Data.PixelSize, Geometry: r.Data.Geometry, Losses: r.Losses,
		Provenance: format.Provenance{Version: host.Version, Command: r.Command, Source: format.SourceName(r.Data.Source), Digest: r.Data.Fingerprint(), Report: string(report)},
	}
	for _, pattern := range r.Data.All() {
		for _, k := range pattern {
			p.Photons += float64(k) / float64(r.Data.Len())
		}
	}
	return p, r.Data.Err()
}
