package examine

import (
	"context"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/sweep"
)

// inFile returns the scan with its patterns in a file, written some numbers at a time.
func inFile(t *testing.T, s *scan.Scan, piece int) *scan.Scan {
	t.Helper()
	w, err := scan.NewPatternWriter(func(int64) (scan.PatternFile, error) {
		f, err := os.CreateTemp(t.TempDir(), "")
		t.Cleanup(func() { f.Close() })
		return spooled{f}, err
	}, s.Len(), s.N*s.N, 4)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < len(s.Counts); from += piece {
		if err := w.Append(context.Background(), s.Counts[from:min(from+piece, len(s.Counts))]); err != nil {
			t.Fatal(err)
		}
	}
	out := *s
	out.Counts, out.Stored = w.Patterns()
	return &out
}

// again are patterns of which nothing was measured when they were written.
type again struct{ *oneByOne }

func (again) Measured() *sweep.Pass[uint16] { return nil }

// spooled is a file of patterns.
type spooled struct{ *os.File }

func (s spooled) Path() string { return s.Name() }
func (s spooled) Seal()        {}

// TestScan_StoredAsInMemory: patterns in a file, which are examined in their own type, have the findings of those in memory.
func TestScan_StoredAsInMemory(t *testing.T) {
	s := sound(t, 4)
	rng := rand.New(rand.NewPCG(4, 4))
	plantRays(s, rng, 3)
	copy(s.Pattern(50), s.Pattern(51))
	for i := range s.Pattern(7) { // among the few frames, and in all of them
		s.Pattern(7)[i] *= 40
	}
	clear(s.Pattern(9))
	want, err := Scan(t.Context(), s)
	if err != nil || len(want) != 4 {
		t.Fatalf("%s: %v", names1(want), err)
	}
	s = inFile(t, s, len(s.Counts))
	got, err := Scan(t.Context(), s)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("stored as %v: found %+v, want %+v: %v", s.Stored.DType(), got, want, err)
	}
}

// TestSurvey_SameFindings: a scan that is measured while it is written has the findings of one that is read again, with faults of every kind
// that the pass over all frames finds, and with those that make it void.
// Long: a table of faults.
func TestSurvey_SameFindings(t *testing.T) {
	for name, plant := range map[string]func(s *scan.Scan, rng *rand.Rand){
		"sound":  func(*scan.Scan, *rand.Rand) {},
		"rays":   func(s *scan.Scan, rng *rand.Rand) { plantRays(s, rng, 5) },
		"empty":  func(s *scan.Scan, _ *rand.Rand) { clear(s.Pattern(9)) },
		"double": func(s *scan.Scan, _ *rand.Rand) { copy(s.Pattern(50), s.Pattern(51)) },
		"bright": func(s *scan.Scan, rng *rand.Rand) {
			plantRays(s, rng, 3)
			for i, k := range s.Pattern(7) {
				s.Pattern(7)[i] = min(40*k, 60000)
			}
		},
		"marked": func(s *scan.Scan, rng *rand.Rand) {
			plantRays(s, rng, 3)
			for j := range s.Len() {
				s.Pattern(j)[5*s.N+5] = 65535
			}
			s.Pattern(12)[5*s.N+6] = 5000 // a ray beside the marker
		},
		"masked": func(s *scan.Scan, rng *rand.Rand) {
			s.Mask = make([]uint8, s.N*s.N)
			for i := range s.Mask {
				s.Mask[i] = 1
			}
			for k := range s.N { // reads as 0, with rays next to it
				s.Mask[3*s.N+k] = 0
			}
			plantRays(s, rng, 3)
			for j := range s.Len() {
				for i, m := range s.Mask {
					s.Pattern(j)[i] *= float32(m)
				}
			}
		},
		"clipped": func(s *scan.Scan, _ *rand.Rand) {
			for i, k := range s.Counts {
				s.Counts[i] = min(k, 60)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound(t, 4)
			plant(s, rand.New(rand.NewPCG(4, 4)))
			want, err := Run(t.Context(), Input{N: s.N, Patterns: again{&oneByOne{Scan: inFile(t, s, len(s.Counts))}}, Rows: s.Rows, Cols: s.Cols, Index: s.Index, Mask: s.Mask, Probe: s.Probe, Modes: s.Modes, Diameter: scan.ProbeDiameter(s.Probe, s.N)})
			if err != nil {
				t.Fatal(err)
			}
			if (len(want) == 0) != (name == "sound") {
				t.Errorf("found %s", names1(want))
			}
			measured := inFile(t, s, 1000) // pieces end within patterns
			if measured.Stored.Measured() == nil {
				t.Fatal("the patterns were not measured")
			}
			got, err := Scan(t.Context(), measured)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("measured while it was written: found %+v, want %+v: %v", got, want, err)
			}
		})
	}
}
