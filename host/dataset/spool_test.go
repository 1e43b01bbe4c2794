package dataset

import (
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/host"
)

// TestSpool_ReportsPatternsRead writes patterns in two ways to a watched spool.
func TestSpool_ReportsPatternsRead(t *testing.T) {
	const pixels, length = 16, 5
	steps, read := []int(nil), 0
	spool := NewSpool(t.TempDir()).Watch(func(p host.Progress) {
		if p.Phase != "read" || p.Steps != length {
			t.Errorf("progress %+v", p)
		}
		steps, read = append(steps, p.Step), read+p.Patterns
	})
	defer spool.Remove()
	w, err := scan.NewPatternWriter(spool.Create, length, pixels, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := scan.AppendIntegers(t.Context(), w, make([]uint16, 2*pixels)); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(t.Context(), make([]float32, 3*pixels)); err != nil {
		t.Fatal(err)
	}
	if len(steps) != 2 || steps[0] != 2 || steps[1] != length || read != length {
		t.Errorf("steps %v of %d patterns", steps, read)
	}
}
