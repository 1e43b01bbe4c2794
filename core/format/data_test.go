package format

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// Both files of the measured star have the same photons: one as counts, one as amplitudes.
func TestReadScan_StarFormsAgree(t *testing.T) {
	fixture.Long(t)
	counts, err := ReadScan(t.Context(), fixture.Measured(t, "siemens_star_aps_velociprobe.npz"), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	amplitudes, err := ReadScan(t.Context(), fixture.Measured(t, "siemens_star_aps_velociprobe_ptychopinn.npz"), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if counts.Fingerprint() != amplitudes.Fingerprint() || !slices.Equal(counts.Counts, amplitudes.Counts) {
		t.Error("the two forms differ")
	}
	if !strings.Contains(counts.Notes[0], "integer") || !strings.Contains(amplitudes.Notes[0], "counts = diff3d²") {
		t.Errorf("notes: %q, %q", counts.Notes[0], amplitudes.Notes[0])
	}
	st := counts.Statistics()
	if st.Patterns != 516 || st.N != 128 || st.MaxCount != 963 || math.Round(st.CountsPerPattern) != 461213 {
		t.Errorf("statistics %+v", st)
	}
	if counts.Modes != 1 || counts.ObjectHeight != 460 || counts.ObjectWidth != 457 {
		t.Errorf("probe of %d modes, object %d×%d", counts.Modes, counts.ObjectHeight, counts.ObjectWidth)
	}
}

func TestReadScan_SimulatedLines(t *testing.T) {
	path := fixture.Measured(t, "sim_lines_64.npz")
	s, err := ReadScan(t.Context(), path, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range s.Counts {
		if k != float32(math.Trunc(float64(k))) {
			t.Fatalf("count %d is %v, not a whole number", i, k)
		}
	}
	st := s.Statistics()
	if st.Patterns != 2048 || math.Abs(st.CountsPerPattern-1e6) > 1e4 || !strings.Contains(s.Notes[0], "73.97988") || strings.Contains(s.Notes[0], "kept") {
		t.Errorf("%+v, %q", st, s.Notes[0])
	}
	for value, below := range map[string]bool{"split=0": true, "split=1": false} {
		half, err := ReadScan(t.Context(), path, ScanOptions{Rows: value})
		if err != nil || half.Len() != 1024 {
			t.Fatalf("%s: %v", value, err)
		}
		for i, y := range half.Rows {
			if (y < 128) != below {
				t.Fatalf("%s: pattern %d lies at row %v", value, i, y)
			}
		}
		if !slices.Equal(half.Pattern(5), s.Pattern(half.Index[5])) {
			t.Errorf("%s: pattern 5 is not row %d of the file", value, half.Index[5])
		}
	}
	r, err := ReadReconstruction(path)
	if err != nil || r.Height != 256 || r.Width != 256 {
		t.Errorf("truth: %v", err)
	}
}

func TestOpenNPZ_GoldenFiles(t *testing.T) {
	for _, name := range []string{"c1_bigF", "c1_bigT_probe", "c4_bigT_probe", "c4_bigT_uniform"} {
		z, err := openFile(fixture.Measured(t, "golden/"+name+".npz"))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		for _, a := range z.Arrays() {
			if a.Name == "metadata_json" {
				if text, err := z.Text(a.Name); err != nil || !strings.Contains(text, name) {
					t.Errorf("%s: %q, %v", name, text, err)
				}
				continue
			}
			if _, err := z.Tensor(a.Name); err != nil {
				t.Error(err)
			}
		}
		loss, shape, err := z.Float64("expected_poisson_loss")
		if want := map[string]float64{"c1_bigF": 116484.445}[name]; err != nil || len(shape) != 0 || want != 0 && math.Abs(loss[0]-want) > 0.01 {
			t.Errorf("%s: loss %v, %v", name, loss, err)
		}
	}
}

func TestOpenNPZ_RealFileTruncated(t *testing.T) {
	content := mustRead(t, fixture.Measured(t, "sim_lines_64.npz"))
	for eighth := range 8 {
		path := file(t, "cut.npz", content[:len(content)*eighth/8])
		_, err := ReadScan(t.Context(), path, ScanOptions{})
		wantError(t, "cut", err, path, "")
	}
}
