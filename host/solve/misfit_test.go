package solve

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/examine"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/output"
)

// TestSolve_MisfitNamesAStrangeFrame: two frames whose patterns were exchanged are named after the run, and are the worst of the arrays.
func TestSolve_MisfitNamesAStrangeFrame(t *testing.T) {
	sim, err := simulate.New(t.Context(), simulate.Options{Object: simulate.Fields, Probe: simulate.Aberrated, N: 32, Height: 96, Patterns: 200, Seed: 5, Photons: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	data := sim.AsRead()
	first, last := slices.Clone(data.Pattern(40)), data.Pattern(170)
	copy(data.Pattern(40), last)
	copy(last, first)
	folder := t.TempDir()
	file, out := filepath.Join(folder, "scan.npz"), filepath.Join(folder, "out")
	if err := format.WriteScan(file, data, format.Counts); err != nil {
		t.Fatal(err)
	}
	o := Options{Data: file, Units: "auto", Layout: "auto", OutputDir: out, NoGeometry: true, Solve: iterative.Options{Iterations: 30, Fit: iterative.Fit{Probe: true}}}
	o.Scan.Examine = "on"
	report, err := Run(t.Context(), o, host.Host{Notice: func(string, ...any) {}})
	if err != nil {
		t.Fatal(err)
	}
	var frames []int
	for _, f := range report.Examination.Findings {
		if f.ID == examine.FrameMisfit {
			frames = f.Frames
		}
	}
	if !slices.Equal(frames, []int{40, 170}) {
		t.Errorf("findings %+v, want frames 40 and 170", report.Examination.Findings)
	}
	if report.ExpectedResidual == nil || !(*report.ExpectedResidual > 0 && *report.ExpectedResidual < *report.Residual) {
		t.Errorf("R %v, expected %v", *report.Residual, report.ExpectedResidual)
	}
	z, err := npz.Open(filepath.Join(out, output.ReconstructionFile))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	ratio, _, err := z.Float64("misfit_frames")
	if err != nil {
		t.Fatal(err)
	}
	if worst := slices.Max(ratio); worst != ratio[40] && worst != ratio[170] {
		t.Errorf("the largest misfit is %v, those of the exchanged frames are %v and %v", worst, ratio[40], ratio[170])
	}
	for _, name := range []string{output.MisfitFramesFile, output.MisfitPixelsFile} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}
