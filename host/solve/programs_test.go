package solve_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/raster"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/core/simulate"
	"github.com/ptychogo/ptycho/host/dataset"
	"github.com/ptychogo/ptycho/host/evaluate"
	"github.com/ptychogo/ptycho/host/inspect"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// pythons names the interpreters that have the programs, separated by colons. A program is run by the first that has its module.
const pythons = "PTYCHO_FORMATS_PYTHON"

// A program writes a scan with its own writer, by a script of core/acquisition/testdata/programs.
type program struct {
	reader   string // name of the format
	module   string // of Python
	script   string
	file     string
	probe    bool    // the file has the probe
	raster   bool    // the file has no positions but a raster
	rounding float64 // of the positions in the file, pixels
	result   string  // file with the program's own image; "": none
	itsProbe string  // path of the probe in it
}

// single is the rounding of positions of a few hundred pixels in float32.
const exact, single = 1e-6, 1e-4

var programs = []program{
	{reader: "ptypy", module: "ptypy", script: "ptypy_scan.py", file: "scan.ptyd", rounding: exact, result: "result.ptyr", itsProbe: "/content/probe/SgivenG00/data"},
	{reader: "PtyLab", module: "PtyLab", script: "ptylab_scan.py", file: "scan.hdf5", rounding: single},
	{reader: "py4DSTEM", module: "py4DSTEM", script: "py4dstem_scan.py", file: "scan.h5", raster: true, rounding: exact},
	{reader: "CXI", module: "cdtools", script: "cdtools_scan.py", file: "scan.cxi", rounding: single},
	{reader: "Ptychodus", module: "ptychodus", script: "ptychodus_scan.py", file: "diffraction.h5", probe: true, rounding: exact},
}

// TestPrograms_GiveTheImageOfTheNPZ lets other programs write a scan of 100 patterns of 64×64, and takes their files through inspect and solve. The
// image must be that of the npz of the same scan, to the bit. The table of the programs is that of docs/formats.md.
func TestPrograms_GiveTheImageOfTheNPZ(t *testing.T) {
	fixture.Long(t)
	if os.Getenv(pythons) == "" {
		t.Skipf("%s names no Python with ptypy, PtyLab, py4DSTEM, cdtools or Ptychodus", pythons)
	}
	simulated := map[bool]string{false: simulation(t, simulate.Random), true: simulation(t, simulate.Raster)}
	var table strings.Builder
	table.WriteString("| reader | written by |\n|---|---|\n")
	all := true
	for _, p := range programs {
		t.Run(p.module, func(t *testing.T) {
			folder := t.TempDir()
			written := p.write(t, simulated[p.raster], folder)
			if !p.matches(t, simulated[p.raster], folder) {
				t.Errorf("%s: another image than that of the npz", p.file)
				return
			}
			fmt.Fprintf(&table, "| %s | %s |\n", p.reader, written)
			if p.result != "" {
				p.explains(t, folder)
			}
		})
		all = all && strings.Contains(table.String(), "| "+p.reader+" |")
	}
	if *trial {
		t.Log("\n" + table.String())
	}
	if all && os.Getenv("UPDATE") != "" {
		inDocument(t, "programs", table.String())
	}
}

// simulation writes a scan of 100 patterns and returns its file.
func simulation(t *testing.T, path simulate.PathKind) string {
	t.Helper()
	const side, patterns = 64, 100
	s, err := simulate.New(t.Context(), simulate.Options{N: side, Height: 2 * side, Width: 2 * side, Patterns: patterns, Path: path, Overlap: 0.68, Object: simulate.Cells, Photons: 1e5})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "scan.npz")
	if err := format.WriteScan(name, s.AsRead(), format.Counts); err != nil {
		t.Fatal(err)
	}
	return name
}

// write runs the program and returns its name and version. The test is skipped if no interpreter has it.
func (p program) write(t *testing.T, scan, folder string) string {
	t.Helper()
	script, err := filepath.Abs(testdata + "programs/" + p.script)
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range filepath.SplitList(os.Getenv(pythons)) {
		if exec.Command(python, "-c", "import "+p.module).Run() != nil {
			continue
		}
		c := exec.Command(python, script, scan, folder)
		c.Dir = folder
		out, err := c.Output()
		if err != nil {
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				t.Fatalf("%s: %v: %s", p.script, err, failed.Stderr)
			}
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return lines[len(lines)-1]
	}
	t.Skipf("no Python of %s has %s", pythons, p.module)
	return ""
}

// matches reports whether the program's file gives the image of the npz of the same scan. Counts must be the same, and positions but for rounding.
func (p program) matches(t *testing.T, simulated, folder string) bool {
	t.Helper()
	if own := filepath.Join(folder, "expected.npz"); exists(own) { // the scan is the program's
		simulated = own
	}
	expected, err := format.ReadScan(t.Context(), simulated, format.ScanOptions{Units: format.Counts})
	if err != nil {
		t.Fatal(err)
	}
	settings, path := sample{}.settings(t), filepath.Join(folder, p.file)
	report, err := inspect.Run(t.Context(), inspect.Options{Path: path, Scan: settings, Threads: 1})
	if err != nil || report.Patterns != expected.Len() || report.N != expected.N || report.Fault != "" {
		t.Fatalf("inspect %s: %v, %+v", p.file, err, report)
	}
	got, err := dataset.Source{Path: path, Scan: settings, Unchecked: true}.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Format != p.reader {
		t.Errorf("%s is read as %s, want %s", p.file, got.Format, p.reader)
	}
	p.compare(t, got, expected)
	twin := *expected
	twin.Rows, twin.Cols, twin.Metadata = got.Rows, got.Cols, `{"diffraction_units": "counts"}` // those of PtyLab are not whole
	if !p.probe {
		twin.Probe, twin.Modes = nil, 0
	}
	name := filepath.Join(t.TempDir(), "twin.npz")
	if err := format.WriteScan(name, &twin, format.Counts); err != nil {
		t.Fatal(err)
	}
	return slices.Equal(image(t, path, settings).Object, image(t, name, settings).Object)
}

// explains checks that the program's image and probe explain the patterns of its file: R is a small part of that of an empty object.
func (p program) explains(t *testing.T, folder string) {
	t.Helper()
	settings, err := config.ScanFlags(map[string]string{"examine": "off", "trust-data": "true", "probe-path": filepath.Join(folder, p.result) + ":" + p.itsProbe})
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Source{Path: filepath.Join(folder, p.file), Scan: settings}.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := format.ReadReconstruction(filepath.Join(folder, p.result))
	if err != nil {
		t.Fatal(err)
	}
	image := raster.Stitched{Origin: r.Origin}
	if image.Object, err = raster.FromComplex64(r.Height, r.Width, r.Object); err != nil {
		t.Fatal(err)
	}
	scorer := evaluate.NewScorer(data, 1)
	residual, err := scorer.Residual(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := scorer.Flat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if residual > flat/4 { // photon noise is about a tenth
		t.Errorf("%s: R is %.5f, and %.5f of an empty object", p.result, residual, flat)
	}
	t.Logf("%s: R %.5f, of an empty object %.5f", p.result, residual, flat)
}

// compare checks counts, mask and positions of the program's file.
func (p program) compare(t *testing.T, got, expected *scan.Scan) {
	t.Helper()
	if !slices.Equal(got.Counts, expected.Counts) || got.Mask != nil {
		t.Errorf("%s: other counts, or a mask of %d pixels", p.file, len(got.Mask))
	}
	y0, x0 := slices.Min(expected.Rows), slices.Min(expected.Cols)
	for i := range got.Rows {
		if math.Abs(got.Rows[i]-expected.Rows[i]+y0) > p.rounding || math.Abs(got.Cols[i]-expected.Cols[i]+x0) > p.rounding {
			t.Fatalf("%s: position %d is (%v, %v) (row, column), want (%v, %v)", p.file, i, got.Rows[i], got.Cols[i], expected.Rows[i]-y0, expected.Cols[i]-x0)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
