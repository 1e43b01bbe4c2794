package scan

import (
	"math"
	"strings"
	"testing"
)

// sound returns a scan of 100 patterns of 32² in steps of 3 px with a centred probe of 8 px in diameter.
func sound() *Scan {
	s := &Scan{N: 32, Modes: 1, Probe: make([]complex64, 32*32), Counts: make([]float32, 100*32*32)}
	for i := range s.Probe {
		if math.Hypot(float64(i/32-16), float64(i%32-16)) <= 4 {
			s.Probe[i] = 1
		}
	}
	for j := range 100 {
		s.Rows, s.Cols = append(s.Rows, float64(40+3*(j/10))), append(s.Cols, float64(50+3*(j%10)))
		s.Counts[j*32*32+7] = 1000
	}
	return s
}

func scaled(s *Scan, rows, cols float64) {
	for j := range s.Rows {
		s.Rows[j] *= rows
		s.Cols[j] *= cols
	}
}

func rolled(s *Scan, rows, cols int) {
	out := make([]complex64, len(s.Probe))
	for i, p := range s.Probe {
		out[(i/32+rows+64)%32*32+(i%32+cols+64)%32] = p
	}
	s.Probe = out
}

// TestScan_CheckNamesTheFault checks one fault at a time. Unusual but valid scans have none.
func TestScan_CheckNamesTheFault(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Scan)
		want   string // "" is none
	}{
		"sound":                   {func(*Scan) {}, ""},
		"far from the origin":     {func(s *Scan) { s.Rows, s.Cols = moved(s.Rows, 3e6), moved(s.Cols, -1e7) }, ""},
		"a single row":            {func(s *Scan) { scaled(s, 0, 1) }, ""},
		"a dense row":             {func(s *Scan) { scaled(s, 0, 0.2) }, ""},
		"dense":                   {func(s *Scan) { scaled(s, 0.2, 0.2) }, ""},
		"no probe":                {func(s *Scan) { s.Probe = nil }, ""},
		"one pattern":             {func(s *Scan) { s.Rows, s.Cols, s.Counts = s.Rows[:1], s.Cols[:1], s.Counts[:32*32] }, ""},
		"two fields of view":      {func(s *Scan) { copy(s.Rows[60:], moved(s.Rows[60:], 5000)) }, ""},
		"metres":                  {func(s *Scan) { scaled(s, 2e-8, 2e-8) }, "span only 5.4e-07 by 5.4e-07 px and neighbours are 6e-08 px apart, but the probe's diameter is 7.9 px"},
		"millimetres":             {func(s *Scan) { scaled(s, 2e-5, 2e-5) }, "in another unit, such as metres"},
		"micrometres":             {func(s *Scan) { scaled(s, 0.02, 0.02) }, "span only 0.54 by 0.54 px"},
		"one axis in micrometres": {func(s *Scan) { scaled(s, 0.01, 1) }, "span only 0.27 by 27 px"},
		"micrometres, no probe":   {func(s *Scan) { scaled(s, 0.02, 0.02); s.Probe = nil }, "the patterns' window is 32 px wide"},
		"nanometres":              {func(s *Scan) { scaled(s, 20, 20) }, "neighbouring positions are 60 px apart and all span 540 px, but the probe's diameter is 7.9 px"},
		"ångström, no probe":      {func(s *Scan) { scaled(s, 200, 200); s.Probe = nil }, "no two patterns overlap"},
		"all at one place":        {func(s *Scan) { scaled(s, 0, 0) }, "all 100 positions are the same, (0, 0)"},
		"one far away":            {func(s *Scan) { s.Cols[17] = 4e7 }, "1 position is far from the other 99, which span 27 px: pattern 17 at (43, 4e+07) (row, column); correct xcoords and ycoords, or leave it out with --rows 0:17,18:"},
		"one at the origin":       {func(s *Scan) { s.Cols, s.Rows = moved(s.Cols, 1000), moved(s.Rows, 1000); s.Cols[0], s.Rows[0] = 0, 0 }, "pattern 0 at (0, 0) (row, column); correct xcoords and ycoords, or leave it out with --rows 1:"},
		"several far away":        {func(s *Scan) { s.Cols[3], s.Rows[50], s.Rows[99] = -400, 300, 8000 }, "3 positions are far from the other 97, which span 27 px"},
		"far away, of a part":     {func(s *Scan) { s.Cols[3] = 1e5; s.Index = evens(100) }, "pattern 6 at (40, 100000) (row, column); correct xcoords and ycoords, or leave them out with --rows"},
		"probe a quarter off":     {func(s *Scan) { rolled(s, 8, -8) }, "centred at pixel (24.0, 8.0) (row, column) of its 32×32 window instead of (16, 16), which would shift or cut the image; centre it with numpy.roll(probeGuess, (-8, 8), (-2, -1))"},
		"probe cut in two":        {func(s *Scan) { rolled(s, 16, 0) }, "centred at pixel (0.0, 16.0)"},
		"probe a little off":      {func(s *Scan) { rolled(s, 3, -3) }, ""},
		"probe of any place":      {func(s *Scan) { flat(s.Probe) }, ""},
		"empty patterns":          {func(s *Scan) { clear(s.Counts[40*32*32 : 43*32*32]) }, "3 of 100 patterns have no photons, first pattern 40; the median is 1000; leave them out with --rows 0:40,43:"},
		"few photons":             {func(s *Scan) { clear(s.Counts); s.Counts[7], s.Counts[99*32*32] = 3, 2 }, ""},
	} {
		s := sound()
		c.change(s)
		switch err := s.Check(); {
		case err == nil && c.want != "":
			t.Errorf("%s: no fault, want %q", name, c.want)
		case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func moved(p []float64, by float64) []float64 {
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = v + by
	}
	return out
}

func evens(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 2 * i
	}
	return out
}

func flat(p []complex64) {
	for i := range p {
		p[i] = 1
	}
}

// TestProbeAtCorner_KnowsAllFour moves the probe to each corner of its window.
func TestProbeAtCorner_KnowsAllFour(t *testing.T) {
	for _, c := range []struct {
		rows, cols int
		want       bool
	}{{0, 0, false}, {16, 16, true}, {15, 15, true}, {-15, 16, true}, {17, 14, true}, {16, 0, false}, {8, 8, false}} {
		s := sound()
		rolled(s, c.rows, c.cols)
		if got := ProbeAtCorner(s.Probe, s.N); got != c.want {
			t.Errorf("moved by (%d, %d): %v, want %v", c.rows, c.cols, got, c.want)
		}
	}
}

// TestLeaveOut_SelectsTheOthers reads the selection back.
func TestLeaveOut_SelectsTheOthers(t *testing.T) {
	for _, bad := range [][]int{{0}, {9}, {0, 1, 2}, {3, 4, 8}, {0, 9}} {
		rows, err := ParseRows(allBut(bad), nil, 10)
		if err != nil || len(rows) != 10-len(bad) {
			t.Errorf("all but %v: %q selects %v, %v", bad, allBut(bad), rows, err)
		}
	}
}
