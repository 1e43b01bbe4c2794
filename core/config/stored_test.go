package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func storedRun(t *testing.T, sources ...Source) []byte {
	t.Helper()
	b, err := training(t, sources...).JSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStored_RoundTrip(t *testing.T) {
	first := training(t, Data("scan.npz", map[string]any{"model.n": 64}), Set("training.rows=split=0", "training.learning-rate=1e-4", "model.arch=cnn", "model.pad-object=false"))
	b, err := first.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewTraining(described, storedJSON("run/config.json", b), Flags(Train, map[string]string{"resume": "run"}))
	if err != nil {
		t.Fatal(err)
	}
	if again.Model() != first.Model() || again.Settings() != first.Settings() {
		t.Errorf("came back as %+v, was %+v", again.sections, first.sections)
	}
	v, _ := again.Lookup("training.rows")
	if got := v.Origin.String(); got != "run/config.json, there --set" {
		t.Errorf("origin %q", got)
	}
}

// A second resume must not bury the first origin under the later ones.
func TestStored_OriginsSurviveTwoResumes(t *testing.T) {
	resumed := Flags(Train, map[string]string{"resume": "run"})
	c, err := NewTraining(described, storedJSON("run/config.json", storedRun(t, Set("training.seed=3"))), resumed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	c, err = NewTraining(described, storedJSON("run/config.json", b), resumed)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := c.Lookup("training.seed"); v.Text != "3" || v.Origin.String() != "run/config.json, there --set" {
		t.Errorf("seed %s from %v", v.Text, v.Origin)
	}
}

func TestResume_AllowedChanges(t *testing.T) {
	run := storedRun(t, Data("scan.npz", map[string]any{"model.n": 64}),
		Set("training.max-epochs=10", "training.seed=3", "execution.stop-after=2", "execution.threads=2", "execution.quiet=true"))
	for name, c := range map[string]struct {
		set  string
		want string // in the error; "" when it is allowed
	}{
		"nothing":               {"", ""},
		"the same seed":         {"training.seed=3", ""},
		"another seed":          {"training.seed=4", `training.seed = "4" (--set) contradicts 3 of the resumed run (run/config.json, there --set)`},
		"a default given again": {"training.batch-size=8", ""},
		"another default":       {"training.batch-size=16", "contradicts 8"},
		"more epochs":           {"training.max-epochs=12", ""},
		"fewer epochs":          {"training.max-epochs=9", "must be at least 10"},
		"other threads":         {"execution.threads=1", ""},
		"the data's new place":  {"training.train-data-file=moved.npz", ""},
		"the other network":     {"model.arch=cnn", "contradicts unet"},
	} {
		t.Run(name, func(t *testing.T) {
			sources := []Source{storedJSON("run/config.json", run), Flags(Train, map[string]string{"resume": "run"})}
			if c.set != "" {
				sources = append(sources, Set(c.set))
			}
			got, err := NewTraining(sources...)
			switch {
			case c.want != "":
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
			case err != nil:
				t.Error(err)
			case got.Execution().StopAfter != 0 || got.Execution().Quiet:
				t.Errorf("what belonged to one invocation stayed: %+v", got.Execution())
			case got.Settings().ScheduleEpochs != 10:
				t.Errorf("the schedule spans %d epochs, the plan was 10", got.Settings().ScheduleEpochs)
			}
		})
	}
}

func TestResume_OtherDataRejected(t *testing.T) {
	run := storedRun(t, Data("scan.npz", map[string]any{"model.n": 64}))
	_, err := NewTraining(storedJSON("c", run), Flags(Train, map[string]string{"resume": "run"}), Data("other.npz", map[string]any{"model.n": 128}))
	if err == nil || !strings.Contains(err.Error(), `model.n = "128" (other.npz) contradicts 64`) {
		t.Errorf("error %v", err)
	}
}

func TestStored_RelativePathsResolved(t *testing.T) {
	from := t.TempDir()
	t.Chdir(from)
	here, err := os.Getwd() // a temporary directory may be a link
	if err != nil {
		t.Fatal(err)
	}
	run := storedRun(t)
	t.Chdir(t.TempDir())
	c, err := NewTraining(described, storedJSON("c", run), Flags(Train, map[string]string{"resume": filepath.Join(here, "run")}))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(here, "scan.npz"); c.Settings().TrainDataFile != want {
		t.Errorf("data %q, want %q", c.Settings().TrainDataFile, want)
	}
}

// TestStored_WorkingDirectoryRemoved stores the absolute paths of a run whose working directory was removed.
func TestStored_WorkingDirectoryRemoved(t *testing.T) {
	gone, scan, run := t.TempDir(), filepath.Join(t.TempDir(), "scan.npz"), filepath.Join(t.TempDir(), "run")
	t.Chdir(gone)
	if err := os.Remove(gone); err != nil {
		t.Skip("this system keeps a working directory: ", err)
	}
	b := storedRun(t, Set("training.test-data-file="+scan, "training.output-dir="+run))
	c, err := NewTraining(described, storedJSON(run+"/config.json", b), Flags(Train, map[string]string{"resume": run}))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Settings().TestDataFile; got != scan {
		t.Errorf("the scan is %s, want %s", got, scan)
	}
}

func TestStored_DamagedRejected(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"truncated":       `{"format":"ptycho-config","version":1,"settings":[{"key":"tr`,
		"another format":  `{"format":"other","version":1}`,
		"a later version": `{"format":"ptycho-config","version":2}`,
		"unknown field":   `{"format":"ptycho-config","version":1,"extra":1}`,
		"unknown setting": `{"format":"ptycho-config","version":1,"settings":[{"key":"training.sead","value":1}]}`,
		"no value":        `{"format":"ptycho-config","version":1,"settings":[{"key":"training.seed","value":null}]}`,
		"a list":          `{"format":"ptycho-config","version":1,"settings":[{"key":"training.seed","value":[1]}]}`,
		"out of range":    `{"format":"ptycho-config","version":1,"settings":[{"key":"training.batch-size","value":0}]}`,
		"stored twice":    `{"format":"ptycho-config","version":1,"settings":[{"key":"training.seed","value":1},{"key":"training.seed","value":1}]}`,
	} {
		if _, err := NewTraining(needed, described, storedJSON("config.json", []byte(text))); err == nil {
			t.Errorf("%s: was read without complaint", name)
		}
	}
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte("training:\n  batch_size: 8\n"))
	f.Add([]byte("a: &x [*x]\n"))
	f.Add([]byte("? {a: b}\n: {c: d}\n"))
	f.Add([]byte("model: !!null\ntraining: {<<: {seed: 1}}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := NewTraining(needed, described, YAML("f", b))
		if (c == nil) == (err == nil) {
			t.Errorf("%v and error %v", c, err)
		}
	})
}

func FuzzStored(f *testing.F) {
	f.Add([]byte(`{"format":"ptycho-config","version":1,"settings":[{"key":"training.max-epochs","value":1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := NewTraining(needed, described, storedJSON("f", b), Set("training.max-epochs=3"))
		if (c == nil) == (err == nil) {
			t.Errorf("%v and error %v", c, err)
		}
	})
}

func FuzzSet(f *testing.F) {
	f.Add("training.batch-size=8")
	f.Add("execution.max-time=1h")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := NewTraining(needed, described, Set(s))
		if (c == nil) == (err == nil) {
			t.Errorf("%v and error %v", c, err)
		}
	})
}

// A CNN that was trained before its input could be standardised or back-projected is resumed as it was.
func TestStored_PublishedInputOfOlderRun(t *testing.T) {
	newer := []string{"model.standardise-input", "model.back-projection", "model.align-input", "model.separate-patterns"}
	for name, want := range map[string]bool{"cnn": false, "unet": true} {
		var c storedConfig
		if err := json.Unmarshal(storedRun(t, Set("model.arch="+name)), &c); err != nil {
			t.Fatal(err)
		}
		c.Settings = slices.DeleteFunc(c.Settings, func(s storedSetting) bool {
			return slices.Contains(newer, s.Key)
		})
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := NewTraining(described, Preset("ptychopinn"), storedJSON("run/config.json", b), Flags(Train, map[string]string{"resume": "run"}))
		if err != nil {
			t.Fatal(err)
		}
		if got := again.Model(); got.Standardise != want || got.BackProject != want || name == "cnn" && (got.Align || got.Separate) {
			t.Errorf("%s: standardise-input %v, back-projection %v, align-input %v, separate-patterns %v, want %v", name, got.Standardise, got.BackProject, got.Align, got.Separate, want)
		}
	}
}
