package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// eightSteps writes a scan of 16×16 pixels, on which an epoch of eight steps takes a tenth of a second. Tests that need it take too long
// for -short.
func eightSteps(t *testing.T) string {
	t.Helper()
	long(t)
	path := filepath.Join(t.TempDir(), "scan.npz")
	must(t, "simulate", "--output", path, "--n", "16", "--object-size", "48", "--n-images", "64", "--nphotons", "1e5", "--seed", "1")
	return path
}

// engines runs a test on Gorgonia and, if all is set, on XLA. It skips XLA if its library is missing.
func engines(t *testing.T, all bool, test func(t *testing.T, backend []string)) {
	t.Run("gorgonia", func(t *testing.T) { test(t, []string{"--backend", "gorgonia", "--threads", "1"}) })
	if !all {
		return
	}
	t.Run("xla", func(t *testing.T) {
		t.Setenv("PTYCHO_PLUGIN_PATH", fixture.XLA(t, true))
		test(t, []string{"--backend", "xla"})
	})
}

// report holds the fields of a training report that these tests read.
type report struct {
	Epochs  int
	Steps   int
	Ended   string
	Weights string
	Best    []struct {
		File        string
		Epoch, Step int
		Value       float64
	}
	Beginnings []struct{ Reason string }
	Last       struct {
		Deviance   float64
		Validation *float64 `json:"validation_deviance"`
	}
}

// train runs a training that must succeed.
func train(t *testing.T, args ...string) report {
	t.Helper()
	var r report
	text := must(t, append([]string{"train", "--json", "--quiet"}, args...)...)
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// small returns the common flags of all runs.
func small(scan, out string, more ...string) []string {
	return append([]string{"--train-data-file", scan, "--output-dir", out, "--n-filters-scale", "1", "--no-check-geometry"}, more...)
}

func bytesOf(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A resumed run gives the same bits: after a stop in the middle of an epoch, with other loggers, more workers and threads, and
// with validation at steps.
func TestResume_SameBits(t *testing.T) {
	data := eightSteps(t)
	engines(t, fixture.All(), func(t *testing.T, backend []string) {
		dir := t.TempDir()
		plan := slices.Concat(backend, []string{"--max-epochs", "3", "--val-split", "0.25", "--val-check-interval", "4", "--scheduler", "plateau",
			"--plateau-patience", "0", "--ema-decay", "0.9", "--accumulate-grad-batches", "2", "--batch-size", "4"})
		whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
		train(t, small(data, whole, plan...)...)
		if r := train(t, small(data, parts, append(plan, "--max-steps", "5")...)...); r.Ended != "stopped" || r.Steps != 5 {
			t.Fatalf("the run was to stop after 5 steps: %+v", r)
		}
		train(t, "--resume", parts, "--logger", "csv,tensorboard", "--num-workers", "3", "--prefetch-factor", "2", "--persistent-workers", "--max-steps", "11")
		train(t, "--resume", parts)
		if string(bytesOf(t, whole, "weights.npz")) != string(bytesOf(t, parts, "weights.npz")) {
			t.Error("the weights differ from those of the run in one piece")
		}
		if got, want := firstColumns(bytesOf(t, parts, "steps.csv")), firstColumns(bytesOf(t, whole, "steps.csv")); got != want {
			t.Errorf("the steps logged are\n%s\nthose of the run in one piece\n%s", got, want)
		}
	})
}

// firstColumns returns the steps and epochs of a table.
func firstColumns(table []byte) string {
	var out []string
	for line := range strings.Lines(string(table)) {
		out = append(out, strings.Join(strings.SplitN(line, ",", 3)[:2], ","))
	}
	return strings.Join(out, "\n")
}

func TestResume_FromOlderCheckpoint(t *testing.T) {
	data, dir := eightSteps(t), t.TempDir()
	whole, again := filepath.Join(dir, "whole"), filepath.Join(dir, "again")
	plan := []string{"--max-epochs", "4", "--checkpoint-save-top-k", "-1", "--threads", "1"}
	train(t, small(data, whole, plan...)...)
	if err := os.CopyFS(again, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	r := train(t, "--resume", filepath.Join(again, "checkpoints", "best-00000016.npz"))
	if r.Steps != 32 || string(bytesOf(t, whole, "weights.npz")) != string(bytesOf(t, again, "weights.npz")) {
		t.Errorf("going on from step 16 gives other weights after %d steps", r.Steps)
	}
}

// Four micro-batches of four patterns equal one batch of sixteen: the same groups, and the same gradient except for rounding.
func TestAccumulation_EqualsLargeBatch(t *testing.T) {
	data := eightSteps(t)
	engines(t, fixture.All(), func(t *testing.T, backend []string) {
		dir := t.TempDir()
		loss := func(out string, more ...string) [][]string {
			train(t, small(data, filepath.Join(dir, out), slices.Concat(backend, []string{"--max-epochs", "2", "--optimizer", "sgd", "--momentum", "0", "--learning-rate", "1e-4", "--scheduler", "none"}, more)...)...)
			return table(t, filepath.Join(dir, out, "steps.csv"))
		}
		large, parts := loss("large", "--batch-size", "16"), loss("parts", "--batch-size", "4", "--accumulate-grad-batches", "4")
		if len(large) != 9 || len(parts) != len(large) {
			t.Fatalf("%d and %d rows, want a header and 8 steps", len(large), len(parts))
		}
		for _, column := range []string{"loss", "grad_norm"} {
			for i := 1; i < len(large); i++ {
				a, b := entry(t, large, i, column), entry(t, parts, i, column)
				if d := a - b; d > 1e-5*a || -d > 1e-5*a {
					t.Errorf("step %d: %s is %v for the large batch, %v for its parts", i, column, a, b)
				}
			}
		}
	})
}

func TestFinalWeights_BestValidation(t *testing.T) {
	data, dir := eightSteps(t), t.TempDir()
	out := filepath.Join(dir, "run")
	r := train(t, small(data, out, "--max-epochs", "5", "--val-split", "0.25", "--checkpoint-mode", "max", "--final-weights", "best", "--checkpoint-save-top-k", "2", "--threads", "1")...)
	if len(r.Best) != 2 || r.Best[0].Value < r.Best[1].Value || r.Weights != "best" {
		t.Fatalf("with larger values better: %+v", r)
	}
	worst := filepath.Join(dir, "worst")
	if err := os.CopyFS(worst, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(out, "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	best := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "best-") {
			best++
		}
	}
	if best != 2 {
		t.Errorf("%d best checkpoints are kept, want 2", best)
	}
}

func TestEarlyStop_EndsRun(t *testing.T) {
	data, dir := eightSteps(t), t.TempDir()
	r := train(t, small(data, filepath.Join(dir, "run"), "--max-epochs", "50", "--checkpoint-mode", "max", "--early-stop-patience", "2", "--threads", "1")...)
	if r.Ended != "stopped early" || r.Epochs > 10 {
		t.Errorf("a deviance that should rise and falls: %+v", r)
	}
}

// The guard names the step and the likely cause, ends the run with exit code 15, and keeps the last good checkpoint. A forced
// run continues from it at another rate.
func TestDivergence_KeepsLastGoodCheckpoint(t *testing.T) {
	data, dir := eightSteps(t), t.TempDir()
	out := filepath.Join(dir, "run")
	train(t, small(data, out, "--max-epochs", "4", "--stop-after", "2", "--threads", "1")...)
	_, stderr, code := run(t, "train", "--resume", out, "--learning-rate", "9", "--scheduler", "none", "--gradient-clip-val", "0", "--force", "--threads", "1")
	for _, want := range []string{"epoch 3, step ", "--gradient-clip-val", "the checkpoint of epoch 2 is kept"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("it does not say %q: %s", want, stderr)
		}
	}
	if code != 15 {
		t.Fatalf("exit %d, want 15", code)
	}
	if got := train(t, "--resume", out, "--learning-rate", "1e-3", "--scheduler", "none", "--gradient-clip-val", "1", "--force"); got.Epochs != 4 {
		t.Errorf("the run did not go on: %+v", got)
	}
	if !strings.Contains(string(bytesOf(t, out, "config.json")), "2e-3") && !strings.Contains(string(bytesOf(t, out, "config.json")), "0.002") {
		t.Error("the configuration does not record the rate that was forced aside")
	}
}

func TestResume_RefusesOtherNumbersUnlessForced(t *testing.T) {
	data, dir := eightSteps(t), t.TempDir()
	out := filepath.Join(dir, "run")
	train(t, small(data, out, "--max-epochs", "2", "--stop-after", "1")...)
	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"--batch-size", "16"}, 10, "--force"},
		{[]string{"--n-filters-scale", "2", "--force"}, 10, "start a new run"},
		{[]string{"--precision", "float64"}, 10, "--force"},
		{[]string{"--train-data-file", eightSteps(t), "--seed", "3", "--force"}, 0, ""},
	} {
		_, stderr, code := run(t, append([]string{"train", "--resume", out}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.say) {
			t.Errorf("%v: exit %d, want %d and %q: %s", c.args, code, c.code, c.say, stderr)
		}
	}
}

// A network goes on from the start that it learned with, also with patterns that would choose the other one. Those of the second scan have
// exposures of 0.05 to 1.
func TestResume_KeepsTheStartOfTheNetwork(t *testing.T) {
	dir := t.TempDir()
	sound, flickers, out := filepath.Join(dir, "sound.npz"), filepath.Join(dir, "flickers.npz"), filepath.Join(dir, "run")
	for path, faults := range map[string][]string{sound: nil, flickers: {"--fault", "exposure=0.05"}} {
		must(t, append([]string{"simulate", "--output", path, "--n", "16", "--object-size", "48", "--n-images", "80", "--seed", "1"}, faults...)...)
	}
	_, text, _ := run(t, append([]string{"train"}, small(sound, out, "--max-epochs", "2", "--stop-after", "1")...)...)
	if !strings.Contains(text, "start: scaled-beam") {
		t.Fatalf("another start: %s", text)
	}
	train(t, "--resume", out, "--train-data-file", flickers, "--force", "--trust-data")
	var manifest struct{ Settings struct{ Start string } }
	if err := json.Unmarshal(bytesOf(t, out, "manifest.json"), &manifest); err != nil || manifest.Settings.Start != "scaled-beam" {
		t.Errorf("the network starts from %q, %v", manifest.Settings.Start, err)
	}
}

func TestDryRun_WritesNothing(t *testing.T) {
	data, dir := eightSteps(t), t.TempDir()
	var plan struct {
		Steps       int
		StepSeconds float64 `json:"step_s"`
		Bytes       int64   `json:"backend_bytes"`
		Settings    map[string]string
	}
	t.Chdir(dir)
	text := must(t, append([]string{"train", "--dry-run", "--json", "--quiet"}, small(data, "run", "--max-epochs", "3")...)...)
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		t.Fatal(err)
	}
	if plan.Steps != 24 || !(plan.StepSeconds > 0) || plan.Settings["training.max-epochs"] != "3" {
		t.Errorf("planned %+v", plan)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}
