package dataset

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// Frames of lopsidedHeight×lopsidedWidth pixels are neither square nor the same in any direction; the largest square begins at
// row lopsidedTop.
const lopsidedFrames, lopsidedHeight, lopsidedWidth, lopsidedTop = 4, 40, 36, 2

// frameAt is the number of a pixel of the file, darkAt and flatAt are those of a dark frame and a flat field, whose mean is 2.
func frameAt(p, y, x int) float64 {
	if (y-17)*(y-17)+(x-13)*(x-13) < 5 { // the beam
		return float64(4000 + 10*p + y)
	}
	return float64(1 + 3*y + 2*x + y*x%11 + 10*p)
}
func darkAt(y, x int) float64 { return float64((y + 2*x) % 5) }
func flatAt(y, x int) float64 {
	if x%2 == 0 {
		return 2 + float64(y%2)
	}
	return 2 - float64(y%2)
}

// badAt reports whether the mask of the file hides a pixel.
func badAt(y, x int) bool { return y == 20 && x == 7 || y == 9 && x == 30 }

// lopsided writes the scan.
func lopsided(t *testing.T) string {
	t.Helper()
	const h, w = lopsidedHeight, lopsidedWidth
	frames, dark, flat, bad := make([]uint16, lopsidedFrames*h*w), make([]float64, h*w), make([]float64, h*w), make([]uint8, h*w)
	for i := range frames {
		frames[i] = uint16(frameAt(i/(h*w), i%(h*w)/w, i%w))
	}
	for i := range dark {
		dark[i], flat[i] = darkAt(i/w, i%w), flatAt(i/w, i%w)
		if badAt(i/w, i%w) {
			bad[i] = 1
		}
	}
	y, x := []float64{3, 1, 8, 2}, []float64{5, 4, 9, 16}
	return fixture.Write(t, "scan.npz", fixture.NPZ(t, false, fixture.Raw("intensity", frames, lopsidedFrames, h, w), fixture.Raw("ycoords", y, 4), fixture.Raw("xcoords", x, 4),
		fixture.Raw("dark", dark, h, w), fixture.Raw("flat", flat, h, w), fixture.Raw("hidden", bad, h, w)))
}

// A preparedAs is what flags must make of the scan: counts and hidden pixels of patterns of N×N pixels by the pixel (y, x), without the flags'
// own code, and the positions (y, x) of the third frame, of the smallest 0.
type preparedAs struct {
	flags  string
	n      int // side of the patterns
	wide   int // the same in detector pixels
	counts func(p, y, x int) float64
	hidden func(y, x int) bool
	third  [2]float64
}

// preparations has a case for each flag in which a wrong order, sign, direction, axis or polarity changes numbers.
func preparations() []preparedAs {
	const h, w, top, n = lopsidedHeight, lopsidedWidth, lopsidedTop, lopsidedWidth
	whole := func(p, y, x int) float64 { return frameAt(p, y+top, x) }
	none := func(int, int) bool { return false }
	masked := func(y, x int) bool { return badAt(y+top, x) }
	pad := func(y, x int) bool { return y < 4 || x < 4 || y >= n+4 || x >= n+4 }
	place, crop := [2]float64{7, 5}, [2]float64{3.5, 2.5}
	return []preparedAs{
		{"", n, n, whole, none, place},
		{"dark=/dark", n, n, func(p, y, x int) float64 { return max(0, whole(p, y, x)-darkAt(y+top, x)) }, none, place},
		{"flat=/flat", n, n, func(p, y, x int) float64 { return whole(p, y, x) / (flatAt(y+top, x) / 2) }, none, place},
		{"offset=-1.5", n, n, func(p, y, x int) float64 { return whole(p, y, x) + 1.5 }, none, place},
		{"gain=4", n, n, func(p, y, x int) float64 { return whole(p, y, x) / 4 }, none, place},
		{"gain=4 flat=/flat offset=3 dark=/dark", n, n, func(p, y, x int) float64 {
			return max(0, whole(p, y, x)-darkAt(y+top, x)-3) / (flatAt(y+top, x) / 2) / 4
		}, none, place},
		{"mask=/hidden mask-polarity=bad", n, n, whole, masked, place},
		{"mask=/dark mask-polarity=good", n, n, whole, func(y, x int) bool { return darkAt(y+top, x) == 0 }, place},
		{"hot-pixels=20,7;9,30", n, n, whole, masked, place},
		{"patterns=exchange", n, n, func(p, y, x int) float64 { return frameAt(p, x+top, y) }, none, place},
		{"patterns=flip-rows", n, n, func(p, y, x int) float64 { return frameAt(p, h-1-(y+top), x) }, none, place},
		{"patterns=flip-columns", n, n, func(p, y, x int) float64 { return frameAt(p, y+top, w-1-x) }, none, place},
		{"patterns=exchange,flip-rows mask=/hidden mask-polarity=bad", n, n, func(p, y, x int) float64 { return frameAt(p, x+top, w-1-y) },
			func(y, x int) bool { return badAt(x+top, w-1-y) }, place},
		{"zero-frequency=corner", n, n, func(p, y, x int) float64 { return frameAt(p, (y+top+h/2)%h, (x+w/2)%w) }, none, place},
		{"centre=18,12 crop=18", 18, 18, func(p, y, x int) float64 { return frameAt(p, y+18-9, x+12-9) }, none, crop},
		{"centre=auto crop=18", 18, 18, func(p, y, x int) float64 { return frameAt(p, y+17-9, x+13-9) }, none, crop},
		{"patterns=flip-rows centre=18,12 crop=18", 18, 18, func(p, y, x int) float64 { return frameAt(p, h-1-(y+(h-1-18)-9), x+12-9) }, none, crop},
		{"patterns=exchange,flip-rows centre=18,12 crop=18", 18, 18, func(p, y, x int) float64 { return frameAt(p, x+18-9, w-1-(y+(w-1-12)-9)) }, none, crop},
		{"crop=18", 18, 18, func(p, y, x int) float64 { return frameAt(p, y+20-9, x+18-9) }, none, crop},
		{"bin=2 mask=/hidden mask-polarity=bad", 18, n, func(p, y, x int) float64 {
			return whole(p, 2*y, 2*x) + whole(p, 2*y, 2*x+1) + whole(p, 2*y+1, 2*x) + whole(p, 2*y+1, 2*x+1)
		}, func(y, x int) bool {
			return masked(2*y, 2*x) || masked(2*y, 2*x+1) || masked(2*y+1, 2*x) || masked(2*y+1, 2*x+1)
		}, place},
		{"pad=44", 44, 44, func(p, y, x int) float64 { return whole(p, y-4, x-4) }, pad, [2]float64{7 * 44. / 36, 5 * 44. / 36}},
		{"positions=exchange", n, n, whole, none, [2]float64{5, 7}},
		{"positions=flip-rows", n, n, whole, none, [2]float64{0, 5}},
		{"positions=flip-columns", n, n, whole, none, [2]float64{7, 7}},
		{"positions=exchange,flip-rows", n, n, whole, none, [2]float64{7, 7}},
	}
}

// TestSource_PreparesAsDocumented reads a lopsided scan with each flag that changes patterns or positions, by the reader of npz archives and
// by that of all other files.
func TestSource_PreparesAsDocumented(t *testing.T) {
	path := lopsided(t)
	others := map[string]string{"data-path": "/intensity", "y-path": "/ycoords", "x-path": "/xcoords", "position-units": "nm"}
	for _, c := range preparations() {
		given := map[string]string{}
		for flag := range strings.FieldsSeq(c.flags) {
			name, value, _ := strings.Cut(flag, "=")
			given[name] = value
		}
		for _, more := range []map[string]string{nil, others} {
			all := maps.Clone(given)
			maps.Copy(all, more)
			if more != nil {
				all["pixel-size"] = fmt.Sprintf("%.16gnm", float64(lopsidedWidth)/float64(c.wide)) // the positions are numbers of nm
			}
			settings, err := config.ScanFlags(all)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Source{Path: path, Scan: settings, Unchecked: true}.Read(t.Context(), nil)
			if err != nil {
				t.Errorf("%s %s: %v", c.flags, more, err)
				continue
			}
			if fault := c.differs(s); fault != "" {
				t.Errorf("%s (of other files: %v): %s", c.flags, more != nil, fault)
			}
		}
	}
}

// differs says what of a scan is not as the flags must make it, "" if all is.
func (c preparedAs) differs(s *scan.Scan) string {
	if s.N != c.n || s.Len() != lopsidedFrames {
		return "another shape"
	}
	for p := range lopsidedFrames {
		for i, got := range s.Pattern(p) {
			y, x := i/c.n, i%c.n
			hidden := c.hidden(y, x)
			if isHidden := s.Mask != nil && s.Mask[i] == 0; isHidden != hidden {
				return "another mask"
			}
			if want := c.counts(p, y, x); !hidden && math.Abs(float64(got)-want) > 1e-4*(1+want) || hidden && got != 0 {
				return "other counts"
			}
		}
	}
	if y, x := s.Rows[2]-slices.Min(s.Rows), s.Cols[2]-slices.Min(s.Cols); math.Abs(y-c.third[0]) > 1e-6 || math.Abs(x-c.third[1]) > 1e-6 {
		return "other positions"
	}
	return ""
}
