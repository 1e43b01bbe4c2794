package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/arch"
)

// needed holds the settings that every training run requires.
var needed = Flags(Train, map[string]string{"train-data-file": "scan.npz", "output-dir": "run"})

// described is the description of a scan.
var described = Data("scan.npz", map[string]any{"model.n": 64})

func training(t *testing.T, sources ...Source) *Training {
	t.Helper()
	c, err := NewTraining(append([]Source{needed, described}, sources...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// violations returns the lines of the error that the sources give.
func violations(t *testing.T, sources ...Source) []Violation {
	t.Helper()
	_, err := Check(Train, append([]Source{needed}, sources...)...)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want an *Error", err)
	}
	return e.Violations
}

// TestTable_OneRowPerField fails if a field cannot be set, or a row points at another row's field.
func TestTable_OneRowPerField(t *testing.T) {
	var s sections
	owner := map[any]string{}
	for _, row := range table {
		p := row.field(&s)
		if other, taken := owner[p]; taken {
			t.Errorf("%s and %s set the same field", row.Key(), other)
		}
		owner[p] = row.Key()
		if got, want := reflect.TypeOf(row.Default), reflect.TypeOf(p).Elem(); got != want {
			t.Errorf("%s: the default is %v, the field %v", row.Key(), got, want)
		}
		if row.Meaning == "" || row.Why == "" || row.Commands == 0 {
			t.Errorf("%s lacks its meaning, the origin of its default, or its commands", row.Key())
		}
		if v, ok := row.parse(row.DefaultText()); row.DefaultText() != "" && (!ok || v != row.Default) {
			t.Errorf("%s: its own default %v breaks its rule: %s", row.Key(), row.Default, row.Rule())
		}
	}
	fields := 0
	for _, section := range []any{s.model, s.training, s.inference, s.scan, s.execution} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(section)) {
			if !f.Anonymous { // the fields of an embedded struct follow it
				fields++
			}
		}
	}
	if fields != len(table) {
		t.Errorf("%d fields and %d rows", fields, len(table))
	}
}

func TestTable_FlagsUnambiguous(t *testing.T) {
	for _, c := range []Command{Train, Infer} {
		seen := map[string]bool{}
		for _, s := range Settings(c) {
			if seen[s.Name] {
				t.Errorf("%v has two flags --%s", c, s.Name)
			}
			seen[s.Name] = true
		}
	}
}

// TestHelp_FitsALine fails if the meaning of a setting, with its unit, is longer than --help has room for.
func TestHelp_FitsALine(t *testing.T) {
	for _, s := range table {
		s.Enum = nil
		if n := len([]rune(s.Help())); n >= 80 {
			t.Errorf("--%s: the help has %d characters: %s", s.Name, n, s.Help())
		}
	}
}

func TestPrecedence(t *testing.T) {
	low := []Source{
		Data("scan.npz", map[string]any{"training.seed": int64(1)}),
		preset("quick", map[string]any{"training.seed": int64(2)}),
		YAML("a.yaml", []byte("training:\n  seed: 3\n")),
		YAML("b.yaml", []byte("training:\n  seed: 4\n")),
		Environment([]string{"PTYCHO_TRAINING__SEED=5"}),
		Set("training.seed=6"),
		Flags(Train, map[string]string{"seed": "7"}),
	}
	for n := range len(low) + 1 {
		// Given in reverse: the order matters only within a layer.
		sources := []Source{}
		for i := n - 1; i >= 0; i-- {
			if i == 3 {
				continue
			}
			if i == 2 && n > 3 {
				sources = append(sources, low[2], low[3])
				continue
			}
			sources = append(sources, low[i])
		}
		c := training(t, sources...)
		if got := c.Settings().Seed; got != int64(n) {
			t.Errorf("%d sources: seed %d, want %d", n, got, n)
		}
		v, _ := c.Lookup("training.seed")
		if len(v.Overrode) != n {
			t.Errorf("%d sources: %d values are remembered as overridden", n, len(v.Overrode))
		}
		for i, o := range v.Overrode {
			if want := text(n - 1 - i); o.Text != want {
				t.Errorf("%d sources: overridden value %d is %s, want %s", n, i, o.Text, want)
			}
		}
	}
}

func TestOrigin_NamesThePlace(t *testing.T) {
	for want, s := range map[string]Source{
		"run.yaml:3":                  YAML("run.yaml", []byte("# a comment\ntraining:\n  batch_size: 16\n")),
		"PTYCHO_TRAINING__BATCH_SIZE": Environment([]string{"PTYCHO_TRAINING__BATCH_SIZE=16", "PTYCHO_CPU=avx2", "HOME=/"}),
		"--set":                       Set("training.batch_size=16"),
		"--batch-size":                Flags(Train, map[string]string{"batch-size": "16"}),
		"preset big":                  preset("big", map[string]any{"training.batch-size": 16}),
	} {
		v, ok := training(t, s).Lookup("training.batch_size")
		if !ok || v.Text != "16" || v.Origin.String() != want {
			t.Errorf("batch-size = %s from %v, want 16 from %s", v.Text, v.Origin, want)
		}
	}
}

func TestError_ListsEveryViolation(t *testing.T) {
	got := violations(t,
		YAML("run.yaml", []byte("training:\n  lerning-rate: 1\n  max-epochs: 0\nmodel:\n  arch: resnet\n")),
		Environment([]string{"PTYCHO_EXECUTION__THREADS=-1"}),
		Set("training.val-split=2", "nonsense"),
		Flags(Train, map[string]string{"batch-size": "7", "learning-rate": "NaN", "max-time": "10"}),
	)
	want := []struct{ key, value, rule, origin string }{
		{"training.lerning-rate", "1", "did you mean training.learning-rate?", "run.yaml:2"},
		{"training.max-epochs", "0", "from 1", "run.yaml:3"},
		{"model.arch", "resnet", "one of " + strings.Join(arch.Names(), ", "), "run.yaml:5"},
		{"execution.threads", "-1", "from 0", "PTYCHO_EXECUTION__THREADS"},
		{"training.val-split", "2", "from 0 to 0.9", "--set"},
		{"nonsense", "", "section.name=value", "--set nonsense"},
		{"training.batch-size", "7", "multiple of 4", "--batch-size"},
		{"training.learning-rate", "NaN", "above 0", "--learning-rate"},
		{"execution.max-time", "10", "duration", "--max-time"},
	}
	for _, w := range want {
		found := false
		for _, v := range got {
			found = found || v.Key == w.key && v.Value == w.value && strings.Contains(v.Rule, w.rule) && v.Origin.String() == w.origin
		}
		if !found {
			t.Errorf("%+v is not reported", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d violations, want %d: %v", len(got), len(want), got)
	}
}

// TestError_OneSentencePerMistake checks that each single mistake gives one violation that says what to do.
func TestError_OneSentencePerMistake(t *testing.T) {
	for name, c := range map[string]struct {
		sources []Source
		want    string
	}{
		"a setting of the other architecture": {[]Source{Set("model.pad-object=false")}, "belongs to the architecture cnn, but arch is unet (default)"},
		"a key without its section":           {[]Source{Set("batch-size=8")}, "did you mean training.batch-size?"},
		"a key in the wrong section":          {[]Source{Set("execution.seed=1")}, "did you mean training.seed?"},
		"a setting of the other command":      {[]Source{Set("inference.middle-trim=4")}, "belongs to infer, not to train"},
		"an unknown flag":                     {[]Source{Flags(Train, map[string]string{"epoch-count": "3"})}, "is not a flag of train"},
		"a letter swapped in a variable":      {[]Source{Environment([]string{"PTYCHO_MODEL__GRIDSZIE=1"})}, "did you mean model.gridsize?"},
		"a hidden mistake in a file":          {[]Source{YAML("f", []byte("training: {seed: x}")), Set("training.seed=1")}, "must be an integer"},
		"a key that is set twice":             {[]Source{YAML("f", []byte("training:\n  batch-size: 8\n  batch_size: 8\n"))}, "is set twice, first in line 2"},
		"a list for a value":                  {[]Source{YAML("f", []byte("training:\n  seed: [1]\n"))}, "must have one value"},
		"a key at the top of a file":          {[]Source{YAML("f", []byte("seed: 1\n"))}, "did you mean training.seed?"},
		"two documents":                       {[]Source{YAML("f", []byte("{}\n---\n{}\n"))}, "one YAML document"},
		"text that is not YAML":               {[]Source{YAML("f", []byte("a: [\n"))}, "is not YAML"},
		"too few neighbours":                  {[]Source{Set("training.neighbor-count=2")}, "must be at least 3"},
		"n against the data":                  {[]Source{Data("scan.npz", map[string]any{"model.n": 64}), Set("model.n=128")}, "contradicts the data, whose patterns have 64 pixels"},
		"resume with overwrite":               {[]Source{Set("execution.resume=run", "execution.overwrite=true")}, "cannot be combined with --resume"},
		"alignment of a whole patch":          {[]Source{Set("model.arch=cnn", "model.pad-object=false", "model.align-input=true")}, "because pad-object is false"},
		"resume elsewhere":                    {[]Source{Set("execution.resume=other")}, "is not the resumed run"},
		"yes for true":                        {[]Source{Set("execution.quiet=yes")}, "true or false"},
		"the excluded end of a range":         {[]Source{Set("training.learning-rate=0")}, "above 0"},
		"infinity":                            {[]Source{Set("training.background=Inf")}, "at least 0.01"},
	} {
		t.Run(name, func(t *testing.T) {
			got := violations(t, c.sources...)
			if len(got) != 1 || !strings.Contains(got[0].String(), c.want) {
				t.Errorf("reported %v, want %q alone", got, c.want)
			}
		})
	}
}

func TestError_RequiredSettings(t *testing.T) {
	_, err := Check(Infer)
	for _, flag := range []string{"--model-path", "--test-data", "--output-dir"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("error %v does not ask for %s", err, flag)
		}
	}
}

func TestModel_ArchitectureSettings(t *testing.T) {
	c := training(t, Set("model.arch=cnn", "model.pad-object=false"))
	if m := c.Model(); m.Arch != "cnn" || m.PadObject || !m.ProbeBig {
		t.Errorf("model %+v", m)
	}
}

func TestTraining_Immutable(t *testing.T) {
	c := training(t, Set("training.seed=1"))
	s := c.Settings()
	s.Seed = 9
	values := c.Values()
	for i := range values {
		values[i].Text = "changed"
		for j := range values[i].Overrode {
			values[i].Overrode[j].Text = "changed"
		}
	}
	if c.Settings().Seed != 1 || strings.Contains(c.Explain(), "changed") {
		t.Error("a copy changed the configuration")
	}
}

func TestDerivedValues(t *testing.T) {
	c, err := NewTraining(described, Flags(Train, map[string]string{"train-data-file": "scan.npz", "resume": "run", "max-epochs": "5", "max-time": "1h30m"}))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Settings(); s.OutputDir != "run" || s.ScheduleEpochs != 5 {
		t.Errorf("output %q, schedule over %d epochs; want run, 5", s.OutputDir, s.ScheduleEpochs)
	}
	if d := c.Execution().MaxTime; d != 90*time.Minute {
		t.Errorf("max-time %v", d)
	}
}

func TestInference_BackendOfTheModel(t *testing.T) {
	flags := map[string]string{"model-path": "run", "test-data": "scan.npz", "output-dir": "out"}
	bundle := Data("run", map[string]any{"execution.backend": "xla", "model.n": 64})
	c, err := NewInference(bundle, Flags(Infer, flags))
	if err != nil || c.Execution().Backend != "xla" {
		t.Errorf("%v, error %v", c, err)
	}
	flags["backend"] = "gorgonia"
	c, err = NewInference(bundle, Flags(Infer, flags))
	if err != nil || c.Execution().Backend != "gorgonia" {
		t.Errorf("%v, error %v", c, err)
	}
}

func TestFile_ServesBothCommands(t *testing.T) {
	f := YAML("both.yaml", []byte("training:\n  seed: 3\ninference:\n  middle_trim: 4\nexecution:\n  threads: 2\n"))
	if c := training(t, f); c.Settings().Seed != 3 || c.Execution().Threads != 2 {
		t.Errorf("training %+v", c)
	}
	c, err := NewInference(described, f, Flags(Infer, map[string]string{"model-path": "m", "test-data": "d", "output-dir": "o"}))
	if err != nil || c.Settings().MiddleTrim != 4 || c.Execution().Threads != 2 {
		t.Errorf("inference %+v, error %v", c, err)
	}
}

func TestYAML_RoundTrip(t *testing.T) {
	c := training(t, Set("training.rows=split=0", "execution.max-time=90s", "training.learning-rate=1e-4"))
	again, err := NewTraining(described, YAML("dump", c.YAML()))
	if err != nil {
		t.Fatalf("%v\n%s", err, c.YAML())
	}
	if again.sections != c.sections {
		t.Errorf("came back as %+v, was %+v", again.sections, c.sections)
	}
}

func TestExplain_OriginsAndOverridden(t *testing.T) {
	out := training(t, YAML("f.yaml", []byte("training: {seed: 3}")), Set("training.seed=4")).Explain()
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "training.seed ") {
			if got := strings.Join(strings.Fields(line), " "); got != "training.seed 4 --set 3 (f.yaml:1), 0 (default)" {
				t.Errorf("explained as %q", got)
			}
			return
		}
	}
	t.Errorf("nothing about the seed in\n%s", out)
}

func TestModel_ArchitectureSettingsExist(t *testing.T) {
	for _, name := range arch.Names() {
		for _, own := range arch.Settings(name) {
			if _, ok := Lookup("model." + own); !ok {
				t.Errorf("the architecture %s has a setting %s, which is not a row of the section model", name, own)
			}
		}
	}
}
