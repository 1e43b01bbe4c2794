package main_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// evaluation is the report of evaluate for an image without registration.
type evaluation struct {
	Amplitude float64
	Phase     float64
	Shift     [2]float64 // rows, columns of the shift with the best fit
}

func evaluated(t *testing.T, args ...string) evaluation {
	t.Helper()
	var report struct {
		Raw struct {
			Amplitude float64 `json:"amplitude_correlation"`
			Phase     float64 `json:"phase_correlation"`
		}
		Registered struct {
			Shift [2]float64 `json:"shift_px"`
		}
	}
	text := must(t, append([]string{"evaluate", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return evaluation{report.Raw.Amplitude, report.Raw.Phase, report.Registered.Shift}
}

// rewritten writes a changed copy of a scan.
func rewritten(t *testing.T, path, name string, change func(*scan.Scan)) string {
	t.Helper()
	s, err := format.ReadScan(t.Context(), path, format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	out := filepath.Join(t.TempDir(), name+".npz")
	if err := format.WriteScan(out, s, format.Counts); err != nil {
		t.Fatal(err)
	}
	return out
}

// moved transforms the object to out(y, x) = in(at(y, x)).
func moved(s *scan.Scan, at func(y, x int) (int, int)) {
	n := s.ObjectHeight
	out := make([]complex64, len(s.Object))
	for y := range n {
		for x := range n {
			v, u := at(y, x)
			out[y*n+x] = s.Object[v*n+u]
		}
	}
	s.Object = out
}

// TestOrientation_ImageMatchesObject trains and stitches with the commands. A flip, transpose, conjugate or sign error in
// reading, grouping, merging, far field, stitching or alignment makes another object fit better.
func TestOrientation_ImageMatchesObject(t *testing.T) {
	fixture.NeedsAll(t) // trains for half a minute
	dir := t.TempDir()
	scanPath := filepath.Join(dir, "scan.npz")
	must(t, "simulate", "--output", scanPath, "--n", "32", "--object-size", "112", "--n-images", "256", "--nphotons", "1e6", "--probe", "aberrated", "--object", "lines", "--seed", "5")
	image := func(name, data, epochs string) string {
		model, out := filepath.Join(dir, name), filepath.Join(dir, name+"-out")
		must(t, "train", "--train-data-file", data, "--output-dir", model, "--max-epochs", epochs, "--no-check-geometry", "--quiet", "--seed", "1")
		must(t, "infer", "--model-path", model, "--test-data", data, "--output-dir", out, "--quiet")
		return filepath.Join(out, "reconstruction.npz")
	}
	upright := image("upright", scanPath, "20") // after 12 epochs the aberrated probe still leaves it up to 0.8 pixels off, by the seed
	good := evaluated(t, "--reconstruction", upright, "--reference", scanPath)
	if !(good.Amplitude > 0.8 && good.Phase > 0.7) {
		t.Fatalf("the image does not show the object: %+v", good)
	}
	if d := good.Shift; math.Abs(d[0]) > 0.3 || math.Abs(d[1]) > 0.3 {
		t.Errorf("the image is shifted by %v pixels (rows, columns) from the object", d)
	}
	n := 112
	for name, change := range map[string]func(*scan.Scan){
		"mirrored left and right": func(s *scan.Scan) { moved(s, func(y, x int) (int, int) { return y, n - 1 - x }) },
		"mirrored up and down":    func(s *scan.Scan) { moved(s, func(y, x int) (int, int) { return n - 1 - y, x }) },
		"transposed":              func(s *scan.Scan) { moved(s, func(y, x int) (int, int) { return x, y }) },
		"turned by 180 degrees":   func(s *scan.Scan) { moved(s, func(y, x int) (int, int) { return n - 1 - y, n - 1 - x }) },
		"conjugated": func(s *scan.Scan) {
			for i, v := range s.Object {
				s.Object[i] = complex(real(v), -imag(v))
			}
		},
	} {
		bad := evaluated(t, "--reconstruction", upright, "--reference", rewritten(t, scanPath, "truth", change))
		if !(bad.Phase < good.Phase-0.1) {
			t.Errorf("a truth %s fits as well: phase correlation %.3f, the truth %.3f", name, bad.Phase, good.Phase)
		}
	}
	if !fixture.Full() {
		return // the trainings with wrong positions take a minute; make trial-controls has others
	}
	for name, change := range map[string]func(*scan.Scan){
		"mirrored": func(s *scan.Scan) {
			for i, x := range s.Cols {
				s.Cols[i] = float64(n) - x
			}
		},
		"transposed": func(s *scan.Scan) { s.Rows, s.Cols = s.Cols, s.Rows },
	} {
		wrong := image(name, rewritten(t, scanPath, name, change), "12")
		if bad := evaluated(t, "--reconstruction", wrong, "--reference", scanPath); !(bad.Phase < good.Phase-0.2) {
			t.Errorf("with %s positions the image is as good: %+v, with the right ones %+v", name, bad, good)
		}
	}
}
