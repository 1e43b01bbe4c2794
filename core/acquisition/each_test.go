package acquisition

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
)

// TestEach_GivesWhatReadGives reads all files that are understood in pieces and whole.
func TestEach_GivesWhatReadGives(t *testing.T) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	compared, masked := 0, 0
	for _, path := range files {
		a, err := Open(path, Given{})
		if err != nil {
			continue
		}
		var rows []int
		for i := 0; i < a.Patterns; i += 1 + i%2 { // runs and gaps
			rows = append(rows, i)
		}
		whole, err := a.Read(context.Background(), rows, true)
		if err != nil {
			a.Close()
			continue
		}
		part, err := a.Frame(rows, true)
		if err != nil {
			t.Fatal(err)
		}
		var counts []float32
		if err := a.Each(context.Background(), part, func(k []float32) error {
			counts = append(counts, k...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(part.Mask, whole.Mask) || !slices.Equal(part.Rows, whole.Rows) || !slices.Equal(part.Notes, whole.Notes) {
			t.Errorf("%s: another mask, other positions or notes", path)
		}
		for i := range counts { // a pixel that is marked later has its counts before
			if whole.Mask != nil && whole.Mask[i%len(whole.Mask)] == 0 {
				counts[i] = 0
				masked++
			}
		}
		if !slices.Equal(counts, whole.Counts) {
			t.Errorf("%s: other counts", path)
		}
		compared++
		a.Close()
	}
	if compared < 4 || masked == 0 {
		t.Errorf("%d files were compared, %d values are masked", compared, masked)
	}
}
