package conformance_test

import (
	"context"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// TestParity_ReportsWhatDiffers compares three backends by a small network: two are equal, the third has gradients of the opposite
// sign.
func TestParity_ReportsWhatDiffers(t *testing.T) {
	wrong := Defect{gradient: func(_ *program.Program, m map[string]tensor.Tensor) {
		for _, g := range m {
			values, _ := tensor.Data[float32](g) // none of a complex one
			for i := range values {
				values[i] = -values[i]
			}
		}
	}}
	targets := []conformance.Target{inProcess("a", gorgonia.New(), tensor.Float32), inProcess("b", gorgonia.New(), tensor.Float32), inProcess("c", wrong.Break(gorgonia.New()), tensor.Float32)}
	report, err := conformance.ParityOf(context.Background(), targets, arch.Config{N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Cells) != 3*8 || report.Within {
		t.Errorf("%d cells, want 8 of each pair; all are within their limits: %v", len(report.Cells), report.Within)
	}
	for _, c := range report.Cells {
		if same := c.B != "c" || c.Quantity != "gradients"; c.Within != same || same != (c.Difference == 0) {
			t.Errorf("%s of %s and %s differs by %g, within the limit: %v", c.Quantity, c.A, c.B, c.Difference, c.Within)
		}
	}
}
