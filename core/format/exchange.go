package format

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/scan"
)

// A Product is a reconstruction with the probe and the positions that belong to it.
type Product struct {
	Object        []complex64 // [Height, Width]
	Height, Width int
	Coverage      []float32  // [Height, Width]; nil if unknown
	Origin        [2]float64 // (row, column) in object pixels: the scan coordinate of pixel (0, 0), as in raster.Stitched

	Probe      []complex64 // [Modes, N, N]
	Modes, N   int
	Rows, Cols []float64 // [n] patch centres, object pixels
	Index      []int     // [n] row of each pattern in the scan's file

	PixelSize float64 // m, of the object
	Geometry  scan.Geometry
	Photons   float64   // mean counts of a pattern; 0 if unknown
	Losses    []float64 // of each iteration; nil if there are none
	Provenance
}

// Provenance says how a file came about.
type Provenance struct {
	Version string // of ptycho
	Command string // the command that wrote the file
	Source  string // name of the scan's file; see SourceName
	Digest  string // scan.Scan.Fingerprint; "" if unknown
	Report  string // JSON: settings and results
}

// SourceName returns the name of a file as text: names may have bytes that are not UTF-8.
func SourceName(path string) string { return strings.ToValidUTF8(filepath.Base(path), "\ufffd") }

// program names the program that wrote a file, in the file.
const program = "ptycho"

// title says in a few words what the file is.
func (p Provenance) title() string {
	return fmt.Sprintf("%s, by %s %s %s", p.Source, program, p.Version, p.Command)
}

// fields returns the short fields that are known, with their names.
func (p Provenance) fields() [][2]string {
	all := [][2]string{{"program", program}, {"version", p.Version}, {"command", p.Command}, {"source", p.Source}}
	if p.Digest != "" {
		all = append(all, [2]string{"source_digest", p.Digest})
	}
	return all
}

// Wrote reports whether a file is an HDF5 file of this package.
func Wrote(path string) bool {
	f, err := hdf5.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if d, err := f.Dataset("/entry_1/process_1/program"); err == nil && d.Len() == 1 {
		name, err := d.Strings()
		return err == nil && name[0] == program
	}
	root, err := f.Group("/")
	if err != nil {
		return false
	}
	all, err := root.Attributes()
	return err == nil && slices.ContainsFunc(all, func(a hdf5.Attribute) bool { return a.Name == "ptycho_program" })
}

// metres returns positions in object pixels times the size of a pixel.
func metres(pixels []float64, size float64) []float64 {
	out := make([]float64, len(pixels))
	for i, v := range pixels {
		out[i] = v * size
	}
	return out
}

// indexes returns the rows of patterns as they are stored.
func indexes(rows []int, n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
		if rows != nil {
			out[i] = int64(rows[i])
		}
	}
	return out
}
