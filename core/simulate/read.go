package simulate

import (
	"github.com/ptychogo/ptycho/core/scan"
)

// AsRead returns the scan as a reader of its file would.
func (s *Scan) AsRead() *scan.Scan {
	out := &scan.Scan{
		N: s.N, Counts: s.Counts, Rows: s.Rows, Cols: s.Cols, Modes: 1, Split: s.Split,
		Object: s.Object.Complex64(), ObjectHeight: s.Object.H, ObjectWidth: s.Object.W, Probe: make([]complex64, len(s.Probe)),
	}
	for i, v := range s.Probe {
		out.Probe[i] = complex64(v)
	}
	return out
}
