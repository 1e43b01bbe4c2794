package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// put writes a file into a new folder.
func put(t *testing.T, name, contents string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const baseline = "../../host/ptychopinn/testdata/reference-baseline.yaml"

func TestConfigExplain_ShowsOrigins(t *testing.T) {
	scan, file := smallScan(t), put(t, "run.yaml", "training:\n  max-epochs: 5\n  seed: 3\n")
	t.Setenv("PTYCHO_TRAINING__MAX_EPOCHS", "6")
	args := []string{"--preset", "quick", "--config", file, "--set", "training.max-epochs=7", "--max-epochs", "8", "--train-data-file", scan, "--output-dir", "run"}
	text := must(t, append([]string{"config", "explain"}, args...)...)
	rows := map[string]string{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		rows[fields[0]] = strings.Join(fields[1:], " ")
	}
	for key, want := range map[string]string{
		"training.max-epochs":      "8 --max-epochs 7 (--set), 6 (PTYCHO_TRAINING__MAX_EPOCHS), 5 (" + file + ":2), 4 (preset quick), 16 (default)",
		"training.seed":            "3 " + file + ":3 0 (default)",
		"model.n":                  "16 " + scan + " 0 (default)",
		"training.batch-size":      "8 default",
		"training.schedule-epochs": "8 from max-epochs (--max-epochs) 0 (default)",
	} {
		if rows[key] != want {
			t.Errorf("%s is explained as %q, want %q", key, rows[key], want)
		}
	}
	if _, err := os.Stat("run"); err == nil {
		t.Error("explain made the run directory")
	}
	var stored struct {
		Settings []struct {
			Key, Layer, Origin string
			Value              any
			Overrode           []struct{ Value, Origin string }
		}
	}
	if err := json.Unmarshal([]byte(must(t, append([]string{"config", "explain", "--json"}, args...)...)), &stored); err != nil {
		t.Fatal(err)
	}
	for _, s := range stored.Settings {
		if s.Key == "training.max-epochs" && (s.Value != 8.0 || s.Layer != "flag" || len(s.Overrode) != 5 || s.Overrode[3].Origin != "preset quick") {
			t.Errorf("as JSON: %+v", s)
		}
		if s.Key == "execution.json" && s.Value != false {
			t.Errorf("explain's own --json is explained as a setting: %+v", s)
		}
	}
}

func TestConfig_ExplainShowDiffOfRun(t *testing.T) {
	fixture.Long(t)
	scan, dir := smallScan(t), t.TempDir()
	run := filepath.Join(dir, "run")
	must(t, "train", "--train-data-file", scan, "--output-dir", run, "--max-epochs", "1", "--seed", "4", "--quiet")
	if text := must(t, "config", "explain", run); !strings.Contains(text, "--seed") || !strings.Contains(text, scan) {
		t.Errorf("the run is explained as %s", text)
	}
	shown := put(t, "shown.yaml", must(t, "config", "show", run))
	if text := must(t, "config", "diff", run, shown, "--json"); text != "[]\n" && !strings.Contains(text, "model.n") {
		t.Errorf("the run and what is shown of it differ by %s", text)
	}
	other := put(t, "other.yaml", "training: {seed: 5}\n")
	text := must(t, "config", "diff", filepath.Join(run, "config.json"), other)
	var seed string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "training.seed") {
			seed = strings.Join(strings.Fields(line), " ")
		}
	}
	if want := `training.seed "4" --seed "5" ` + other + ":1"; seed != want {
		t.Errorf("the seed differs by %q, want %q, in\n%s", seed, want, text)
	}
	for _, args := range [][]string{{"config", "explain", dir}, {"config", "explain", run, "--seed", "3"}, {"config", "diff", run}, {"config", "diff", run, dir}} {
		if stdout, stderr, code := run10(t, args...); code != 10 || stdout != "" {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}

// run10 is run for wrong commands, which must end with exit code 10.
func run10(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	stdout, stderr, code = run(t, args...)
	if strings.Contains(stderr, "goroutine") {
		t.Errorf("%v panics: %s", args, stderr)
	}
	return stdout, stderr, code
}

func TestConfigSchema_MatchesFiles(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(must(t, "config", "schema")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("settings.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("settings.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for _, text := range []string{
		must(t, "config", "show", "--json"), must(t, "config", "show", "--json", "--command", "infer", "--preset", "thorough"),
		must(t, "config", "show", "--json", "--preset", "ptychopinn", "--max-time", "90s", "--logger", "csv,mlflow", "--set", "training.scheduler=multistage", "--scheduler-milestones", "3,5"),
		`{}`, `{"training": null}`, `{"training": {"batch_size": 8, "k": 3}, "model": {"model-type": "pinn", "gridsize": 1}, "execution": {"max-time": 0}}`,
	} {
		if err := valid(text); err != nil {
			t.Errorf("%s is refused: %v", text, err)
		}
		file := put(t, "valid.json", text) // the program must agree
		if _, stderr, code := run(t, "config", "diff", file, file); code != 0 {
			t.Errorf("%s passes the schema, and the program refuses it: %s", text, stderr)
		}
	}
	for _, text := range []string{
		`[]`, `{"trainin": {}}`, `{"training": {"batch-sise": 8}}`, `{"training": {"batch-size": 0}}`, `{"training": {"batch-size": 7.5}}`, `{"training": {"learning-rate": 0}}`,
		`{"training": {"learning-rate": 11}}`, `{"model": {"arch": "resnet"}}`, `{"model": {"gridsize": 3}}`, `{"execution": {"logger": "csv,paper"}}`, `{"execution": {"max-time": "soon"}}`,
		`{"training": {"seed": [1]}}`, `{"execution": {"deterministic": "perhaps"}}`, `{"inference": {"patch-weighting": 1}}`, `{"training": {"scheduler": "constantly"}}`,
	} {
		if valid(text) == nil {
			t.Errorf("%s passes the schema", text)
		}
		file := put(t, "wrong.json", text)
		if _, stderr, code := run10(t, "config", "diff", file, file); code != 10 || !strings.Contains(stderr, file) {
			t.Errorf("%s: exit %d: %s", text, code, stderr)
		}
	}
}

func TestConfigImport_ExplainsEachKey(t *testing.T) {
	file := put(t, "ref.yaml", "model:\n  N: 64\n  probe_scale: 4.0\nnepochs: 3\nmae_weight: 1.0\nnll_weight: 0.0\n")
	text := must(t, "config", "import", file)
	for _, want := range []string{"n: 64 # model.N = 64 (line 2)", "max-epochs: 3", `loss: "mae"`, "probe_scale = 4.0 (line 3): the probe's scale is never trusted"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing like %q in\n%s", want, text)
		}
	}
	out := filepath.Join(t.TempDir(), "out.yaml")
	table := must(t, "config", "import", file, "--output", out)
	if strings.Count(table, "\n") != 7 || !strings.Contains(table, "no meaning here") { // five keys, the architecture, the head
		t.Errorf("the table is\n%s", table)
	}
	if written, err := os.ReadFile(out); err != nil || string(written) != text {
		t.Errorf("the file holds %s (%v)", written, err)
	}
	if explained := must(t, "config", "explain", "--config", out); !strings.Contains(explained, out+":") {
		t.Errorf("the file is explained as %s", explained)
	}
	if _, stderr, code := run10(t, "config", "import", file, "--output", out); code != 10 || !strings.Contains(stderr, "--overwrite") {
		t.Errorf("a file that is there: exit %d: %s", code, stderr)
	}
	var report struct {
		Kind string
		Keys []struct {
			Key  string
			Line int
		}
	}
	if err := json.Unmarshal([]byte(must(t, "config", "import", file, "--json")), &report); err != nil || report.Kind != "TrainingConfig" || len(report.Keys) != 6 || report.Keys[0].Line != 2 {
		t.Errorf("as JSON: %+v (%v)", report, err)
	}
	stdout, stderr, code := run10(t, "config", "import", baseline)
	if code != 10 || !strings.Contains(stderr, "mixture") || !strings.Contains(stdout, "WRONG") || strings.Count(stdout, "\n") < 29 {
		t.Errorf("the baseline: exit %d: %s%s", code, stdout, stderr)
	}
}

func TestConfigShow_LegacyDictionary(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(must(t, "config", "show", "--legacy", baseline)), &got); err != nil {
		t.Fatal(err)
	}
	if got["object.big"] != false || got["bigN"] != 136.0 || got["padded_size"] != 146.0 || got["nphotons"] != 5e8 || got["train_data_file_path"] != "/data/train.npz" {
		t.Errorf("shown as %v", got)
	}
}

func TestConfig_OtherFilesAreRefused(t *testing.T) {
	fixture.Long(t)
	dir := t.TempDir()
	for name, contents := range map[string]string{
		"cut.yaml": "training: {seed: ", "twice.yaml": "training:\n  seed: 1\n  seed: 2\n", "nan.yaml": "training: {learning-rate: NaN}\n", "type.yaml": "training: {seed: [1]}\n",
		"ref.yaml": "nepochs: many\nbatch_size: 4\n", "bomb.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nnepochs: *b\n", "huge.yaml": strings.Repeat("# \n", 1<<20), "zero.yaml": "\x00",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cut.yaml", "twice.yaml", "nan.yaml", "type.yaml", "ref.yaml", "bomb.yaml", "huge.yaml", "zero.yaml", "folder.yaml", "absent.yaml"} {
		file := filepath.Join(dir, name)
		for _, args := range [][]string{{"config", "explain", "--config", file}, {"config", "import", file}, {"config", "show", "--legacy", file},
			{"train", "--config", file, "--train-data-file", "x.npz", "--output-dir", filepath.Join(dir, "out")}} {
			stdout, stderr, code := run10(t, args...)
			if code != 10 || !strings.Contains(stderr, name) || stdout != "" && args[1] != "import" || strings.HasPrefix(strings.TrimSpace(stderr), "panic") {
				t.Errorf("%v: exit %d: %s%s", args, code, stdout, stderr)
			}
		}
	}
}
