package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/internal/fixture"
)

type solved struct {
	R          float64  `json:"R"`
	FRC        *float64 `json:"frc"`
	FRCOf      string   `json:"frc_of"`
	Iterations int      `json:"iterations"`
	Ended      string   `json:"ended"`
	Halves     *struct {
		R [2]float64 `json:"R"`
	} `json:"halves"`
}

func solveJSON(t *testing.T, args ...string) solved {
	t.Helper()
	var r solved
	if text := must(t, append([]string{"solve", "--json", "--quiet"}, args...)...); json.Unmarshal([]byte(text), &r) != nil {
		t.Fatalf("no JSON: %s", text)
	}
	return r
}

func TestSolve_WritesFilesOfInfer(t *testing.T) {
	scan, out := smallScan(t), filepath.Join(t.TempDir(), "out")
	r := solveJSON(t, "--data", scan, "--output-dir", out, "--engine", "lsqml", "--iterations", "8", "--fit", "probe,background,positions,intensity", "--modes", "2", "--preview", "3")
	if !(r.R > 0 && r.R < 0.05) || r.Iterations != 8 || r.FRC == nil || r.FRCOf != "reference" {
		t.Errorf("%+v", r)
	}
	for _, name := range []string{"reconstruction.npz", "amplitude.png", "phase.png", "report.json"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	text := must(t, "evaluate", "--reconstruction", filepath.Join(out, "reconstruction.npz"), "--reference", scan, "--ramp", "--json")
	if !strings.Contains(text, "mean_to_half_nyquist") {
		t.Errorf("evaluate cannot read the result: %s", text)
	}
}

func TestSolve_ComparesHalves(t *testing.T) {
	r := solveJSON(t, "--data", smallScan(t), "--output-dir", filepath.Join(t.TempDir(), "out"), "--halves", "--iterations", "10")
	if r.FRC == nil || !(*r.FRC > 0 && *r.FRC <= 1) || r.FRCOf != "halves" || r.Halves == nil || !(r.Halves.R[1] > 0) {
		t.Errorf("%+v", r)
	}
}

func TestSolve_EveryEngine(t *testing.T) {
	fixture.Long(t)
	scan := smallScan(t)
	for _, e := range []string{"epie", "rpie", "dm", "raar", "lsqml", "adam"} {
		if r := solveJSON(t, "--data", scan, "--output-dir", filepath.Join(t.TempDir(), e), "--engine", e, "--iterations", "3"); !(r.R > 0 && r.R < 1) {
			t.Errorf("%s: %+v", e, r)
		}
	}
}

func TestSolve_RefusesInOneSentence(t *testing.T) {
	scan := smallScan(t)
	broken := filepath.Join(t.TempDir(), "broken.npz")
	whole, err := os.ReadFile(scan)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"--engine", 10, []string{"--data", scan, "--engine", "magic"}},
		{"--fit", 10, []string{"--data", scan, "--fit", "probe,dreams"}},
		{"auto alone", 10, []string{"--data", scan, "--fit", "auto,probe"}},
		{"--no-held-out-stop", 10, []string{"--data", scan, "--fit", "probe", "--no-held-out-stop"}},
		{"--iterations 0", 10, []string{"--data", scan, "--iterations", "0"}},
		{"--iterations -3", 10, []string{"--data", scan, "--iterations=-3"}},
		{"--modes 99", 10, []string{"--data", scan, "--modes", "99"}},
		{"--threads 0", 10, []string{"--data", scan, "--threads", "0"}},
		{"--preview -1", 10, []string{"--data", scan, "--preview=-1"}},
		{"--position-bound NaN", 10, []string{"--data", scan, "--position-bound", "NaN"}},
		{"units", 10, []string{"--data", scan, "--diffraction-units", "litres"}},
		{"--data is missing", 10, nil},
		{"unexpected argument", 10, []string{"--data", scan, "more"}},
		{"nothing.npz", 11, []string{"--data", "nothing.npz"}},
		{"broken.npz", 11, []string{"--data", broken}},
		{"rows", 11, []string{"--data", scan, "--rows", "1000"}},
		{"1 pattern", 11, []string{"--data", scan, "--rows", "5"}},
		{"not empty", 10, []string{"--data", scan, "--output-dir", full}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		args := append([]string{"solve", "--quiet"}, c.args...)
		if !strings.Contains(strings.Join(args, " "), "--output-dir") {
			args = append(args, "--output-dir", out)
		}
		_, stderr, code := run(t, args...)
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Count(strings.TrimSpace(stderr), "\n") > 0 {
			t.Errorf("%v: exit %d, %q; want %d and one line with %q", c.args, code, stderr, c.code, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v left an output directory behind", c.args)
		}
	}
}

func TestSolve_InterruptedWritesImage(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system has no signals")
	}
	scan, out := smallScan(t), filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(ptycho(t), "solve", "--data", scan, "--output-dir", out, "--iterations", "1000000", "--preview", "1", "--engine", "raar")
	var rest strings.Builder
	cmd.Stderr = &rest
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 600 { // until the first iteration has ended
		if _, err := os.Stat(filepath.Join(out, "preview-phase.png")); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(rest.String(), "stopped after iteration") {
		t.Fatalf("exit %d: %s", code, rest.String())
	}
	text, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r solved
	if err := json.Unmarshal(text, &r); err != nil || r.Ended != "stopped" || r.Iterations < 1 {
		t.Errorf("%v, %+v", err, r)
	}
	if strings.Contains(string(text), `"R":`+"null") || strings.Contains(string(text), `"R_flat"`) || !strings.Contains(string(text), "not computed: R and deviance") {
		t.Errorf("figures that were not computed are in the report, or not named: %s", text)
	}
	if _, err := os.Stat(filepath.Join(out, "phase.png")); err != nil {
		t.Error(err)
	}
}

func TestInspect_FindsFlippedPositions(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	must(t, "simulate", "--output", scan, "--n", "32", "--object-size", "96", "--n-images", "96", "--nphotons", "2e5", "--seed", "3", "--probe", "aberrated", "--object", "blocks")
	text := must(t, "inspect", scan)
	for _, want := range []string{"positions are right as they are", "overlap", "beam centre", "background"} {
		if !strings.Contains(text, want) {
			t.Errorf("inspect does not say %q: %s", want, text)
		}
	}
	if text := must(t, "inspect", scan, "--no-geometry"); strings.Contains(text, "geometry") {
		t.Errorf("--no-geometry was ignored: %s", text)
	}
}

// The documented values for the measured scan.
func TestSolve_MeasuredScan(t *testing.T) {
	fixture.NeedsAll(t)
	scan := fixture.Measured(t, "siemens_star_aps_velociprobe.npz")
	for _, c := range []struct {
		fit    string
		r, frc float64
	}{{"probe", 0.016, 0.75}, {"probe,background", 0.010, 0.80}} {
		r := solveJSON(t, "--data", scan, "--output-dir", filepath.Join(t.TempDir(), "out"), "--halves", "--iterations", "30", "--fit", c.fit)
		if r.R > c.r || r.FRC == nil || *r.FRC < c.frc {
			t.Errorf("fit %s: %+v, want R at most %v and FRC at least %v", c.fit, r, c.r, c.frc)
		}
	}
}
