package format

import (
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/tensor"
)

// place says where an archive has the patterns of the given rows as they are used; nil where it does not. A masked pixel, and values that prove
// to be amplitudes, are found when the patterns are compared with the file.
func (d *Description) place(rows []int, c *converter) *scan.Place {
	dtype, ok := map[string]tensor.DType{"|u1": tensor.Uint8, "<u2": tensor.Uint16, "<f4": tensor.Float32}[d.patterns.Element().String()]
	if !ok || c.units != Counts && c.units != Auto || c.raw || !d.patterns.Seekable() || d.arranges() || axesOf(d) != [3]axis{patternAxis, rowAxis, columnAxis} || !scan.Consecutive(rows) {
		return nil
	}
	return &scan.Place{File: d.Path, Offset: d.patterns.Offset() + int64(rows[0])*int64(d.frame()*dtype.Size()), DType: dtype}
}
