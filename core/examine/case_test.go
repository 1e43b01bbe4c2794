package examine

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
)

// A reported case is a scan of ../shared/cases with the finding that it must have, "" for a sound one. Planted are the pixels or frames
// that differ from the sound scan, unless frames names them.
type reported struct {
	name, id       string
	pixels, frames bool                          // check them
	planted        func(frames int) map[int]bool // frames
	dead           func(row, col int) bool       // pixels
	from           string                        // scan without the fault; default base
}

func everySecond(from int) func(int) map[int]bool {
	return func(n int) map[int]bool {
		out := map[int]bool{}
		for i := from; i < n; i += 2 {
			out[i] = true
		}
		return out
	}
}

func every(n int) map[int]bool {
	out := everySecond(0)(n)
	maps.Copy(out, everySecond(1)(n))
	return out
}

func only17(int) map[int]bool { return map[int]bool{17: true} }

var cases = []reported{
	{name: "empty_frames", id: Empty, frames: true}, {name: "many_empty", id: Empty, frames: true}, {name: "crazy_frames", id: Bright, frames: true},
	{name: "mixed_exposure", id: Exposure, frames: true, planted: everySecond(0)}, {name: "beam_decay", id: Exposure, frames: true, planted: every},
	{name: "eiger_max", id: Marked, pixels: true}, {name: "eiger_u16", id: Marked, pixels: true},
	{name: "saturated_u8", id: Clipped, pixels: true, frames: true}, {name: "saturated_1000", id: Clipped, pixels: true, frames: true},
	{name: "wrap_u16", id: Wrapped, frames: true, from: "wide"},
	{name: "dead_one_row", id: Dead, pixels: true, dead: func(y, _ int) bool { return y == 20 }},
	{name: "dead_rows_nomask", id: Dead, pixels: true, dead: func(y, _ int) bool { return y == 20 || y == 21 }},
	{name: "dead_module", id: Dead, pixels: true, dead: func(_, x int) bool { return x >= 18 && x < 22 }},
	{name: "hot_pixel", id: Stuck, pixels: true}, {name: "zingers", id: Cosmic, frames: true}, {name: "zingers_rand", id: Cosmic, pixels: true, frames: true},
	{name: "dark_offset", id: Offset}, {name: "gain7", id: Unit}, {name: "fftshifted", id: Corner}, {name: "offcentre", id: Centre},
	{name: "dup_all", id: Duplicates, frames: true, planted: everySecond(1)},
	{name: "one_glitch", id: Lone, frames: true, planted: only17}, {name: "one_glitch_mid", id: Lone, frames: true, planted: only17},
	{name: "single_row", id: Line}, {name: "boolpat", id: Clipped}, {name: "probe_flat", id: WideProbe},
	{name: "base"}, {name: "far_origin"}, {name: "eiger_max_masked"}, {name: "pilatus_neg_masked"}, {name: "mask_beamstop"}, {name: "gain"},
	{name: "spiral"}, {name: "raster"}, {name: "N24"}, {name: "N30"}, {name: "coords_int"}, {name: "f64_sqrt"}, {name: "lowdose"}, {name: "sparse_overlap", id: LowOverlap},
	{name: "noprobe"},
}

// python writes the cases.
const python = `
import sys; sys.path.insert(0, sys.argv[1])
import numpy as np, gen, all_data_cases_1 as one, all_data_cases_2 as two
for name in sys.argv[2:]:
    if name == "base": np.savez("base.npz", **gen.make())
    elif name == "wide": np.savez("wide.npz", **gen.make(photons=2e6))
    elif name in one.C: one.save(name)
    else: two.C[name](name)
`

func writeCases(t *testing.T) string {
	folder, err := filepath.Abs("../../../shared/cases")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "gen.py")); err != nil {
		t.Skipf("needs ../shared/cases next to the repository: %v", err)
	}
	program := os.Getenv("PYTHON")
	if program == "" {
		program = "python3"
	}
	if out, err := exec.Command(program, "-c", "import numpy").CombinedOutput(); err != nil { //nolint:gosec // the tester's own variable
		t.Skipf("needs %s with NumPy (PYTHON names another): %v %s", program, err, out)
	}
	args := []string{"-B", "-c", python, folder, "wide"}
	for _, c := range cases {
		args = append(args, c.name)
	}
	command := exec.Command(program, args...) //nolint:gosec // see above
	command.Dir = t.TempDir()
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return command.Dir
}

// differences returns the pixels and frames in which two scans differ.
func differences(s, base *scan.Scan) (pixels, frames map[int]bool) {
	pixels, frames = map[int]bool{}, map[int]bool{}
	size := s.N * s.N
	for i, k := range s.Counts {
		if k != base.Counts[i] {
			pixels[i%size], frames[i/size] = true, true
		}
	}
	return pixels, frames
}

// TestScan_TrialOnReportedCases: every case has its finding with the right pixels and frames, sound scans have none above a note.
func TestScan_TrialOnReportedCases(t *testing.T) {
	if !*trial {
		t.Skip("a trial: make trial-faults runs it")
	}
	folder := writeCases(t)
	read := func(name string) *scan.Scan {
		s, err := format.ReadScan(t.Context(), filepath.Join(folder, name+".npz"), format.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	base := map[string]*scan.Scan{"": read("base"), "wide": read("wide")}
	t.Logf("%-20s %-26s %s", "case", "found", "precision and recall of pixels, frames")
	for _, c := range cases {
		s := read(c.name)
		found, err := Scan(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if far := f.ID == Canvas && c.id == Lone; f.ID != c.id && f.Severity != Note && !far { // a far position makes the canvas large
				t.Errorf("%s: also %s %s: %s", c.name, f.Severity, f.ID, f.What)
			}
		}
		is := slices.IndexFunc(found, func(f Finding) bool { return f.ID == c.id })
		if is < 0 {
			if c.id != "" {
				t.Errorf("%s: %s was not found", c.name, c.id)
			}
			t.Logf("%-20s %-26s", c.name, "nothing")
			continue
		}
		pixels, frames, f := map[int]bool(nil), map[int]bool(nil), found[is]
		if c.planted != nil {
			frames = c.planted(s.Len())
		} else if c.pixels || c.frames {
			pixels, frames = differences(s, base[c.from])
		}
		if c.dead != nil {
			pixels = map[int]bool{}
			for i := range s.N * s.N {
				if c.dead(i/s.N, i%s.N) {
					pixels[i] = true
				}
			}
		}
		score := [4]float64{1, 1, 1, 1}
		if c.pixels {
			score[0], score[1] = agreement(f.pixelSet(s.N), pixels)
		}
		if c.frames {
			score[2], score[3] = agreement(f.frameSet(), frames)
		}
		t.Logf("%-20s %-26s %.2f %.2f, %.2f %.2f", c.name, f.ID, score[0], score[1], score[2], score[3])
		if slices.Min(score[:]) < 0.95 {
			t.Errorf("%s: precision and recall of pixels and frames %.2f, want at least 0.95", c.name, score)
		}
	}
}
