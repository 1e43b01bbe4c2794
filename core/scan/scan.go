// Package scan represents a ptychography scan, that is far-field diffraction patterns with their positions, the
// selection of its rows, and the grouping of overlapping patterns.
//
// Coordinates are (row y, column x) in object pixels of the file's frame. A position is the centre of its patch, pixel
// (N/2, N/2).
package scan

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/tensor"
)

// Scan is a set of diffraction patterns in photon counts. The slices are shared, not copied; treat them as read-only.
type Scan struct {
	Source string // path of the file; "" if none
	Format string // of the file, such as npz or CXI; "" if none
	N      int    // side of a pattern in pixels

	// The patterns [n, N, N], row-major photon counts, DC at [N/2, N/2], are in memory or in a file. Pattern and All read both.
	Counts []float32       // nil with Stored
	Stored *StoredPatterns // nil with Counts

	Rows []float64 // [n] patch centre y in object pixels
	Cols []float64 // [n] patch centre x in object pixels

	Probe []complex64 // [Modes, N, N]; nil if the file has none
	Modes int

	Object       []complex64 // [ObjectHeight, ObjectWidth] truth or reference; nil if the file has none
	ObjectHeight int
	ObjectWidth  int

	Mask  []uint8 // [N, N] 1 for a valid detector pixel, 0 for a bad one; nil: all valid
	Split []uint8 // [n] part of the data that a pattern belongs to; nil if unknown
	Index []int   // [n] row of each pattern in the file, ascending

	PixelSize float64  // metres per object pixel; 0 if unknown
	Geometry  Geometry // of the experiment
	Metadata  string   // JSON text of the file; "" if none
	Notes     []string // decisions during reading, with reasons, one sentence each
}

// Geometry is what makes an object pixel λz/(N·p) of a detector pixel. Lengths are in metres, 0 if unknown.
type Geometry struct {
	Wavelength    float64 // λ
	Distance      float64 // z, from the sample to the detector
	DetectorPixel float64 // p, side of a detector pixel
}

// Known reports whether all three are known.
func (g Geometry) Known() bool { return g.Wavelength > 0 && g.Distance > 0 && g.DetectorPixel > 0 }

// ObjectPixel returns λz/(N·p), or 0 if it is unknown.
func (g Geometry) ObjectPixel(n int) float64 {
	if !g.Known() || n < 1 {
		return 0
	}
	return g.Wavelength * g.Distance / (float64(n) * g.DetectorPixel)
}

// Len returns the number of patterns.
func (s *Scan) Len() int { return len(s.Rows) }

// Select returns the scan of the given patterns (indices in this scan, not in the file), in the given order. Patterns
// are copied; shared data is not.
func (s *Scan) Select(rows []int) (*Scan, error) {
	out, err := s.only(rows)
	if err != nil {
		return nil, err
	}
	size := s.N * s.N
	out.Counts, out.Stored = make([]float32, len(rows)*size), nil
	for i, r := range rows {
		s.Fill(out.Counts[i*size:(i+1)*size], r)
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// Part is Select, which leaves stored patterns in their file.
func (s *Scan) Part(rows []int) (*Scan, error) {
	if s.Stored == nil {
		return s.Select(rows)
	}
	out, err := s.only(rows)
	if err != nil {
		return nil, err
	}
	out.Stored = s.Stored.Part(rows)
	return out, nil
}

// only returns the scan with the positions and numbers of the given patterns, and all counts.
func (s *Scan) only(rows []int) (*Scan, error) {
	for _, r := range rows {
		if r < 0 || r >= s.Len() {
			return nil, fmt.Errorf("scan: select: pattern %d does not exist, the scan has %d", r, s.Len())
		}
	}
	out := *s
	out.Notes = slices.Clone(s.Notes)
	out.Rows, out.Cols = pick(s.Rows, rows), pick(s.Cols, rows)
	out.Split, out.Index = pick(s.Split, rows), pick(s.Index, rows)
	return &out, nil
}

func pick[T any](from []T, rows []int) []T {
	if from == nil {
		return nil
	}
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

// FileRows returns the rows of these patterns in the scan's file.
func (s *Scan) FileRows(patterns []int) []int {
	out := make([]int, len(patterns))
	for i, p := range patterns {
		out[i] = s.Index[p]
	}
	return out
}

// Validate checks shapes and values. Its error names the first wrong pattern and pixel.
func (s *Scan) Validate() error {
	n := s.Len()
	switch {
	case s.N < 1:
		return fmt.Errorf("scan: the side of the patterns is %d, want at least 1", s.N)
	case n == 0:
		return fmt.Errorf("scan: no patterns")
	case len(s.Cols) != n:
		return fmt.Errorf("scan: %d row coordinates but %d column coordinates", n, len(s.Cols))
	case s.Stored != nil && (s.Counts != nil || s.Stored.Len() != n || s.Stored.Pixels() != s.N*s.N):
		return fmt.Errorf("scan: %d stored patterns of %d pixels do not fit %d patterns of %d×%d", s.Stored.Len(), s.Stored.Pixels(), n, s.N, s.N)
	case s.Stored == nil && len(s.Counts) != n*s.N*s.N:
		return fmt.Errorf("scan: %d counts do not fit %d patterns of %d×%d", len(s.Counts), n, s.N, s.N)
	case s.Split != nil && len(s.Split) != n:
		return fmt.Errorf("scan: split has %d entries for %d patterns", len(s.Split), n)
	case s.Index != nil && len(s.Index) != n:
		return fmt.Errorf("scan: index has %d entries for %d patterns", len(s.Index), n)
	case s.Mask != nil && len(s.Mask) != s.N*s.N:
		return fmt.Errorf("scan: a mask of %d pixels does not fit patterns of %d×%d", len(s.Mask), s.N, s.N)
	case s.Probe != nil && (s.Modes < 1 || len(s.Probe) != s.Modes*s.N*s.N):
		return fmt.Errorf("scan: a probe of %d values does not fit %d modes of %d×%d", len(s.Probe), s.Modes, s.N, s.N)
	case s.Object != nil && (s.ObjectHeight < 1 || s.ObjectWidth < 1 || len(s.Object) != s.ObjectHeight*s.ObjectWidth):
		return fmt.Errorf("scan: an object of %d values does not fit %d×%d pixels", len(s.Object), s.ObjectHeight, s.ObjectWidth)
	}
	for i := range n {
		if !finite(s.Rows[i]) || !finite(s.Cols[i]) {
			return fmt.Errorf("scan: %s: position (%v, %v) (row, column) is not finite", s.name(i), s.Rows[i], s.Cols[i])
		}
	}
	for i, pattern := range s.All() {
		if s.Stored != nil && s.Stored.DType() != tensor.Float32 {
			break // integers are valid
		}
		for pixel, k := range pattern {
			// A bad detector pixel may have any value that a mask hides, except NaN: 0·NaN is NaN in every loss.
			if !(k >= 0) || k > math.MaxFloat32 {
				return fmt.Errorf("scan: %s, pixel (%d, %d) (row, column): count is %v, want a finite number, at least 0",
					s.name(i), pixel/s.N, pixel%s.N, k)
			}
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	for i, m := range s.Mask {
		if m > 1 {
			return fmt.Errorf("scan: mask pixel (%d, %d) (row, column) is %d, want 1 (valid) or 0 (bad)", i/s.N, i%s.N, m)
		}
	}
	if i := firstNonFinite(s.Probe); i >= 0 {
		return fmt.Errorf("scan: probe mode %d, pixel (%d, %d) (row, column) is %v",
			i/(s.N*s.N), i%(s.N*s.N)/s.N, i%s.N, s.Probe[i])
	}
	if i := firstNonFinite(s.Object); i >= 0 {
		return fmt.Errorf("scan: object pixel (%d, %d) (row, column) is %v", i/s.ObjectWidth, i%s.ObjectWidth, s.Object[i])
	}
	return nil
}

// name names pattern i, with its row in the file if that differs.
func (s *Scan) name(i int) string {
	if s.Index != nil && s.Index[i] != i {
		return fmt.Sprintf("pattern %d (row %d of the file)", i, s.Index[i])
	}
	return fmt.Sprintf("pattern %d", i)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func firstNonFinite(values []complex64) int {
	for i, v := range values {
		if !finite(float64(real(v))) || !finite(float64(imag(v))) {
			return i
		}
	}
	return -1
}

// Statistics describes the data of a scan.
type Statistics struct {
	Patterns         int     `json:"patterns"`
	N                int     `json:"n"`
	CountsPerPattern float64 `json:"counts_per_pattern"` // mean photons in a pattern
	FewestCounts     float64 `json:"fewest_counts"`      // photons in the darkest pattern
	MostCounts       float64 `json:"most_counts"`        // photons in the brightest pattern
	MaxCount         float64 `json:"max_count"`          // brightest pixel
	DarkFraction     float64 `json:"dark_fraction"`      // share of pixels without a photon
	Fingerprint      string  `json:"fingerprint"`        // see Fingerprint
}

// Statistics reads all patterns once. It skips masked pixels.
func (s *Scan) Statistics() Statistics {
	st := Statistics{Patterns: s.Len(), N: s.N, Fingerprint: s.Fingerprint()}
	if s.Len() == 0 {
		return st
	}
	st.FewestCounts = math.Inf(1)
	dark, pixels, all := 0, 0, 0.0
	for _, pattern := range s.All() {
		total := 0.0
		for j, k := range pattern {
			if s.Mask != nil && s.Mask[j] == 0 {
				continue
			}
			pixels++
			if k == 0 {
				dark++
			}
			total += float64(k)
			st.MaxCount = max(st.MaxCount, float64(k))
		}
		all += total
		st.FewestCounts, st.MostCounts = min(st.FewestCounts, total), max(st.MostCounts, total)
	}
	st.CountsPerPattern = all / float64(s.Len())
	if pixels > 0 {
		st.DarkFraction = float64(dark) / float64(pixels)
	}
	return st
}

// Fingerprint returns the SHA-256, in hexadecimal, of side, counts, positions and mask: the identity of the data in a
// run. It does not depend on the file's name or form, or on the machine's byte order.
func (s *Scan) Fingerprint() string {
	id, _ := s.FingerprintUntil(context.Background())
	return id
}

// FingerprintUntil is Fingerprint, which stops at the end of ctx with its cause.
func (s *Scan) FingerprintUntil(ctx context.Context) (string, error) {
	h := sha256.New()
	buf := make([]byte, 0, 1<<16)
	flush := func() {
		h.Write(buf)
		buf = buf[:0]
	}
	word := func(v uint64) {
		if buf = binary.LittleEndian.AppendUint64(buf, v); len(buf) > 1<<16-8 {
			flush()
		}
	}
	word(uint64(s.Len()))
	word(uint64(s.N))
	flush()
	for _, pattern := range s.All() {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if little {
			h.Write(tensor.Must(pattern, len(pattern)).Bytes())
			continue
		}
		for _, k := range pattern {
			if buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(k)); len(buf) > 1<<16-8 {
				flush()
			}
		}
	}
	for _, positions := range [][]float64{s.Rows, s.Cols} {
		for _, v := range positions {
			word(math.Float64bits(v))
		}
	}
	flush()
	h.Write(s.Mask)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// little reports that this machine stores the lowest byte of a number first.
var little = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Whole reports whether all counts are whole numbers below 2³⁰.
func (s *Scan) Whole() bool {
	for _, pattern := range s.All() {
		for _, k := range pattern {
			if k != float32(int32(min(k, 1<<30))) || k >= 1<<30 {
				return false
			}
		}
	}
	return true
}
