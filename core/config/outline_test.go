package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSketch_AllowsMissingSettings(t *testing.T) {
	o, err := Sketch(Train, Set("training.seed=3"))
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := o.Lookup("training.seed"); v.Text != "3" {
		t.Errorf("seed = %s", v.Text)
	}
	if _, err := Sketch(Train, Set("training.seed=-3")); err == nil || strings.Contains(err.Error(), "train-data-file") {
		t.Errorf("a wrong value gives the error %v", err)
	}
	if _, err := Sketch(Train, Set("training.train-data-file=")); err == nil {
		t.Error("an empty required setting is accepted")
	}
}

func TestRecorded_KeepsOriginsAndOverridden(t *testing.T) {
	c := training(t, Preset("quick"), YAML("f.yaml", []byte("training: {seed: 3}")), Environment([]string{"PTYCHO_TRAINING__SEED=4"}), Set("training.seed=5"),
		Flags(Train, map[string]string{"seed": "6", "max-time": "90s"}))
	b, err := c.JSON()
	if err != nil {
		t.Fatal(err)
	}
	o, err := recordedJSON("run/config.json", b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.Explain(), c.Explain(); got != want {
		t.Errorf("explained as\n%s\nand the run itself as\n%s", got, want)
	}
	again, err := o.JSON()
	if err != nil || string(again) != string(b) {
		t.Errorf("written again as %s (%v)", again, err)
	}
	for name, contents := range map[string]string{
		"cut off":           string(b[:len(b)/2]),
		"another format":    `{"format": "x"}`,
		"no command":        `{"format": "ptycho-config", "version": 1, "command": "fly"}`,
		"an unknown key":    `{"format": "ptycho-config", "version": 1, "command": "train", "settings": [{"key": "training.sed", "value": 1, "layer": "flag", "origin": "", "explicit": true}]}`,
		"a wrong value":     `{"format": "ptycho-config", "version": 1, "command": "train", "settings": [{"key": "training.seed", "value": "x", "layer": "flag", "origin": "", "explicit": true}]}`,
		"a value of values": `{"format": "ptycho-config", "version": 1, "command": "train", "settings": [{"key": "training.seed", "value": [1], "layer": "flag", "origin": "", "explicit": true}]}`,
		"an unknown layer":  `{"format": "ptycho-config", "version": 1, "command": "train", "settings": [{"key": "training.seed", "value": 1, "layer": "x", "origin": "", "explicit": true}]}`,
	} {
		if _, err := recordedJSON("run/config.json", []byte(contents)); err == nil || !strings.Contains(err.Error(), "run/config.json") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestCompare_ValuesAndOrigins(t *testing.T) {
	dir := t.TempDir()
	write := func(name, contents string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := write("a.yaml", "training: {seed: 3, max-epochs: 16}\ninference: {middle-trim: 4}\n")
	b, err := training(t, Set("training.seed=4")).JSON()
	if err != nil {
		t.Fatal(err)
	}
	left, err := Read(a, YAML)
	if err != nil {
		t.Fatal(err)
	}
	right, err := Read(write("config.json", string(b)), YAML)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Difference{}
	for _, d := range Compare(left, right) {
		got[d.Key] = d
	}
	if d := got["training.seed"]; d.A != (Side{"3", a + ":1"}) || d.B != (Side{"4", "--set"}) {
		t.Errorf("the seed differs by %+v", d)
	}
	for _, key := range []string{"training.max-epochs", "inference.middle-trim"} { // the same number; of a command that the run is not
		if d, there := got[key]; there {
			t.Errorf("%s differs by %+v", key, d)
		}
	}
	if len(got) != 4 { // the seed, N, and the two paths
		t.Errorf("%d settings differ: %+v", len(got), got)
	}
	if same := Compare(left, left); len(same) != 0 {
		t.Errorf("a file differs from itself by %+v", same)
	}
	if _, err := Read(write("wrong.yaml", "training: {sed: 3}"), YAML); err == nil || !strings.Contains(err.Error(), "did you mean training.seed?") {
		t.Errorf("an unknown key gives the error %v", err)
	}
}

func TestMarkdown_HasEverySetting(t *testing.T) {
	page := Markdown()
	for _, s := range table {
		if !strings.Contains(page, "### `"+s.Key()+"`\n") || !strings.Contains(page, s.variable()) || !strings.Contains(page, "`--"+s.Name+"`") {
			t.Errorf("%s is not documented", s.Key())
		}
	}
}
