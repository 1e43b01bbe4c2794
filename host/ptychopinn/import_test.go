package ptychopinn

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/config"
)

// needed holds the settings that every training run requires, and described the description of a scan.
var (
	needed    = config.Flags(config.Train, map[string]string{"train-data-file": "scan.npz", "output-dir": "run"})
	described = config.Data("scan.npz", map[string]any{"model.n": 64})
)

func imported(t *testing.T, contents string) *Import {
	t.Helper()
	i, err := readImport("ref.yaml", []byte(contents))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// mistakes returns the errors in a configuration of the reference as one text.
func mistakes(contents string) string {
	i, err := readImport("ref.yaml", []byte(contents))
	if err == nil {
		err = i.Err()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestImport_EveryKeyTranslated gives every key its own default. Each must be read and become a setting, have no
// meaning with a reason, or be an error that says what to do. A key that becomes an unknown setting panics.
func TestImport_EveryKeyTranslated(t *testing.T) {
	for form, tables := range map[string]map[string][]field{"flat": flatTable, "torch": torchTable} {
		for section, rows := range tables {
			for n := range rows {
				row := &rows[n]
				v := literal{kind: row.kind, text: "7"}
				switch {
				case row.def != nil:
					v.text = fmt.Sprint(row.def)
				case row.kind == pair:
					v = literal{kind: pair, list: true, items: []string{"2", "2"}}
				case row.kind == sequence:
					v = literal{kind: sequence, list: true}
				}
				i := &Import{Kind: "TrainingConfig", form: tables, values: map[string]literal{}}
				if form == "torch" {
					i.Kind = "torch"
				}
				got := i.translate(entry{written: section + "." + row.name, row: row, value: v})
				if len(got.Became) == 0 && got.Note == "" && got.Wrong == "" {
					t.Errorf("%s %s.%s: nothing became of it", form, section, row.name)
				}
				if got.Wrong != "" && row.def != nil {
					t.Errorf("%s %s.%s: its default is wrong: %s", form, section, row.name, got.Wrong)
				}
				if row.means.says == "" || strings.Contains(row.means.says, "\n") {
					t.Errorf("%s %s.%s: documented as %q", form, section, row.name, row.means.says)
				}
			}
		}
	}
}

func TestImport_FileOfSettings(t *testing.T) {
	for file, want := range map[string]map[string]string{
		"reference-training.yaml": {"model.arch": "cnn", "model.n": "64", "model.loss": "poisson", "training.max-epochs": "2", "training.gradient-clip-val": "0", "training.scheduler": "none",
			"training.neighbor-count": "6", "training.seed": "7", "training.n-images": "512", "training.train-data-file": "scan.npz", "training.nphotons": "0"},
		"reference-torch.json": {"model.arch": "cnn", "model.gridsize": "2", "model.amp-activation": "swish", "training.max-epochs": "2", "training.learning-rate": "0.001",
			"training.scheduler": "plateau", "training.plateau-patience": "3", "execution.strategy": "auto"},
	} {
		path := filepath.Join("testdata", file)
		c, err := config.NewTraining(described, needed, File(path))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for key, value := range want {
			v, _ := c.Lookup(key)
			if key == "training.train-data-file" { // the flag of needed is above it
				if len(v.Overrode) == 0 || v.Overrode[0].Text != value {
					t.Errorf("%s: %s overrode %v, want %s of the file", file, key, v.Overrode, value)
				}
				continue
			}
			if v.Text != value {
				t.Errorf("%s: %s = %s, want %s", file, key, v.Text, value)
			}
			if v.Origin.Layer == config.FileLayer && !strings.HasPrefix(v.Origin.Where, path) {
				t.Errorf("%s: %s comes from %v, want the file", file, key, v.Origin)
			}
		}
		if !slices.ContainsFunc(c.Notices(), func(n string) bool { return strings.Contains(n, path) && strings.Contains(n, "config import") }) {
			t.Errorf("%s: the notices %q do not say that it was translated", file, c.Notices())
		}
		again, err := config.NewTraining(described, needed, config.YAML("imported.yaml", must(ReadImport(path)).YAML()))
		if err != nil {
			t.Errorf("%s: the output of import is not a file of settings: %v", file, err)
			continue
		}
		a, errA := again.SettingsJSON()
		b, errB := c.SettingsJSON()
		if errA != nil || errB != nil || string(a) != string(b) { // except for settings without effect
			t.Errorf("%s: the file that import writes gives %s, the file itself %s (%v, %v)", file, a, b, errA, errB)
		}
	}
}

func must(i *Import, err error) *Import {
	if err != nil {
		panic(err)
	}
	return i
}

func TestImport_InferenceConfigDetected(t *testing.T) {
	c, err := config.NewInference(config.Data("run", map[string]any{"model.n": 64, "model.arch": "cnn"}),
		Contents("ref.yaml", []byte("model_path: run\ntest_data_file: t.npz\noutput_dir: out\nn_images: 30\nneighbor_count: 4\ndebug: true\n")))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Settings()
	if s.ModelPath != "run" || s.TestData != "t.npz" || s.OutputDir != "out" || s.NImages != 30 || c.Execution().LogLevel != "debug" || c.Model().Arch != "cnn" {
		t.Errorf("read as %+v", s)
	}
}

func TestImport_KeysTranslated(t *testing.T) {
	for name, c := range map[string]struct{ contents, key, value string }{
		"mae alone":               {"nll_weight: 0\nmae_weight: 1", "model.loss", "mae"},
		"the torch loss decides":  {"nll_weight: 1\nmae_weight: 0\ntorch_loss_mode: mae\nbackend: pytorch", "model.loss", "mae"},
		"the weights decide":      {"nll_weight: 1\nmae_weight: 0\ntorch_loss_mode: mae\nbackend: tensorflow", "model.loss", "poisson"},
		"patterns before groups":  {"n_subsample: 99\nn_groups: 5", "training.n-images", "99"},
		"the first images":        {"sequential_sampling: true\nn_images: 20", "training.rows", "0:20"},
		"the pool":                {"neighbor_count: 4\nneighbor_pool_size: 9", "training.neighbor-count", "9"},
		"C alone":                 {"DataConfig: {C: 1}\nModelConfig: {object_big: false}", "model.gridsize", "1"},
		"the kept middle":         {"DataConfig: {N: 128}\nInferenceConfig: {middle_trim: 32}", "inference.middle-trim", "48"},
		"execution over training": {"TrainingConfig: {learning_rate: 0.01}\nexecution_config: {learning_rate: 0.02}", "training.learning-rate", "0.02"},
		"two devices":             {"training_config: {n_devices: 2, strategy: ddp}", "execution.strategy", "ddp"},
		"below model: holds":      {"amp_activation: relu\nmodel: {amp_activation: swish}", "model.amp-activation", "swish"},
		"a path object":           {"train_data_file: !!python/object/apply:pathlib.PosixPath [/, data, a.npz]\nnepochs: 1", "training.train-data-file", "/data/a.npz"},
		"no logger":               {"logger_backend: null\nnepochs: 1", "execution.logger", "none"},
		"silence builds the cnn":  {"nepochs: 1", "model.arch", "cnn"},
	} {
		t.Run(name, func(t *testing.T) {
			i := imported(t, c.contents)
			if err := i.Err(); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, k := range i.Keys {
				if v := k.gives(c.key); v != "" {
					got = v
				}
			}
			if got != c.value {
				t.Errorf("%s = %q, want %q: %+v", c.key, got, c.value, i.Keys)
			}
		})
	}
}

func TestImport_InvalidKeysRejected(t *testing.T) {
	for name, c := range map[string]struct{ contents, says string }{
		"a misspelt key":             {"nepoch: 3\nbatch_size: 16", "did you mean nepochs?"},
		"a misspelt section":         {"DataConfig: {N: 64}\nModelConfi: {mode: Supervised}", "did you mean ModelConfig?"},
		"a misspelt key of the cnn":  {"model: {N: 64, n_filter_scale: 2}\nnepochs: 2", "did you mean n_filters_scale?"},
		"a mixture":                  {"nll_weight: 0.5\nmae_weight: 0.5", "mixture"},
		"no loss":                    {"nll_weight: 0\nnepochs: 1", "no loss"},
		"two words on the loss":      {"mae_weight: 1\nnll_weight: 0\ntorch_loss_mode: poisson", "torch_loss_mode"},
		"a batch of no power of two": {"batch_size: 12", "a power of two"},
		"N of no size":               {"model: {N: 65}", "64, 128, 256"},
		"another architecture":       {"architecture: fno", "generator"},
		"an unknown architecture":    {"architecture: resnet", "one of cnn"},
		"a refined probe":            {"probe_trainable: true", "refine the probe"},
		"groups of nine":             {"gridsize: 3\nnepochs: 1", "model.gridsize, which must be one of 1, 2"},
		"a warm-up in epochs":        {"lr_warmup_epochs: 5", "steps"},
		"half precision":             {"precision: 16-mixed\nnepochs: 2", "float32, float64"},
		"another loss by nll":        {"TrainingConfig: {nll: false}\nModelConfig: {loss_function: Poisson}", "give one of them"},
		"an oblong group":            {"DataConfig: {grid_size: [2, 3]}", "two equal numbers"},
		"a mask of numbers":          {"ModelConfig: {probe_mask: [1, 0]}", "contains a mask"},
		"attention":                  {"ModelConfig: {eca_encoder: true}", "block"},
		"twice":                      {"nepochs: 1\nnepochs: 2", "set twice, first in line 1"},
		"NaN":                        {"learning_rate: NaN\nnepochs: 1", "a number above 0"},
		".nan":                       {"learning_rate: .nan\nnepochs: 1", "a number above 0"},
		"infinity":                   {"nphotons: .inf", "a number above 0"},
		"a number in quotes":         {"nepochs: \"3\"", "a whole number"},
		"a fraction":                 {"nepochs: 2.5", "a whole number"},
		"a list":                     {"nepochs: [1, 2]", "a whole number"},
		"a mapping":                  {"nepochs: {a: 1}\nbatch_size: 4", "a whole number"},
		"a huge number":              {"nepochs: 99999999999999999999\nbatch_size: 4", "a whole number"},
		"a section that is a text":   {"DataConfig: {N: 64}\nModelConfig: hello", "must be a section"},
		"nothing":                    {"", "is empty"},
		"a comment":                  {"# nothing\n", "is empty"},
		"a list of things":           {"- a\n- b\n", "sections"},
		"cut off":                    {"{\"DataConfig\": {\"N\": 64,", "is not YAML"},
		"a merge key":                {"a: &a {b: 1}\n<<: *a\nnepochs: 1", "is not a key of PtychoPINN"},
		"two documents":              {"nepochs: 1\n---\nnepochs: 2", "one YAML document"},
		"binary":                     {"\x00\x01\x02", "is not YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mistakes(c.contents)
			if !strings.Contains(got, c.says) || !strings.Contains(got, "ref.yaml") {
				t.Errorf("the error is %q, want one that names ref.yaml and says %q", got, c.says)
			}
		})
	}
}

// TestImport_AliasesDoNotExpand reads a file whose aliases would expand to a billion values.
func TestImport_AliasesDoNotExpand(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for n := 1; n < 10; n++ {
		last := string(rune('0' + n - 1))
		b.WriteString("a" + string(rune('0'+n)) + ": &a" + string(rune('0'+n)) + " [" + strings.Repeat("*a"+last+", ", 8) + "*a" + last + "]\n")
	}
	b.WriteString("nepochs: *a9\n")
	if got := mistakes(b.String()); !strings.Contains(got, "a whole number") || !strings.Contains(got, "a9") {
		t.Errorf("the error is %q", got)
	}
}

func TestImport_UnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{dir: "is a folder", huge: "larger", filepath.Join(dir, "none.yaml"): "no such file"} {
		if _, err := config.Sketch(config.Train, File(path)); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: File gives the error %v, want one that says %q", path, err, says)
		}
		_, err := ReadImport(path)
		var e *config.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error is %v, want a *config.Error that says %q", path, err, says)
		}
	}
}

func TestFile_FormsDistinguished(t *testing.T) {
	for name, contents := range map[string]string{
		"ours":            "model: {gridsize: 1, n: 64}\ntraining: {batch_size: 4}\n",
		"a wrong section": "trainin: {batch-size: 4}\n",
		"an empty one":    "training:\n",
		"a flat key":      "lerning-rate: 3\n",
	} {
		root, _ := config.Root([]byte(contents))
		if recognise(root) {
			t.Errorf("%s is read as the reference's", name)
		}
	}
	for name, contents := range map[string]string{
		"a model alone": "model: {N: 64, gridsize: 2}\n",
		"flat":          "nepochs: 3\n",
		"torch":         "data_config: {N: 64}\n",
	} {
		root, _ := config.Root([]byte(contents))
		if !recognise(root) {
			t.Errorf("%s is not read as the reference's", name)
		}
	}
}

func FuzzImport(f *testing.F) {
	for _, name := range []string{"reference-baseline.yaml", "reference-training.yaml", "reference-torch.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("nepochs: &a 3\nbatch_size: *a\nprobe_mask: [1, 2]\nlearning_rate: NaN"))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := readImport("ref", b)
		if err != nil {
			return
		}
		_, _ = i.Dictionary()
		written := i.YAML()
		if i.Err() != nil {
			return
		}
		for _, c := range []config.Command{config.Train, config.Infer} {
			if _, err := config.Sketch(c, i.source()); err != nil {
				continue
			}
			if _, err := config.Sketch(c, config.YAML("written", written)); err != nil {
				t.Errorf("the file that import writes is wrong: %v\n%s", err, written)
			}
		}
	})
}
