package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	main "github.com/ptychogo/ptycho/cmd/ptycho"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/sdk"
	"github.com/ptychogo/ptycho/sdk/wire"
)

// ptycho returns the path of the program.
func ptycho(t *testing.T) string {
	t.Helper()
	return fixture.Program(t)
}

// TestMain runs the tests, or the program where a host in a test starts this file as the plugin of a bundled backend, or the recorder of
// the round trips where it starts this file as another plugin.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "plugin":
		main.Main()
	case os.Getenv(wire.CookieKey) == wire.CookieValue:
		sdk.Serve(newRecorder())
		return
	}
	code := m.Run()
	fixture.RemoveProgram()
	os.Exit(code)
}

// run runs a command in this process and returns its outputs and exit code. A test about processes, signals or what is left of a
// command uses program.Run.
func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return main.Inside(t, args...)
}

// must runs a command that must succeed and returns its standard output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := run(t, args...)
	if code != 0 {
		t.Fatalf("ptycho %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// long skips a test that takes seconds, under -short.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds: not with -short")
	}
}

// smallScan simulates a scan on which an epoch of twelve steps takes a tenth of a second.
func smallScan(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	must(t, "simulate", "--output", path, "--n", "16", "--object-size", "48", "--n-images", "96", "--nphotons", "2e5", "--seed", "3")
	return path
}

// solveInto returns the arguments of a short reconstruction.
func solveInto(scan, dir string, more ...string) []string {
	return append([]string{"solve", "--data", scan, "--output-dir", dir, "--iterations", "2", "--no-geometry", "--quiet"}, more...)
}

// trainInto returns the arguments of a short training.
func trainInto(scan, dir string, more ...string) []string {
	return append([]string{"train", "--train-data-file", scan, "--output-dir", dir, "--max-epochs", "2", "--n-filters-scale", "1", "--no-check-geometry", "--quiet"}, more...)
}

func weights(t *testing.T, run string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(run, "weights.npz"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPtycho_ScanToImage starts the program, whose backend is another process. The bits are those of a backend in one process,
// which most of the other tests use.
func TestPtycho_ScanToImage(t *testing.T) {
	scan, dir := smallScan(t), t.TempDir()
	model, out, inside := filepath.Join(dir, "run"), filepath.Join(dir, "out"), filepath.Join(dir, "inside")
	train := []string{"train", "--train_data_file", scan, "--rows", "split=0", "--max_epochs", "2", "--json", "--output_dir"}
	text := fixture.Must(t, "", append(train, model)...)
	must(t, append(train, inside)...)
	if !bytes.Equal(weights(t, model), weights(t, inside)) {
		t.Error("a backend in another process gave other weights")
	}
	var report struct {
		Epochs int
		Steps  int
		Last   struct {
			Deviance float64
			Flat     float64 `json:"flat_deviance"`
		}
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if report.Epochs != 2 || report.Steps != 12 || !(report.Last.Deviance > 0) || !(report.Last.Flat > 0) {
		t.Errorf("the report of the training is %+v", report)
	}
	fixture.Must(t, "", "infer", "--trust-data", "--model-path", model, "--test-data", scan, "--output-dir", out) // after two epochs
	for _, name := range []string{"reconstruction.npz", "amplitude.png", "phase.png", "report.json"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"config.json", "metrics.csv", "rows.json", "manifest.json", "weights.npz", "checkpoints"} {
		if _, err := os.Stat(filepath.Join(model, name)); err != nil {
			t.Error(err)
		}
	}
	text = fixture.Must(t, "", "evaluate", "--reconstruction", filepath.Join(out, "reconstruction.npz"), "--reference", scan, "--box", "12", "36", "12", "36", "--json")
	if !strings.Contains(text, `"mean_to_half_nyquist"`) || !strings.Contains(text, `"R"`) {
		t.Errorf("the evaluation lacks its figures: %s", text)
	}
}

func TestTrain_EqualRunsEqualBytes(t *testing.T) {
	long(t)
	scan, dir := smallScan(t), t.TempDir()
	a, b, c, d := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c"), filepath.Join(dir, "d")
	must(t, trainInto(scan, a, "--threads", "1")...)
	must(t, trainInto(scan, b, "--threads", "2")...)
	must(t, trainInto(scan, c, "--seed", "1")...)
	must(t, trainInto(scan, d, "--stop-after", "1")...)
	if !bytes.Equal(weights(t, a), weights(t, b)) {
		t.Error("the same run gave other weights with another number of threads")
	}
	if bytes.Equal(weights(t, a), weights(t, c)) {
		t.Error("another seed gave the same weights")
	}
	if bytes.Equal(weights(t, a), weights(t, d)) {
		t.Error("the second epoch changed nothing")
	}
}

func TestTrain_ResumedEqualsUninterrupted(t *testing.T) {
	scan, dir := smallScan(t), t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	// A tenth of the usual rate: with a dozen steps per epoch the usual rate may collapse the network.
	must(t, trainInto(scan, whole, "--max-epochs", "4", "--learning-rate", "3e-4")...)
	must(t, trainInto(scan, parts, "--max-epochs", "4", "--learning-rate", "3e-4", "--stop-after", "2")...)
	must(t, "train", "--resume", parts)
	if !bytes.Equal(weights(t, whole), weights(t, parts)) {
		t.Error("the resumed run ended with other weights")
	}
	a, _ := os.ReadFile(filepath.Join(whole, "metrics.csv"))
	b, _ := os.ReadFile(filepath.Join(parts, "metrics.csv"))
	if bytes.Count(a, []byte("\n")) != 5 || bytes.Count(b, []byte("\n")) != 5 {
		t.Errorf("metrics of the whole run:\n%s\nof the resumed run:\n%s", a, b)
	}
}

func TestMistakes_OneSentenceAndExitCode(t *testing.T) {
	scan, dir := smallScan(t), t.TempDir()
	truncated := filepath.Join(dir, "truncated.npz")
	whole, err := os.ReadFile(scan)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(truncated, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown command":              {[]string{"trian"}, 10, `unknown command "trian", did you mean train; ptycho --help lists the commands`},
		"unknown subcommand":           {[]string{"config", "shwo"}, 10, "did you mean show; ptycho config --help lists the commands"},
		"a flag misspelt":              {[]string{"train", "--train_data", "x"}, 10, "unknown flag --train-data of train, did you mean --train-data-file?"},
		"unknown flag":                 {[]string{"train", "--epochz", "3"}, 10, "epochz"},
		"unknown flag of a subcommand": {[]string{"bench", "feed", "--epochz", "3"}, 10, "ptycho bench feed --help"},
		"argument without a flag":      {[]string{"train", scan, "--train-data-file", scan, "--output-dir", out}, 10, "scan.npz"},
		"missing flag of evaluate":     {[]string{"evaluate", "--reference", scan}, 10, "--reconstruction"},
		"a scan as model":              {[]string{"infer", "--model-path", scan, "--test-data", scan, "--output-dir", out}, 11, "scan.npz: is a file"},
		"missing setting":              {[]string{"train", "--output-dir", out}, 10, "train-data-file"},
		"wrong value":                  {[]string{"train", "--train-data-file", scan, "--output-dir", out, "--batch-size", "7"}, 10, "batch-size"},
		"unknown key":                  {[]string{"train", "--train-data-file", scan, "--output-dir", out, "--set", "training.lerning-rate=1"}, 10, "learning-rate"},
		"missing file":                 {[]string{"train", "--train-data-file", filepath.Join(dir, "no.npz"), "--output-dir", out}, 11, "no.npz"},
		"a folder as data":             {[]string{"train", "--train-data-file", dir, "--output-dir", out}, 11, dir},
		"truncated file":               {[]string{"train", "--train-data-file", truncated, "--output-dir", out}, 11, "truncated.npz"},
		"unknown backend":              {[]string{"train", "--train-data-file", scan, "--output-dir", out, "--backend", "nosuch"}, 12, "nosuch"},
		"missing device":               {[]string{"train", "--train-data-file", scan, "--output-dir", out, "--device", "cuda:0"}, 13, "cuda:0"},
		"no model":                     {[]string{"infer", "--model-path", dir, "--test-data", scan, "--output-dir", out}, 11, "manifest.json"},
		"setting of the cnn":           {[]string{"train", "--train-data-file", scan, "--output-dir", out, "--amp-activation", "relu"}, 10, "cnn"},
		"resume from nothing":          {[]string{"train", "--resume", dir}, 11, dir},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := run(t, c.args...)
			if code != c.code {
				t.Errorf("exit %d, want %d: %s", code, c.code, stderr)
			}
			if !strings.Contains(stderr, c.says) || stdout != "" || strings.Contains(stderr, "goroutine") {
				t.Errorf("standard error: %s\nstandard output: %s", stderr, stdout)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("an output directory was left behind")
				os.RemoveAll(out)
			}
		})
	}
}

func TestHelp_OtherSpellings(t *testing.T) {
	if as, want := must(t, "help", "train"), must(t, "train", "--help"); as != want {
		t.Errorf("ptycho help train prints %s", as)
	}
	if as, want := must(t, "--version"), must(t, "version"); as != want {
		t.Errorf("ptycho --version prints %s", as)
	}
}

func TestTrain_RefusesFullFolder(t *testing.T) {
	fixture.Long(t)
	scan, dir := smallScan(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := run(t, "train", "--train-data-file", scan, "--output-dir", dir, "--max-epochs", "1"); code != 10 || !strings.Contains(stderr, "not empty") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	must(t, "train", "--train-data-file", scan, "--output-dir", dir, "--max-epochs", "1", "--overwrite")
	if _, err := os.Stat(filepath.Join(dir, "mine")); err != nil {
		t.Error("a file that ptycho did not write was removed")
	}
}

func TestArguments_BeforeFlags(t *testing.T) {
	scan := smallScan(t)
	if text := must(t, "inspect", scan, "--json"); !strings.HasPrefix(text, "{") {
		t.Errorf("--json after the file was ignored: %s", text)
	}
}
