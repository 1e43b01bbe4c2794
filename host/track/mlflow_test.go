//go:build unix

package track

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/host/output"
)

// server is a real MLflow server that can be killed and restarted.
type server struct {
	python, dir, address string
	port                 int
	cmd                  *exec.Cmd
	said                 bytes.Buffer
}

func newServer(t *testing.T, python string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is TCP
	must(t, l.Close())
	s := &server{python: python, dir: t.TempDir(), port: port, address: "http://127.0.0.1:" + strconv.Itoa(port)}
	t.Cleanup(s.kill)
	return s
}

// start starts the server and waits until it answers.
func (s *server) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(s.python, "-m", "mlflow", "server", "--backend-store-uri", "sqlite:///"+filepath.Join(s.dir, "mlflow.db"),
		"--artifacts-destination", filepath.Join(s.dir, "artifacts"), "--host", "127.0.0.1", "--port", strconv.Itoa(s.port), "--workers", "1")
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, &s.said, &s.said
	s.cmd.Env = append(os.Environ(), "MLFLOW_DISABLE_TELEMETRY=true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is killed with its children
	s.cmd.WaitDelay = time.Second
	must(t, s.cmd.Start())
	for {
		if answer, err := http.Get(s.address + "/health"); err == nil {
			answer.Body.Close()
			return
		}
		if syscall.Kill(-s.cmd.Process.Pid, 0) != nil {
			t.Fatal("mlflow server did not start")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait()
	s.cmd = nil
}

// recorded is a run as MLflow's client returns it.
type recorded struct {
	Name    string              `json:"name"`
	Status  string              `json:"status"`
	Ended   bool                `json:"ended"`
	Params  map[string]string   `json:"params"`
	Tags    map[string]string   `json:"tags"`
	Metrics map[string][][2]any `json:"metrics"` // step, value as text
	Last    map[string]string   `json:"last"`    // values as text, of all metrics
	Files   map[string]string   `json:"files"`   // hexadecimal
}

// history returns a metric's steps and values as text.
func (r recorded) history(t *testing.T, key string) string {
	t.Helper()
	var b strings.Builder
	for _, m := range r.Metrics[key] {
		v, err := strconv.ParseFloat(m[1].(string), 64) //nolint:forcetypeassert // runs.py writes it so
		must(t, err)
		fmt.Fprintf(&b, "%v:%v ", m[0], v)
	}
	return b.String()
}

// quotients returns the values that record logs, in float64.
func quotients(from, to, every int, numerator float64) string {
	var b strings.Builder
	for step := from; step <= to; step++ {
		if step%every == 0 {
			fmt.Fprintf(&b, "%d:%v ", step, numerator/float64(step))
		}
	}
	return b.String()
}

// notices collects the notices to the user.
type notices struct {
	mu    sync.Mutex
	lines []string
}

func (n *notices) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

func (n *notices) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lines)
}

// wait waits for a notice.
func (n *notices) wait(t *testing.T, part string) {
	t.Helper()
	for !slices.ContainsFunc(n.all(), func(line string) bool { return strings.Contains(line, part) }) {
		time.Sleep(10 * time.Millisecond)
		if t.Context().Err() != nil {
			t.Fatalf("no notice has %q", part)
		}
	}
}

func settings() map[string]string {
	params := map[string]string{"batch_size": "16", "note": strings.Repeat("ä", 4000), "empty": "", "odd name (µm)": "1"}
	for i := range 250 { // more than one call takes
		params[fmt.Sprintf("setting_%03d", i)] = strconv.Itoa(i)
	}
	return params
}

// Long: one run from its beginning to its end.
func TestMLflow_CompleteAfterServerCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server twice: not with -short")
	}
	python := python(t, "mlflow")
	s := newServer(t, python)
	s.start(t)
	var version string
	ask := script(t, python, &version, "runs.py")
	read := func() recorded {
		t.Helper()
		var runs []recorded
		ask(s.address+" experiment", &runs)
		if len(runs) != 1 {
			t.Fatalf("MLflow %s has %d runs, want one", version, len(runs))
		}
		return runs[0]
	}
	dir, told := t.TempDir(), &notices{}
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "empty file"), nil, 0o644))
	o := Options{TrackingURI: s.address, Notice: told.add, CloseWithin: time.Minute}
	run := Run{Name: "first", Experiment: "experiment", Params: settings(), Tags: map[string]string{"mlflow.user": "ada", "scan": "star"}}
	l := open(t, dir, run, o, "mlflow")
	record(t, l, 1, 20)
	many := map[string]float64{"nan": math.NaN(), "inf": math.Inf(-1)}
	for i := range 1500 { // more than one call takes
		many[fmt.Sprintf("many/%d", i)] = float64(i)
	}
	must(t, l.Scalars(20, 2, many))
	must(t, l.Picture(20, "phase", preview(t)))
	must(t, l.Kept(20))
	waitSent(t, dir)
	r := read()
	if r.Name != "first" || r.Status != "RUNNING" || r.Ended || r.Tags["scan"] != "star" || r.Tags["mlflow.user"] != "ada" {
		t.Errorf("the run is %s, %s, tags %v", r.Name, r.Status, r.Tags)
	}
	if r.Params["batch_size"] != "16" || r.Params["odd name (µm)"] != "" || r.Params["odd name __m_"] != "1" || len(r.Params) != len(run.Params) {
		t.Errorf("%d of %d settings, batch_size %q", len(r.Params), len(run.Params), r.Params["batch_size"])
	}
	if note := r.Params["note"]; !strings.HasPrefix(note, "ää") || !strings.HasSuffix(note, "ä…") {
		t.Errorf("a long setting is %d bytes", len(note))
	}
	if len(r.Last) != 4+len(many) || r.Last["nan"] != "nan" || r.Last["inf"] != fmt.Sprint(-math.MaxFloat64) || r.Last["many/1234"] != "1234.0" {
		t.Errorf("%d metrics, nan is %s, inf is %s", len(r.Last), r.Last["nan"], r.Last["inf"])
	}
	if got := r.Files["previews/step-00000020-phase.png"]; got != fmt.Sprintf("%x", preview(t)) {
		t.Errorf("the picture is not there: %v", slices.Collect(maps.Keys(r.Files)))
	}

	// The server is killed and the run continues. The host is killed too and resumed without the server. Then the server restarts.
	s.kill()
	record(t, l, 21, 33)
	told.wait(t, "the run continues")
	must(t, l.Close(Killed))
	told.wait(t, "resuming the run sends")
	if report, err := Flush(context.Background(), dir, Options{}); err == nil || report.Left == 0 {
		t.Errorf("without a server, Flush left %d: %v", report.Left, err)
	}
	run.Resumed, run.Step = true, 30
	run.Params["batch_size"] = "32"
	l = open(t, dir, run, o, "mlflow")
	record(t, l, 31, 40)
	s.start(t)
	record(t, l, 41, 50)
	told.wait(t, "answers again and has received all entries")
	must(t, l.Artifact("config.json"))
	must(t, l.Artifact("empty file"))
	must(t, l.Close(Finished))
	r = read()
	for key, want := range map[string]string{"loss": quotients(1, 50, 1, 1), "validation_loss": quotients(1, 50, 10, 2)} {
		if got := r.history(t, key); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", key, got, want)
		}
	}
	if r.Status != "FINISHED" || !r.Ended || r.Files["config.json"] != "7b7d" || r.Params["batch_size"] != "16" || r.Tags["ptycho.changed.batch_size"] != "32" {
		t.Errorf("the run is %s, files %v, batch_size %s, tags %v", r.Status, slices.Collect(maps.Keys(r.Files)), r.Params["batch_size"], r.Tags)
	}
	if _, there := r.Files["empty file"]; !there {
		t.Error("the empty file is not there")
	}

	// Resuming from a checkpoint before the last gives the same values, and no value appears twice.
	run.Step = 40
	l = open(t, dir, run, o, "mlflow")
	record(t, l, 41, 55)
	must(t, l.Close(Finished))
	if got, want := read().history(t, "loss"), quotients(1, 55, 1, 1); got != want {
		t.Errorf("loss is\n%s\nwant\n%s", got, want)
	}

	// Flush sends the entries of a killed host.
	run.Step = 55
	l = open(t, dir, run, o, "mlflow")
	sender := l.(*several).loggers[0].(*tracking).sender //nolint:forcetypeassert // opened above
	sender.cancel()
	<-sender.done
	record(t, l, 56, 63)
	if report, err := Flush(context.Background(), dir, Options{}); err != nil || report.Left != 0 || !report.Server {
		t.Errorf("Flush left %d: %v", report.Left, err)
	}
	if r := read(); r.history(t, "loss") != quotients(1, 60, 1, 1) || r.Status != "KILLED" {
		t.Errorf("loss is\n%s\nstatus %s", r.history(t, "loss"), r.Status)
	}
}

// waitSent waits until all of the journal is sent.
func waitSent(t *testing.T, dir string) {
	t.Helper()
	root, err := output.OpenFiles(dir)
	must(t, err)
	defer root.Close()
	for {
		info, err := root.Stat(journalFile)
		must(t, err)
		s, _, err := readSent(root)
		must(t, err)
		if s.Offset == info.Size() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
