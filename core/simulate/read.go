package simulate

import (
	"github.com/ptychogo/ptycho/core/scan"
)

// AsRead returns the scan as a reader of its file would, with the faults of probe and positions.
func (s *Scan) AsRead() *scan.Scan {
	rows, cols := s.given()
	out := &scan.Scan{
		N: s.N, Counts: s.Counts, Rows: rows, Cols: cols, Modes: 1, Split: s.Split,
		Object: s.Object.Complex64(), ObjectHeight: s.Object.H, ObjectWidth: s.Object.W, Probe: make([]complex64, len(s.Probe)),
	}
	for i, v := range s.givenProbe() {
		out.Probe[i] = complex64(v)
	}
	return out
}
