package scan

import "testing"

func TestZeroAtCorner_Detected(t *testing.T) {
	const n = 16
	for name, c := range map[string]struct {
		y, x int // where the beam is
		beam float32
		want bool
	}{
		"in the middle":          {n / 2, n / 2, 1000, false},
		"off the middle":         {n/2 + 3, n/2 - 2, 1000, false},
		"at the corner":          {0, 0, 1000, true},
		"just over the edge":     {n - 1, 1, 1000, true},
		"at an edge":             {0, n / 2, 1000, false},
		"no beam":                {0, 0, 0, false},
		"too weak to be certain": {0, 0, 40, false},
	} {
		s := &Scan{N: n, Rows: make([]float64, 3), Cols: make([]float64, 3), Counts: make([]float32, 3*n*n)}
		for i := range s.Counts {
			s.Counts[i] = 1
		}
		for j := range 3 {
			s.Pattern(j)[c.y*n+c.x] += c.beam
		}
		if got := s.ZeroAtCorner(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
