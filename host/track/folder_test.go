//go:build unix

package track

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestFolder_ReadByMLflow(t *testing.T) {
	python := python(t, "mlflow")
	t.Setenv("MLFLOW_ALLOW_FILE_STORE", "true") // required since MLflow 3.7
	parent := t.TempDir()
	starting, dir := filepath.Join(parent, ".starting"), filepath.Join(parent, "run")
	must(t, os.Mkdir(starting, 0o755))
	must(t, os.WriteFile(filepath.Join(starting, "config.json"), []byte("{}"), 0o644))
	o := Options{Getenv: func(string) string { return "" }, Notice: func(format string, args ...any) { t.Errorf(format, args...) }}
	run := Run{Name: "first", Experiment: "experiment", Params: settings(), Tags: map[string]string{"scan": "star: 'x'"}, Home: dir}
	l := open(t, starting, run, o, "mlflow")
	record(t, l, 1, 10)
	must(t, os.Rename(starting, dir))
	record(t, l, 11, 27)
	must(t, l.Scalars(28, 3, map[string]float64{"a/b": math.NaN(), "inf": math.Inf(-1)}))
	must(t, l.Kept(28))
	must(t, l.Close(Killed))
	run.Resumed, run.Step = true, 20 // from a checkpoint before the last: a folder can remove values
	l = open(t, dir, run, o, "mlflow")
	must(t, l.Picture(20, "phase", preview(t)))
	record(t, l, 21, 33)
	must(t, l.Rewind(30)) // the backend crashed
	record(t, l, 31, 40)
	must(t, l.Scalars(41, 4, map[string]float64{"a/b": math.NaN(), "inf": math.Inf(-1)}))
	must(t, l.Artifact("config.json"))
	must(t, l.Close(Finished))

	var version string
	var runs []recorded
	script(t, python, &version, "runs.py")("file://"+filepath.Join(dir, mlrunsFolder)+" experiment", &runs)
	if len(runs) != 1 {
		t.Fatalf("MLflow %s has %d runs, want one", version, len(runs))
	}
	r := runs[0]
	for key, want := range map[string]string{"loss": quotients(1, 40, 1, 1), "validation_loss": quotients(1, 40, 10, 2), "inf": "41:-Inf "} {
		if got := r.history(t, key); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", key, got, want)
		}
	}
	if r.Last["a/b"] != "nan" {
		t.Errorf("a/b is %q", r.Last["a/b"])
	}
	if r.Name != "first" || r.Status != "FINISHED" || !r.Ended || r.Tags["scan"] != "star: 'x'" || len(r.Params) != len(run.Params) || r.Params["batch_size"] != "16" {
		t.Errorf("the run is %s, %s, tags %v, %d settings", r.Name, r.Status, r.Tags, len(r.Params))
	}
	if r.Files["config.json"] != "7b7d" || r.Files["previews/step-00000020-phase.png"] != fmt.Sprintf("%x", preview(t)) {
		t.Errorf("the files are %v", r.Files)
	}
}
