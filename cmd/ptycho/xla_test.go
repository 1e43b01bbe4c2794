//go:build linux

package main_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

func TestDoctor_EveryBackend(t *testing.T) {
	folder := fixture.XLA(t, false)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	text := must(t, "plugins", "doctor", "--plugin-dir", folder)
	for _, want := range []string{"gorgonia", "reference", "NOT   library for cpu", "ptycho plugins setup xla"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func TestXLADocument_CommandsWork(t *testing.T) {
	dir := fixture.XLA(t, true)
	ran := 0
	for _, line := range commands(t, "docs/xla.md") {
		args := strings.Fields(line)
		if args[0] != "ptycho" {
			t.Errorf("no test knows how to run %q", line)
			continue
		}
		must(t, append(args[1:], "--plugin-dir", dir)...)
		ran++
	}
	if ran < 2 {
		t.Errorf("the document shows %d commands", ran)
	}
}

func TestXLA_MissingLibraryNamesSetup(t *testing.T) {
	dir, scan := fixture.XLA(t, false), smallScan(t)
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", home)
	out := filepath.Join(t.TempDir(), "out")
	train := func(args ...string) (string, int) {
		_, stderr, code := run(t, append([]string{"train", "--plugin-dir", dir, "--backend", "xla", "--train-data-file", scan, "--output-dir", out}, args...)...)
		if strings.Contains(stderr, "goroutine") {
			t.Errorf("a panic reached the user: %s", stderr)
		}
		if _, err := os.Stat(out); err == nil {
			t.Error("an output directory was left behind")
		}
		return stderr, code
	}
	if text, code := train(); code != 12 || !strings.Contains(text, "ptycho plugins setup xla") {
		t.Errorf("no library: exit %d, want 12: %s", code, text)
	}
	if text, code := train("--device", "cuda:0"); code != 13 && code != 12 {
		t.Errorf("no GPU: exit %d, want 13 (12 where there is one without its library): %s", code, text)
	}
	cut := filepath.Join(home, "ptycho", "xla", "cpu-0.0.1", "xla_cpu_pjrt.so")
	if err := os.MkdirAll(filepath.Dir(cut), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, []byte("\x7fELF and no more"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, code := train(); code != 12 || !strings.Contains(text, "damaged") || !strings.Contains(text, "ptycho plugins setup xla") {
		t.Errorf("a truncated library: exit %d, want 12: %s", code, text)
	}
	if _, text, code := run(t, "plugins", "setup", "xla", "--plugin-dir", dir, "--from", scan); code != 12 || !strings.Contains(text, "SHA-256") {
		t.Errorf("a wheel that is none: exit %d, want 12: %s", code, text)
	}
}

// A library with an unknown digest is first loaded in a separate process. This one is truncated so that it crashes the loader.
func TestXLA_RefusesCrashingLibrary(t *testing.T) {
	dir, scan := fixture.XLA(t, true), smallScan(t)
	var path string
	for _, f := range fixture.DoctorXLA(t) {
		if f.Check == "library for cpu" {
			path = f.Found[strings.LastIndex(f.Found, " ")+1:]
		}
	}
	whole, err := os.Open(path)
	if err != nil {
		t.Skip(err)
	}
	defer whole.Close()
	head := make([]byte, 1<<20)
	if _, err := whole.ReadAt(head, 0); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "xla_cpu_cut.so")
	if err := os.WriteFile(cut, head, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PTYCHO_XLA_CPU_LIBRARY", cut)
	_, stderr, code := run(t, "train", "--plugin-dir", dir, "--backend", "xla", "--train-data-file", scan, "--output-dir", filepath.Join(t.TempDir(), "out"))
	if code != 12 || !strings.Contains(stderr, cut) {
		t.Errorf("exit %d, want 12: %s", code, stderr)
	}
}

// deviances reads the deviance of each epoch from a run's metrics.
func deviances(t *testing.T, run string) []float64 {
	t.Helper()
	f, err := os.Open(filepath.Join(run, "metrics.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[4], 64)
		if err != nil || rows[0][4] != "deviance" {
			t.Fatalf("%v in %v", err, rows[0])
		}
		out = append(out, v)
	}
	return out
}

// saved returns the checksums of the arrays in a checkpoint, without its position, which holds times.
func saved(t *testing.T, run, name string) map[string]uint32 {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(run, "checkpoints", name))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	sums := map[string]uint32{}
	for _, f := range z.File {
		if f.Name != "position.npy" {
			sums[f.Name] = f.CRC32
		}
	}
	return sums
}

// agree compares the deviances of the epochs of two runs.
//
// Rounding in a gradient near zero moves a weight by up to the rate of Adam, and from there the runs part: after the steps of one epoch
// they still agree to 1e-3. At the rate 3e-4 runs on Gorgonia by plain Go and by AVX2 are 9 % apart after four epochs, at 1e-4 less
// than 1 %, so only there does the bound say anything of another backend.
func agree(t *testing.T, want, got []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d epochs, want %d", len(got), len(want))
	}
	for i := range got {
		if e := math.Abs(got[i]/want[i] - 1); e > 1e-3 && i == 0 || e > 5e-2 {
			t.Errorf("epoch %d: deviance %v, want nearly %v", i+1, got[i], want[i])
		}
	}
}

// TestXLA_FollowsGorgonia trains on both backends. With all cases, runs also move from one to the other.
func TestXLA_FollowsGorgonia(t *testing.T) {
	dir, scan, runs := fixture.XLA(t, true), smallScan(t), t.TempDir()
	path := func(name string) string { return filepath.Join(runs, name) }
	train := func(name, backend string, more ...string) {
		must(t, append([]string{"train", "--plugin-dir", dir, "--backend", backend, "--train-data-file", scan, "--output-dir", path(name),
			"--max-epochs", "4", "--n-filters-scale", "1", "--learning-rate", "1e-4", "--device", "cpu"}, more...)...)
	}
	train("gorgonia", "gorgonia")
	train("xla", "xla")
	want := deviances(t, path("gorgonia"))
	agree(t, want, deviances(t, path("xla")))
	if !fixture.All() {
		return
	}
	train("there", "gorgonia", "--stop-after", "2")
	must(t, "train", "--plugin-dir", dir, "--resume", path("there"), "--backend", "xla")
	train("back", "xla", "--stop-after", "3", "--threads", "1")
	if a, b := saved(t, path("xla"), "step-00000036.npz"), saved(t, path("back"), "step-00000036.npz"); len(a) < 10 || !maps.Equal(a, b) {
		t.Error("two equal runs on XLA gave other bytes after three epochs")
	}
	must(t, "train", "--plugin-dir", dir, "--resume", path("back"), "--backend", "gorgonia")
	for _, name := range []string{"there", "back"} {
		agree(t, want, deviances(t, path(name)))
	}
	must(t, "infer", "--plugin-dir", dir, "--model-path", path("xla"), "--test-data", scan, "--output-dir", path("out"), "--trust-data") // hardly trained
	for _, name := range []string{"reconstruction.npz", "amplitude.png", "phase.png", "report.json"} {
		if _, err := os.Stat(filepath.Join(path("out"), name)); err != nil {
			t.Error(err)
		}
	}
}

func TestXLA_KilledPluginIsReplaced(t *testing.T) {
	fixture.NeedsAll(t) // TestTrain_KilledPluginIsReplaced kills the plugin of Gorgonia
	dir, scan, runs := fixture.XLA(t, true), smallScan(t), t.TempDir()
	start := func(name string) *exec.Cmd {
		return exec.Command(ptycho(t), "train", "--plugin-dir", dir, "--backend", "xla", "--train-data-file", scan, "--output-dir", filepath.Join(runs, name),
			"--max-epochs", "8", "--n-filters-scale", "1", "--learning-rate", "3e-4", "--device", "cpu")
	}
	killed, undisturbed := start("killed"), start("undisturbed")
	if err := undisturbed.Start(); err != nil {
		t.Fatal(err)
	}
	afterEpoch(t, killed, "1")
	victims := plugins(t, killed.Process.Pid)
	if len(victims) != 1 {
		t.Fatalf("the host has the children %v, want the plugin alone", victims)
	}
	if err := syscall.Kill(victims[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := killed.Wait(); err != nil {
		t.Fatalf("the run did not survive: %v", err)
	}
	if err := undisturbed.Wait(); err != nil {
		t.Fatalf("the run beside it failed: %v", err)
	}
	if !bytes.Equal(weights(t, filepath.Join(runs, "killed")), weights(t, filepath.Join(runs, "undisturbed"))) {
		t.Error("the run ended with other weights")
	}
}
