//go:build unix

package track

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open opens loggers in dir and fails the test on an error.
func open(t *testing.T, dir string, run Run, o Options, names ...string) Logger {
	t.Helper()
	run.Dir = dir
	l, err := Open(names, run, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, parts ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	must(t, err)
	return string(data)
}

// record logs steps from..to with a loss, and a validation each tenth step.
func record(t *testing.T, l Logger, from, to int) {
	t.Helper()
	for step := from; step <= to; step++ {
		must(t, l.Scalars(step, float64(step)/10, map[string]float64{"loss": 1 / float64(step), "grad_norm": float64(step)}))
		if step%10 == 0 {
			must(t, l.Scalars(step, float64(step)/10, map[string]float64{"validation_loss": 2 / float64(step)}))
			must(t, l.Sync())
			must(t, l.Kept(step))
		}
	}
}

func TestSteps_ResumedEqualsUninterrupted(t *testing.T) {
	whole, cut := t.TempDir(), t.TempDir()
	l := open(t, whole, Run{}, Options{}, "csv")
	record(t, l, 1, 40)
	must(t, l.Close(Finished))

	l = open(t, cut, Run{}, Options{}, "csv")
	record(t, l, 1, 27)
	must(t, l.Close(Killed))
	l = open(t, cut, Run{Resumed: true, Step: 20}, Options{}, "csv")
	record(t, l, 21, 33)
	must(t, l.Rewind(30)) // the backend crashed
	record(t, l, 31, 35)  // then the process is killed: no Close
	l = open(t, cut, Run{Resumed: true, Step: 30}, Options{}, "csv")
	record(t, l, 31, 40)
	must(t, l.Close(Finished))

	if got, want := text(t, cut, stepsFile), text(t, whole, stepsFile); got != want {
		t.Errorf("the resumed run wrote\n%s\nand the other\n%s", got, want)
	}
}

func TestSteps_ReadableAfterEveryCall(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Run{}, Options{}, "csv")
	for _, c := range []struct {
		step   int
		values map[string]float64
		want   string
	}{
		{1, map[string]float64{"loss": 0.5}, "step,epoch,loss\n1,0.5,0.5\n"},
		{2, map[string]float64{"loss": math.NaN()}, "step,epoch,loss\n1,0.5,0.5\n2,0.5,NaN\n"},
		{2, map[string]float64{"v,al": math.Inf(1)}, "step,epoch,loss,\"v,al\"\n1,0.5,0.5,\n2,0.5,NaN,+Inf\n"},
		{2, map[string]float64{"loss": 7}, "step,epoch,loss,\"v,al\"\n1,0.5,0.5,\n2,0.5,7,+Inf\n"},
		{3, nil, "step,epoch,loss,\"v,al\"\n1,0.5,0.5,\n2,0.5,7,+Inf\n3,0.5,,\n"},
	} {
		must(t, l.Scalars(c.step, 0.5, c.values))
		if got := text(t, dir, stepsFile); got != c.want {
			t.Errorf("after step %d the table is\n%swant\n%s", c.step, got, c.want)
		}
	}
	if err := l.Scalars(2, 0.5, nil); err == nil || !strings.Contains(err.Error(), "step 2 comes after step 3") {
		t.Errorf("a step that goes back: %v", err)
	}
	if err := l.Scalars(4, 0.5, map[string]float64{"step": 1}); err == nil {
		t.Error("a value took the name of the step's own column")
	}
	must(t, l.Close(Finished))
}

func TestSteps_ContinueAfterCutRow(t *testing.T) {
	const good = "step,epoch,loss\n1,0.1,1\n2,0.2,0.5\n"
	for name, c := range map[string]struct{ before, after string }{
		"whole":             {good, good + "3,0.3,0.25\n"},
		"half a row":        {good + "3,0.", good + "3,0.3,0.25\n"},
		"zeros":             {good + "\x00\x00\x00\n", good + "3,0.3,0.25\n"},
		"rows not kept":     {good + "3,0.3,9\n4,0.4,9\n", good + "3,0.3,0.25\n"},
		"half a header":     {"step,ep", "step,epoch,loss\n3,0.3,0.25\n"},
		"nothing":           {"", "step,epoch,loss\n3,0.3,0.25\n"},
		"a column to spare": {"step,epoch,x\n1,0.1,1\n", "step,epoch,x,loss\n1,0.1,1,\n3,0.3,,0.25\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, stepsFile), []byte(c.before), 0o644))
			l := open(t, dir, Run{Resumed: true, Step: 2}, Options{}, "csv")
			must(t, l.Scalars(3, 0.3, map[string]float64{"loss": 0.25}))
			must(t, l.Close(Finished))
			if got := text(t, dir, stepsFile); got != c.after {
				t.Errorf("the table is\n%swant\n%s", got, c.after)
			}
		})
	}
}

func TestSteps_RefuseOtherTables(t *testing.T) {
	for name, content := range map[string]string{
		"another table":  "a,b\n1,2\n",
		"a column twice": "step,epoch,loss,loss\n1,1,1,1\n",
		"a step in text": "step,epoch,loss\nfirst,1,1\n",
		"falling steps":  "step,epoch,loss\n2,1,1\n1,1,1\n",
		"a short row":    "step,epoch,loss\n1,1\n",
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, stepsFile), []byte(content), 0o644))
		_, err := Open([]string{"csv"}, Run{Dir: dir, Resumed: true, Step: 9}, Options{})
		if err == nil || !strings.Contains(err.Error(), stepsFile) || !strings.Contains(err.Error(), "move the file away") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSteps_FollowMovedFolder(t *testing.T) {
	parent := t.TempDir()
	before, after := filepath.Join(parent, ".starting"), filepath.Join(parent, "run")
	must(t, os.Mkdir(before, 0o755))
	l := open(t, before, Run{}, Options{}, "csv")
	must(t, l.Scalars(1, 0, map[string]float64{"loss": 1}))
	must(t, os.Rename(before, after))
	must(t, l.Scalars(2, 0, map[string]float64{"loss": 1, "new": 2}))
	must(t, l.Picture(2, "phase", []byte("png")))
	must(t, l.Close(Finished))
	if got := text(t, after, stepsFile); got != "step,epoch,loss,new\n1,0,1,\n2,0,1,2\n" {
		t.Errorf("the table is\n%s", got)
	}
	text(t, after, previewDir, "step-00000002-phase.png")
}

func TestPreviews_DroppedWithTheirSteps(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Run{}, Options{}, "csv")
	for step := range 4 {
		must(t, l.Picture(step, "../phase", []byte("png")))
	}
	must(t, l.Rewind(1))
	must(t, l.Close(Finished))
	left, err := filepath.Glob(filepath.Join(dir, previewDir, "*"))
	must(t, err)
	if len(left) != 2 {
		t.Errorf("%v is left", left)
	}
}

func TestCheck_RefusesWrongNames(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""}, {[]string{"none"}, ""}, {[]string{"csv"}, ""},
		{[]string{"none", "csv"}, "none cannot be combined with other loggers"},
		{[]string{"csv", "csv"}, "given twice"},
		{[]string{"wandb"}, "want none, csv, tensorboard, mlflow"},
	} {
		err := checkNames(c.names)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.names, err, c.want)
		}
	}
}

func FuzzReadSteps(f *testing.F) {
	f.Add([]byte("step,epoch,loss\n1,0.1,1\n2,0.2,0.5\n"), 1)
	f.Add([]byte("step,epoch,\"a\nb\"\n1,\"\",\n"), 5)
	f.Fuzz(func(t *testing.T, data []byte, until int) {
		header, rows, err := readSteps(data, until)
		for _, row := range rows {
			if err == nil && len(row) != len(header) {
				t.Errorf("a row of %d values under %d columns", len(row), len(header))
			}
		}
	})
}
