package format

import (
	"io"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

// cxiVersion is 1.6, the version of the format's specification that has all paths used here.
const cxiVersion = int32(160)

// cxiInvalid is the bit of a CXI mask for a pixel that must not be used.
const cxiInvalid = uint32(1)

// A cxiFile is a CXI file with the groups that scans and reconstructions have in common.
type cxiFile struct {
	*hdf5.Writer
	entry, instrument, source, detector *hdf5.GroupWriter
}

// newCXI begins a file: energy, wavelength and distance as far as they are known, and positions in m.
func newCXI(w io.WriterAt, rows, cols []float64, pixel float64, wavelength, distance float64) *cxiFile {
	f := &cxiFile{Writer: hdf5.NewWriter(w)}
	_ = f.Root().Dataset("cxi_version", cxiVersion) // Close returns the first error
	f.entry = f.Root().Group("entry_1")
	f.instrument = f.entry.Group("instrument_1")
	f.source, f.detector = f.instrument.Group("source_1"), f.instrument.Group("detector_1")
	if wavelength > 0 {
		_ = f.source.DatasetWith("energy", physics.PhotonEnergy(wavelength), nil, "units", "J")
		_ = f.source.DatasetWith("wavelength", wavelength, nil, "units", "m")
	}
	if distance > 0 {
		_ = f.detector.DatasetWith("distance", distance, nil, "units", "m")
	}
	translation := make([]float64, 0, 3*len(rows))
	for i := range rows {
		translation = append(translation, cols[i]*pixel, rows[i]*pixel, 0)
	}
	_ = f.entry.Group("sample_1").Group("geometry_1").DatasetWith("translation", translation, extent(len(rows), 3), "units", "m", acquisition.OriginAttribute, []float64{0, 0})
	return f
}

// note writes how the file came about.
func (f *cxiFile) note(p Provenance) {
	_ = f.entry.Dataset("title", p.title())
	process := f.entry.Group("process_1")
	for _, v := range p.fields() {
		_ = process.Dataset(v[0], v[1])
	}
	_ = process.Dataset("report", p.Report)
}

// WriteCXIScan writes a scan as CXI.
func WriteCXIScan(w io.WriterAt, s *Export) error {
	f := newCXI(w, s.Rows, s.Cols, s.PixelSize, s.Geometry.Wavelength, s.Geometry.Distance)
	for _, name := range []string{"x_pixel_size", "y_pixel_size"} {
		_ = f.detector.DatasetWith(name, s.Geometry.DetectorPixel, nil, "units", "m")
	}
	if s.Probe != nil {
		size := extent(s.Modes, s.N, s.N)
		if s.Modes == 1 {
			size = size[1:]
		}
		_ = f.source.Dataset("illumination", s.Probe, size...)
	}
	if err := s.writePatterns(f.detector, "data", "axes", "translation:y:x"); err != nil {
		return err
	}
	mask, from := s.After()
	f.note(from)
	if mask != nil {
		bits := make([]uint32, len(mask))
		for i, m := range mask {
			if m == 0 {
				bits[i] = cxiInvalid
			}
		}
		_ = f.detector.Dataset("mask", bits, uint64(s.N), uint64(s.N))
	}
	data := f.entry.Group("data_1")
	_ = data.Link("data", "/entry_1/instrument_1/detector_1/data")
	_ = data.Link("translation", "/entry_1/sample_1/geometry_1/translation")
	return f.Close()
}

// WriteCXI writes a reconstruction as CXI: image_1 is the probe and image_2 the object, as Ptychodus reads them. x and y are the
// coordinates in m of the columns and rows, in the frame of the positions.
func WriteCXI(w io.WriterAt, p *Product) error {
	f := newCXI(w, p.Rows, p.Cols, p.PixelSize, p.Geometry.Wavelength, p.Geometry.Distance)
	f.note(p.Provenance)
	_ = f.entry.Group("data_1").Link("translation", "/entry_1/sample_1/geometry_1/translation")
	probe := f.image("image_1", "amplitude", p.N, p.N, p.PixelSize)
	_ = probe.DatasetWith("data", p.Probe, extent(1, p.Modes, p.N, p.N), "axes", "coherent:incoherent:y:x")
	_ = f.source.Link("illumination", "/entry_1/image_1/data")
	object := f.image("image_2", "transmission", p.Height, p.Width, p.PixelSize)
	_ = object.DatasetWith("data", p.Object, extent(1, p.Height, p.Width), "axes", "layer:y:x")
	if p.Coverage != nil {
		_ = object.Dataset("coverage", p.Coverage, uint64(p.Height), uint64(p.Width))
	}
	_ = object.DatasetWith("x", coordinates(p.Origin[1], p.Width, p.PixelSize), nil, "units", "m")
	_ = object.DatasetWith("y", coordinates(p.Origin[0], p.Height, p.PixelSize), nil, "units", "m")
	extra := f.entry.Group("ptychodus") // what Ptychodus keeps beside the format
	y, x := p.centre()
	for _, v := range []struct {
		name  string
		value float64
	}{
		{"probe_photon_count", p.Photons}, {"tomography_angle_deg", 0},
		{"probe_pixel_width_m", p.PixelSize}, {"probe_pixel_height_m", p.PixelSize},
		{"object_pixel_width_m", p.PixelSize}, {"object_pixel_height_m", p.PixelSize},
		{"object_center_x_m", x}, {"object_center_y_m", y},
	} {
		_ = extra.Dataset(v.name, v.value)
	}
	_ = extra.Dataset("probe_position_indexes", indexes(p.Index, len(p.Rows)))
	if len(p.Losses) > 0 {
		_ = extra.Dataset("loss_values", p.Losses)
	}
	return f.Close()
}

// image begins an image group of height×width pixels.
func (f *cxiFile) image(name, kind string, height, width int, pixel float64) *hdf5.GroupWriter {
	g := f.entry.Group(name)
	_ = g.Dataset("data_type", kind)
	_ = g.Dataset("data_space", "real")
	_ = g.DatasetWith("image_size", []float64{float64(width) * pixel, float64(height) * pixel, 0}, nil, "units", "m")
	_ = g.Link("source_1", "/entry_1/instrument_1/source_1")
	_ = g.Link("detector_1", "/entry_1/instrument_1/detector_1")
	return g
}

// coordinates returns the positions in m of n pixels, the first at origin.
func coordinates(origin float64, n int, pixel float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = (origin + float64(i)) * pixel
	}
	return out
}
