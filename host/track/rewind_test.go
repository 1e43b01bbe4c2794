//go:build unix

package track

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

func TestRewind_WaitsForSender(t *testing.T) {
	fixture.Long(t)
	dir := t.TempDir()
	o := Options{Getenv: func(string) string { return "" }, Notice: func(format string, args ...any) { t.Errorf(format, args...) }}
	run := Run{Name: "first", Experiment: "experiment"}
	l := open(t, dir, run, o, "mlflow")
	record(t, l, 1, 10)
	must(t, l.Close(Killed))
	run.Resumed, run.Step = true, 10
	for range 20 { // at each opening the sender asks for the run while the training rewinds
		l := open(t, dir, run, o, "mlflow")
		err := l.Rewind(10)
		if closed := l.Close(Killed); err == nil {
			err = closed
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "mlflow", ".*.tmp")); len(left) > 0 {
		t.Errorf("a write left %v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, sentFile)); err != nil {
		t.Error(err)
	}
}
