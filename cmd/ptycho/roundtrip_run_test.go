package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	main "github.com/ptychogo/ptycho/cmd/ptycho"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/plugin"
	"github.com/ptychogo/ptycho/internal/bent"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// bench holds the common files of all trips: data and trained models.
type bench struct {
	dir    string              // scan.npz, other.npz, wide.npz, dark.npz, marked.npz, model, other-model
	plugin string              // this file, which is the recorder where a host starts it
	shared map[string]*outcome // the runs without a change, by their arguments
}

// prepareTrips creates the data.
func prepareTrips(t *testing.T) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: t.TempDir(), plugin: self, shared: map[string]*outcome{}}
	for name, args := range map[string][]string{
		"scan.npz":  {"--n", "16", "--object-size", "48", "--n-images", "32", "--seed", "1"},
		"other.npz": {"--n", "16", "--object-size", "48", "--n-images", "24", "--seed", "2"},
		"wide.npz":  {"--n", "64", "--object-size", "96", "--n-images", "4", "--seed", "1"},
	} {
		b.must(t, append([]string{"simulate", "--nphotons", "1e5", "--output", filepath.Join(b.dir, name)}, args...))
	}
	writeDark(t, filepath.Join(b.dir, "dark.npz"))
	writePlate(t, filepath.Join(b.dir, "plate.npy"))
	writeRaw(t, filepath.Join(b.dir, "framed.raw"), filepath.Join(b.dir, "positions.csv"), filepath.Join(b.dir, "scan.npz"))
	writeMarked(t, filepath.Join(b.dir, "marked.npz"), filepath.Join(b.dir, "scan.npz"))
	t.Setenv("PTYCHO_TRAINING__CHECK_GEOMETRY", "false") // half of the time of a run
	t.Setenv("PTYCHO_EXECUTION__THREADS", "1")
	for model, seed := range map[string]string{"model": "1", "other-model": "2"} {
		b.must(t, append(b.train("scan.npz"), "--output-dir", filepath.Join(b.dir, model), "--max-epochs", "3", "--seed", seed))
	}
	return b
}

// train returns a training run that takes a tenth of a second. Trips append their flags.
func (b *bench) train(scan string) []string {
	return []string{"train", "--train-data-file", filepath.Join(b.dir, scan), "--backend", b.plugin, "--n-filters-scale", "1", "--max-epochs", "2", "--divergence-factor", "0", "--json"}
}

func (b *bench) infer() []string {
	return []string{"infer", "--model-path", filepath.Join(b.dir, "model"), "--test-data", filepath.Join(b.dir, "scan.npz"), "--json", "--trust-data"} // the model is hardly trained, and its image flat
}

func (b *bench) must(t *testing.T, args []string) {
	t.Helper()
	t.Setenv(recordKey, os.DevNull)
	if _, stderr, code := main.InsideWith(t, b.start, args...); code != 0 {
		t.Fatalf("ptycho %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
}

// start starts the recorder in this process, behind the protocol.
func (b *bench) start(ctx context.Context, s plugin.Spec) (host.Engine, error) {
	if s.Path != b.plugin && s.Name != recorderName {
		return nil, nil
	}
	return bent.Connect(ctx, newRecorder())
}

// outcome holds all outputs of one run.
type outcome struct {
	code   int
	stdout string
	stderr string
	report map[string]any // of --json
	calls  []call
	dir    string // where the run was started
	out    string // output directory
}

// run runs ptycho in an empty folder, in this process or, for a trip through the process boundary, as the program. OUT, DIR and PLUGIN in the arguments stand for the output directory, the folder with
// the data and the recorder.
func (b *bench) run(t *testing.T, dir string, args []string, program bool) *outcome {
	t.Helper()
	o := &outcome{dir: dir, out: filepath.Join(dir, "out")}
	words := strings.NewReplacer("OUT", o.out, "DIR", b.dir, "PLUGIN", b.plugin)
	var given []string
	for _, a := range args {
		given = append(given, words.Replace(a))
	}
	named := false
	for _, a := range given {
		named = named || a == "--output-dir" || a == "--resume"
	}
	if !named {
		given = append(given, "--output-dir", o.out)
	}
	record := filepath.Join(dir, "record")
	if program {
		r := fixture.Run(t, dir, []string{recordKey + "=" + record}, given...)
		o.code, o.stdout, o.stderr = r.Code, r.Stdout, r.Stderr
	} else {
		t.Setenv(recordKey, record)
		t.Chdir(dir)
		o.stdout, o.stderr, o.code = main.InsideWith(t, b.start, given...)
	}
	_ = json.Unmarshal([]byte(o.stdout), &o.report) // a failed run, or a run without --json, has no report
	f, err := os.Open(record)
	if err != nil {
		return o
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		o.calls = append(o.calls, c)
	}
	return o
}

// named returns the calls of a name.
func (o *outcome) named(name string) []call {
	var out []call
	for _, c := range o.calls {
		if c.Name == name {
			out = append(out, c)
		}
	}
	return out
}

// first returns the first call of a name, or an empty call.
func (o *outcome) first(name string) call {
	if all := o.named(name); len(all) > 0 {
		return all[0]
	}
	return call{}
}

// files lists the files below a folder of the output directory.
func (o *outcome) files(folder string) []string {
	var out []string
	entries, _ := os.ReadDir(filepath.Join(o.out, folder))
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// text returns the contents of a file of the output directory.
func (o *outcome) text(name string) string {
	b, _ := os.ReadFile(filepath.Join(o.out, name))
	return string(b)
}
