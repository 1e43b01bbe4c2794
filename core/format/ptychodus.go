package format

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/core/raster"
)

// shape is a short name for the shape of an array.
type shape = []uint64

func extent(n ...int) shape {
	out := make(shape, len(n))
	for i, v := range n {
		out[i] = uint64(v)
	}
	return out
}

// WriteProduct writes a product of Ptychodus: root attributes; the probe [coherent, incoherent, rows, columns]; the object [layers,
// rows, columns] with its centre and pixel in m; positions in m. An energy or a distance that is not known is 0, as in its own files.
func WriteProduct(w io.WriterAt, p *Product) error {
	f := hdf5.NewWriter(w)
	root := f.Root()
	energy := physics.PhotonEnergy(p.Geometry.Wavelength) / physics.ElectronVolt
	for _, a := range []struct {
		name  string
		value any
	}{
		{"name", p.Source}, {"comments", p.title()},
		{"detector_object_distance_m", p.Geometry.Distance},
		{"photon_energy_eV", energy}, {"probe_energy_eV", energy}, // the newer and the older name
		{"probe_photon_count", p.Photons}, {"exposure_time_s", 0.0},
		{"mass_attenuation_m2_per_kg", 0.0}, {"mass_attenuation_m2_kg", 0.0},
		{"tomography_angle_deg", 0.0}, {"tilt_angle_deg", 0.0}, {"focus_object_distance_m", 0.0}, {"far_field", true},
	} {
		_ = root.SetAttribute(a.name, a.value) // Close returns the first error
	}
	_ = root.SetAttribute(acquisition.OriginAttribute, []float64{0, 0})
	p.note(root)
	_ = root.Dataset("probe_position_indexes", indexes(p.Index, len(p.Rows)))
	_ = root.Dataset("probe_position_x_m", metres(p.Cols, p.PixelSize))
	_ = root.Dataset("probe_position_y_m", metres(p.Rows, p.PixelSize))
	if p.Probe != nil {
		_ = root.DatasetWith("probe", p.Probe, extent(1, p.Modes, p.N, p.N), "pixel_width_m", p.PixelSize, "pixel_height_m", p.PixelSize)
	}
	y, x := p.centre()
	_ = root.DatasetWith("object", p.Object, extent(1, p.Height, p.Width),
		"pixel_width_m", p.PixelSize, "pixel_height_m", p.PixelSize, "center_x_m", x, "center_y_m", y)
	_ = root.Dataset("object_layer_spacing_m", []float64{}) // between layers: there is one
	epochs := make([]int64, len(p.Losses))
	for i := range epochs {
		epochs[i] = int64(i)
	}
	_ = root.Dataset("loss_epochs", epochs)
	_ = root.Dataset("loss_values", p.Losses)
	return f.Close()
}

// centre returns the position in m of the middle of the object. Pixel (0, 0) is at Origin, and a probe position is that of pixel N/2
// of its patch; Ptychodus has the middle of the probe there, between the pixels N/2 − 1 and N/2, and measures from the object's.
func (p *Product) centre() (y, x float64) {
	return (p.Origin[0] + float64(p.Height)/2) * p.PixelSize, (p.Origin[1] + float64(p.Width)/2) * p.PixelSize
}

// note writes how the file came about into attributes, and the report into a dataset with attributes of its own.
func (p Provenance) note(g *hdf5.GroupWriter, ofReport ...any) {
	for _, a := range p.fields() {
		_ = g.SetAttribute("ptycho_"+a[0], a[1])
	}
	_ = g.DatasetWith("ptycho_report", p.Report, nil, ofReport...) // it may be longer than an attribute
}

// WriteDiffraction writes the patterns of a scan as a diffraction file of Ptychodus.
func WriteDiffraction(w io.WriterAt, s *Export) error {
	f := hdf5.NewWriter(w)
	root := f.Root()
	if err := s.writePatterns(root, "patterns", "detector_pixel_width_m", s.Geometry.DetectorPixel, "detector_pixel_height_m", s.Geometry.DetectorPixel); err != nil {
		return err
	}
	_ = root.Dataset("indexes", indexes(s.Index, len(s.Rows)))
	mask, from := s.After()
	bad := make([]bool, s.N*s.N)
	for i, m := range mask {
		bad[i] = m == 0
	}
	_ = root.Dataset("bad_pixels", bad, uint64(s.N), uint64(s.N))
	from.note(root)
	return f.Close()
}

// Blank returns the product of a scan without a reconstruction, with which Ptychodus begins: the object is 1 wherever a pattern reaches.
// The error is that of CheckBlank.
func (s *Export) Blank(from Provenance) (*Product, error) {
	p := &Product{Probe: s.Probe, Modes: s.Modes, N: s.N, Rows: s.Rows, Cols: s.Cols, Index: s.Index, PixelSize: s.PixelSize, Geometry: s.Geometry, Provenance: from}
	var err error
	if p.Origin, p.Height, p.Width, err = s.reach(); err != nil {
		return nil, err
	}
	p.Object = make([]complex64, p.Height*p.Width)
	for i := range p.Object {
		p.Object[i] = 1
	}
	return p, nil
}

// CheckBlank returns an error if the patterns are too far from each other for the object of Blank.
func (s *Export) CheckBlank() error {
	_, _, _, err := s.reach()
	return err
}

// reach returns the part of the object that the patterns reach: its place and its size in pixels.
func (s *Export) reach() (origin [2]float64, height, width int, err error) {
	side := func(at []float64) (low, side float64) {
		low, high := slices.Min(at), slices.Max(at)
		return math.Floor(low) - float64(s.N/2), math.Ceil(high) - math.Floor(low) + float64(s.N)
	}
	y, h := side(s.Rows)
	x, w := side(s.Cols)
	if !(h*w <= raster.MaxPixels) {
		return origin, 0, 0, fmt.Errorf("the positions span an object of %.4g×%.4g pixels (rows×columns), more than %d: leave patterns that are far from the others out with --rows, or correct the unit of the positions", h, w, raster.MaxPixels)
	}
	return [2]float64{y, x}, int(h), int(w), nil
}
