package solve

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
)

// file is a spool file that can be cut.
type file struct{ *os.File }

func (f file) Path() string { return f.Name() }
func (f file) Seal()        {}

// storedIn returns the scan with its patterns in a file.
func storedIn(t *testing.T, s *scan.Scan) (*scan.Scan, file) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w, err := scan.NewPatternWriter(func(int64) (scan.PatternFile, error) { return file{f}, nil }, s.Len(), s.N*s.N, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(t.Context(), s.Counts); err != nil {
		t.Fatal(err)
	}
	out := *s
	out.Counts, out.Stored = w.Patterns()
	return &out, file{f}
}

// TestSolve_StoredPatternsGiveSameBits solves a scan in memory and the same scan in a file.
func TestSolve_StoredPatternsGiveSameBits(t *testing.T) {
	s, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 64, 24 })
	stored, _ := storedIn(t, s)
	for _, engine := range Engines() {
		o := Options{Engine: engine, Iterations: 3, Threads: 2, Fit: Fit{Probe: true, Background: true, Intensity: true}}
		if a, b := mustSolve(t, s, o), mustSolve(t, stored, o); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: another result from a file, R %v and %v", engine, a.R, b.R)
		}
	}
}

// TestSolve_ReportsErrorOfStoredPatterns cuts the file after the first iteration.
func TestSolve_ReportsErrorOfStoredPatterns(t *testing.T) {
	s, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 64, 24 })
	stored, f := storedIn(t, s)
	_, err := Solve(t.Context(), stored, Options{Iterations: 5, Progress: func(it Iteration) {
		if err := f.Truncate(100); err != nil {
			t.Error(err)
		}
	}})
	if spool := new(scan.SpoolError); !errors.As(err, &spool) {
		t.Errorf("error %v, want that of the file", err)
	}
}
