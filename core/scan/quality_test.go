package scan

import (
	"math"
	"reflect"
	"testing"
)

// lit returns a scan with a smooth centred beam, 40 patterns of 16².
func lit() *Scan {
	s := &Scan{N: 16}
	for j := range 40 {
		s.Rows, s.Cols = append(s.Rows, float64(3*(j/8))), append(s.Cols, float64(3*(j%8)))
		for i := range s.N * s.N {
			y, x := float64(i/s.N-8), float64(i%s.N-8)
			s.Counts = append(s.Counts, float32(math.Round(200*math.Exp(-(y*y+x*x)/12))+float64((i+j)%2)))
		}
	}
	return s
}

func TestQuality_GoodScan(t *testing.T) {
	q, _ := lit().Quality(t.Context())
	if len(q.DeadPixels) > 0 || len(q.HotPixels) > 0 || q.Saturated || q.Duplicates > 0 || q.CountUnit != 1 {
		t.Errorf("%+v", q)
	}
	if math.Hypot(q.BeamCentre[0], q.BeamCentre[1]) > 0.1 || q.Step != 3 || math.Abs(q.Background-0.5) > 0.2 {
		t.Errorf("beam centre %v, step %v, background %v; want 0, 3, about 0.5", q.BeamCentre, q.Step, q.Background)
	}
}

func TestQuality_FindsEachFlaw(t *testing.T) {
	pixel := func(s *Scan, at int, to float32) {
		for j := range s.Len() {
			s.Counts[j*s.N*s.N+at] = to
		}
	}
	s := lit()
	pixel(s, 8*16+7, 0)
	pixel(s, 1*16+1, 500)
	q, _ := s.Quality(t.Context())
	if !reflect.DeepEqual(q.DeadPixels, [][2]int{{8, 7}}) || !reflect.DeepEqual(q.HotPixels, [][2]int{{1, 1}}) {
		t.Errorf("dead %v, hot %v; want (8, 7) and (1, 1)", q.DeadPixels, q.HotPixels)
	}
	s.Mask = make([]uint8, 256)
	for i := range s.Mask {
		s.Mask[i] = 1
	}
	s.Mask[8*16+7], s.Mask[17] = 0, 0
	if q, _ := s.Quality(t.Context()); len(q.DeadPixels)+len(q.HotPixels) > 0 {
		t.Errorf("masked pixels are reported: %v %v", q.DeadPixels, q.HotPixels)
	}

	s = lit()
	for i, k := range s.Counts {
		s.Counts[i] = 4 * min(k, 120)
	}
	s.Rows[5], s.Cols[5] = s.Rows[4], s.Cols[4]
	if q, _ := s.Quality(t.Context()); !q.Saturated || q.Duplicates != 1 || q.CountUnit != 4 {
		t.Errorf("saturated %v, duplicates %d, unit %d; want true, 1, 4", q.Saturated, q.Duplicates, q.CountUnit)
	}
	s.Counts[0] = 0.5
	if q, _ := s.Quality(t.Context()); q.CountUnit != 0 {
		t.Errorf("counts that are not whole have the unit %d", q.CountUnit)
	}

	s = lit()
	moved := make([]float32, len(s.Counts))
	for i := range moved {
		if y := i / 16 % 16; y >= 2 {
			moved[i] = s.Counts[i-32]
		}
	}
	s.Counts = moved
	if q, _ := s.Quality(t.Context()); math.Abs(q.BeamCentre[0]-2) > 0.4 || math.Abs(q.BeamCentre[1]) > 0.2 {
		t.Errorf("the beam was moved down by 2 and is found at %v", q.BeamCentre)
	}
}

func TestQuality_OverlapNeedsProbe(t *testing.T) {
	s := lit()
	s.Probe, s.Modes = make([]complex64, 256), 1
	for i := range s.Probe {
		if math.Hypot(float64(i/16-8), float64(i%16-8)) < 6 {
			s.Probe[i] = 2
		}
	}
	q, _ := s.Quality(t.Context())
	if math.Abs(q.ProbeDiameter-12) > 0.7 || math.Abs(q.Overlap-Overlap(3, 12)) > 0.03 {
		t.Errorf("diameter %v and overlap %v, want 12 and %v", q.ProbeDiameter, q.Overlap, Overlap(3, 12))
	}
}

// shifted moves the zero frequency of even patterns from the middle to pixel (0, 0).
func shifted(s *Scan) *Scan {
	out := &Scan{N: s.N, Rows: s.Rows, Cols: s.Cols, Counts: make([]float32, len(s.Counts))}
	for i, k := range s.Counts {
		j, row, col := i/(s.N*s.N), i/s.N%s.N, i%s.N
		out.Counts[(j*s.N+(row+s.N/2)%s.N)*s.N+(col+s.N/2)%s.N] = k
	}
	return out
}

func TestZeroAtCorner_BeamstopIsNot(t *testing.T) {
	s := lit()
	if s.ZeroAtCorner() {
		t.Error("patterns with a centred beam are reported as shifted")
	}
	if !shifted(s).ZeroAtCorner() {
		t.Error("patterns with the beam at the corner are not detected")
	}
	for i := range s.Counts {
		if row, col := i/s.N%s.N-8, i%s.N-8; row*row+col*col < 20 {
			s.Counts[i] = 0
		}
	}
	if s.ZeroAtCorner() {
		t.Error("a beamstop is taken for a zero frequency at the corner")
	}
}
