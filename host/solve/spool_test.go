package solve

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
	iterative "github.com/ptychogo/ptycho/core/solve"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/dataset"
)

// TestRun_SpooledScanGivesSameBytes solves drawn patterns that are held in memory, and the same patterns in the spool.
func TestRun_SpooledScanGivesSameBytes(t *testing.T) {
	scan := filepath.Join(t.TempDir(), "scan.npz")
	if _, err := dataset.Simulate(t.Context(), simulate.Options{Object: simulate.Blocks, Probe: simulate.Aberrated, N: 32, Height: 80, Patterns: 90, Seed: 5}, scan, true); err != nil {
		t.Fatal(err)
	}
	before := heldBytes
	defer func() { heldBytes = before }()
	const drawn = 60
	var images [][]byte
	for _, held := range []int64{before, 0} {
		heldBytes = held
		dir, spooled := filepath.Join(t.TempDir(), "out"), false
		report, err := Run(t.Context(), Options{Data: scan, Draw: drawn, Units: "auto", Layout: "auto", OutputDir: dir, Halves: true, NoGeometry: true, Solve: iterative.Options{Iterations: 3}},
			host.Host{Notice: func(string, ...any) {}, Progress: func(p host.Progress) { spooled = spooled || p.Phase == "read" }})
		if err != nil {
			t.Fatal(err)
		}
		if report.Patterns != drawn || spooled != (held == 0) {
			t.Errorf("%d bytes held: %d patterns, in the spool: %v", held, report.Patterns, spooled)
		}
		image, err := os.ReadFile(filepath.Join(dir, "reconstruction.npz"))
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, image)
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("the image of the spooled patterns differs")
	}
}
