package format

import (
	"io"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
)

// WritePtyd writes a scan as prepared data of ptypy: the patterns in one chunk with their positions [n, 2] in m (row, column), and in meta the
// energy in keV, the distance and the side of a detector pixel in m, and the weights of the detector's pixels, 1 for a valid one. Every node
// has the attribute "type" by which ptypy reads it. The file has no place for a probe.
func WritePtyd(w io.WriterAt, s *Export) error {
	const array, scalar, dict, text = "array", "scalar", "dict", "string" // types of ptypy
	f := hdf5.NewWriter(w)
	root := f.Root()
	group := func(in *hdf5.GroupWriter, name string) *hdf5.GroupWriter {
		g := in.Group(name)
		_ = g.SetAttribute("type", dict) // Close returns the first error
		return g
	}
	chunk := group(group(root, "chunks"), "0")
	if err := s.writePatterns(chunk, "data", "type", array); err != nil {
		return err
	}
	positions := make([]float64, 0, 2*len(s.Rows))
	for i := range s.Rows {
		positions = append(positions, s.Rows[i]*s.PixelSize, s.Cols[i]*s.PixelSize)
	}
	n := len(s.Rows)
	_ = chunk.DatasetWith("positions", positions, extent(n, 2), "type", array, acquisition.OriginAttribute, []float64{0, 0})
	_ = chunk.DatasetWith("indices", indexes(nil, n), extent(n), "type", array)
	mask, from := s.After()
	meta := group(root, "meta")
	for _, v := range []struct {
		name  string
		value any
	}{
		{"energy", physics.PhotonEnergy(s.Geometry.Wavelength) / physics.ElectronVolt / 1e3}, // keV
		{"distance", s.Geometry.Distance}, {"num_frames", int64(n)},
	} {
		_ = meta.DatasetWith(v.name, v.value, nil, "type", scalar)
	}
	side, half := int64(s.N), float64(s.N/2)
	_ = meta.DatasetWith("psize", []float64{s.Geometry.DetectorPixel, s.Geometry.DetectorPixel}, extent(2), "type", array)
	_ = meta.DatasetWith("shape", []int64{side, side}, extent(2), "type", array)
	_ = meta.DatasetWith("center", []float64{half, half}, extent(2), "type", array) // of the beam: the zero frequency
	weights := make([]float32, s.N*s.N)
	for i := range weights {
		if mask == nil || mask[i] != 0 {
			weights[i] = 1
		}
	}
	_ = meta.DatasetWith("weight2d", weights, extent(s.N, s.N), "type", array)
	from.note(root, "type", text)
	return f.Close()
}
