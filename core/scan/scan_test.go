package scan

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func sample() *Scan {
	s := &Scan{N: 2, Rows: []float64{1, 2, 3}, Cols: []float64{4, 5, 6}, Index: []int{0, 2, 4}, Split: []uint8{0, 1, 1},
		Probe: make([]complex64, 8), Modes: 2, Object: make([]complex64, 6), ObjectHeight: 2, ObjectWidth: 3}
	for i := range 12 {
		s.Counts = append(s.Counts, float32(i))
	}
	return s
}

func TestValidate_NamesTheFault(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		want   string
		damage func(*Scan)
	}{
		{"pattern 1 (row 2 of the file), pixel (1, 0) (row, column): count is NaN", func(s *Scan) { s.Counts[6] = nan }},
		{"pattern 0, pixel (0, 1) (row, column): count is -1", func(s *Scan) { s.Counts[1], s.Counts[9] = -1, -1 }},
		{"count is +Inf", func(s *Scan) { s.Counts[11] = float32(math.Inf(1)) }},
		{"pattern 2 (row 4 of the file): position (3, NaN)", func(s *Scan) { s.Cols[2] = math.NaN() }},
		{"3 row coordinates but 2", func(s *Scan) { s.Cols = s.Cols[:2] }},
		{"do not fit 3 patterns of 2×2", func(s *Scan) { s.Counts = s.Counts[:11] }},
		{"no patterns", func(s *Scan) { s.Rows = nil }},
		{"patterns is 0", func(s *Scan) { s.N = 0 }},
		{"split has 1", func(s *Scan) { s.Split = s.Split[:1] }},
		{"index has 1", func(s *Scan) { s.Index = s.Index[:1] }},
		{"mask of 3 pixels", func(s *Scan) { s.Mask = make([]uint8, 3) }},
		{"mask pixel (1, 0)", func(s *Scan) { s.Mask = []uint8{1, 1, 2, 0} }},
		{"does not fit 3 modes", func(s *Scan) { s.Modes = 3 }},
		{"probe mode 1, pixel (0, 1)", func(s *Scan) { s.Probe[5] = complex(0, nan) }},
		{"does not fit 3×3", func(s *Scan) { s.ObjectHeight = 3 }},
		{"object pixel (1, 1)", func(s *Scan) { s.Object[4] = complex(nan, 0) }},
	} {
		s := sample()
		c.damage(s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
	if err := sample().Validate(); err != nil {
		t.Error(err)
	}
}

func TestSelect_CopiesPatternData(t *testing.T) {
	s := sample()
	got, err := s.Select([]int{2, 0})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Counts, []float32{8, 9, 10, 11, 0, 1, 2, 3}) || !slices.Equal(got.Rows, []float64{3, 1}) ||
		!slices.Equal(got.Cols, []float64{6, 4}) || !slices.Equal(got.Split, []uint8{1, 0}) || !slices.Equal(got.Index, []int{4, 0}) {
		t.Errorf("got %+v", got)
	}
	if got.Counts[0] = 99; s.Counts[8] != 8 {
		t.Error("the selection shares counts with its origin")
	}
	for _, r := range []int{-1, 3} {
		if _, err := s.Select([]int{r}); err == nil {
			t.Errorf("pattern %d must fail", r)
		}
	}
}

func TestStatistics(t *testing.T) {
	s := sample()
	st := s.Statistics()
	if st.CountsPerPattern != 22 || st.FewestCounts != 6 || st.MostCounts != 38 || st.MaxCount != 11 || st.DarkFraction != 1./12 {
		t.Errorf("got %+v", st)
	}
	s.Mask = []uint8{1, 1, 1, 0}
	if st := s.Statistics(); st.MaxCount != 10 || st.CountsPerPattern != 15 {
		t.Errorf("masked pixels are counted: %+v", st)
	}
}

func TestFingerprint_DependsOnDataOnly(t *testing.T) {
	a, b := sample(), sample()
	b.Source, b.Notes = "elsewhere", []string{"x"}
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("the fingerprint depends on the file's name")
	}
	seen := map[string]bool{a.Fingerprint(): true}
	for i, change := range []func(*Scan){
		func(s *Scan) { s.Counts[3]++ }, func(s *Scan) { s.Rows[0]++ }, func(s *Scan) { s.Cols[2]++ },
		func(s *Scan) { s.Mask = []uint8{1, 0, 1, 1} }, func(s *Scan) { s.Rows, s.Cols = s.Cols, s.Rows },
	} {
		s := sample()
		change(s)
		if f := s.Fingerprint(); seen[f] {
			t.Errorf("change %d does not change the fingerprint", i)
		} else {
			seen[f] = true
		}
	}
}
