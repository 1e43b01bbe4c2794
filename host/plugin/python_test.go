//go:build unix

package plugin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// interpreter returns a Python with the packages that sdk/python needs and further ones, or skips the test.
func interpreter(t *testing.T, more ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a Python process: left out by -short")
	}
	name := os.Getenv("PTYCHO_SDK_PYTHON")
	if name == "" {
		name = os.Getenv("PYTHON")
	}
	if name == "" {
		name = "python3"
	}
	needed := strings.Join(append([]string{"grpc", "numpy", "google.protobuf", "cryptography"}, more...), ", ")
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: PTYCHO_SDK_PYTHON names a Python that can import %s", name, needed)
	}
	if out, err := exec.Command(path, "-c", "import "+needed).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("PTYCHO_SDK_PYTHON names a Python that can import %s; %s cannot: %s", needed, path, lines[len(lines)-1])
	}
	if path, err = filepath.Abs(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// python returns the start script of testdata/toy.py, a plugin that uses sdk/python, or skips the test.
func python(t *testing.T) Spec {
	t.Helper()
	interpreter := interpreter(t)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ptycho-backend-toy")
	script := fmt.Sprintf("#!%s\nimport runpy, sys\nsys.path.insert(0, %q)\nrunpy.run_path(%q, run_name='__main__')\n",
		interpreter, filepath.Join(here, "../../sdk/python"), filepath.Join(here, "testdata/toy.py"))
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return Spec{Name: "toy", Path: path}
}

// The update rules, schedules and checks in NumPy agree with the golden vectors of core/reference.
func TestPythonSDK_FormulasAgree(t *testing.T) {
	cmd := exec.Command(interpreter(t), "-m", "unittest", "discover", "-s", "../../sdk/python/tests")
	cmd.Env = append(os.Environ(), "PYTHONPATH=../../sdk/python", "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// manyWeights returns the toy's program with a parameter that needs several chunks.
func manyWeights() (*program.Program, tensor.Tensor) {
	p := toyProgram("toy")
	p.Params = append(p.Params, program.Param{Name: "many", Kind: program.Complex, Shape: []int{500, 700}, Init: program.Init{Kind: program.Constant}})
	data := make([]complex64, 500*700)
	for i := range data {
		data[i] = complex(float32(i), -float32(i))
	}
	return p, tensor.Must(data, 500, 700)
}

func TestPythonSDK_PassesValuesAndErrors(t *testing.T) {
	process := start(t, python(t))
	of, many := manyWeights()
	var mu sync.Mutex
	var phases []string
	s, err := process.Open(t.Context(), backend.OpenOptions{Program: of, Train: true, Progress: func(e backend.Event) {
		mu.Lock()
		defer mu.Unlock()
		phases = append(phases, e.Phase)
	}})
	if err != nil {
		t.Fatal(err)
	}
	given := backend.State{Step: 7, Slots: map[backend.Slot]map[string]tensor.Tensor{backend.Weights: {"w": tensor.Must([]float32{1, 2, 3, 4}, 2, 2), "many": many}}}
	if err := s.SetState(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	got, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if kept := got.Slots[backend.Weights]["many"]; got.Step != 7 || !slices.Equal(kept.Bytes(), many.Bytes()) {
		t.Errorf("the state is not the one that was set: step %d, %v", got.Step, kept)
	}
	for _, kind := range []backend.Kind{backend.Invalid, backend.NotFound, backend.Unsupported, backend.Unavailable,
		backend.Exhausted, backend.Numeric, backend.Crashed, backend.Internal} {
		err := s.Step(t.Context(), backend.StepPlan{LossWeights: map[string]float64{"fail " + string(kind): 1}}, nil)
		wantKind(t, err, kind, "toy: as asked")
	}
	wantKind(t, s.Step(t.Context(), backend.StepPlan{LossWeights: map[string]float64{"raise": 1}}, nil), backend.Internal, "ZeroDivisionError: out of cheese")
	stopsAfterThree(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	if !slices.Contains(phases, "compile") || !slices.Contains(phases, "late") {
		t.Errorf("events %v", phases)
	}
	mu.Unlock()
	pid := process.PID()
	if err := process.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}

// stopsAfterThree binds a file, and stops a plan of 500 steps after 3.
func stopsAfterThree(t *testing.T, s backend.Session) {
	t.Helper()
	counts := stridedCounts(t, s)
	id, steps := bindCounts(t, s, counts)
	plan := backend.StepPlan{Dataset: id, Optimiser: backend.Optimiser{Kind: backend.SGD}, LossWeights: map[string]float64{"loss": 1}}
	for i := range 500 {
		plan.Steps = append(plan.Steps, backend.Step{Number: int64(i + 1), Batches: []backend.Batch{steps}, LearningRates: map[string]float64{"": 1}})
	}
	done := 0
	err := s.Step(t.Context(), plan, func(backend.StepResult) error {
		if done++; done == 3 {
			return s.Stop(t.Context())
		}
		return nil
	})
	if err != nil || done < 3 || done == 500 {
		t.Errorf("%d of 500 steps, %v; Stop was called after 3", done, err)
	}
}

// stridedCounts writes uint16 counts [3, 1, 2, 3] backwards and with gaps, and returns a reference to them.
func stridedCounts(t *testing.T, s backend.Session) *backend.FileRef {
	t.Helper()
	raw := make([]byte, 100)
	for i := range 18 { // every second uint16, the patterns backwards
		binary.LittleEndian.PutUint16(raw[72-24*(i/6)+4*(i%6):], uint16(1000+i))
	}
	path := filepath.Join(t.TempDir(), "counts")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	ref := &backend.FileRef{Path: path, Offset: 72, DType: tensor.Uint16, Shape: []int{3, 2, 3}, Strides: []int64{-24, 12, 4}}
	short := *ref
	short.Offset = 90
	_, err := s.Bind(t.Context(), backend.Dataset{Patterns: 3, Arrays: []backend.Array{{Input: program.Counts, Gather: backend.PerPattern, File: &short}}})
	wantKind(t, err, backend.Invalid, "the file is truncated or its description is wrong")
	unnamed := *ref
	unnamed.Path = "/counts\x00"
	_, err = s.Bind(t.Context(), backend.Dataset{Patterns: 3, Arrays: []backend.Array{{Input: program.Counts, Gather: backend.PerPattern, File: &unnamed}}})
	wantKind(t, err, backend.Invalid, "null byte")
	return ref
}

// bindCounts binds counts in a file, checks the gathered rows, and returns a batch.
func bindCounts(t *testing.T, s backend.Session, counts *backend.FileRef) (backend.DatasetID, backend.Batch) {
	t.Helper()
	each := tensor.Must([]float32{1, 2, 3}, 3)
	id, err := s.Bind(t.Context(), backend.Dataset{Patterns: 3, Arrays: []backend.Array{
		{Input: program.Counts, Gather: backend.PerPattern, File: counts}, {Input: "each", Gather: backend.PerPattern, Value: each},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := backend.Batch{Rows: []int32{2, 0}, Offsets: make([]float32, 4)}
	inspector, ok := s.(backend.Inspector)
	if !ok {
		t.Fatal("the session does not inspect")
	}
	values, err := inspector.Forward(t.Context(), backend.BatchRef{Dataset: id, Batch: b}, program.Counts)
	if err != nil {
		t.Fatal(err)
	}
	have, err := tensor.Data[float32](values[program.Counts])
	if err != nil || !slices.Equal(have, []float32{1012, 1013, 1014, 1015, 1016, 1017, 1000, 1001, 1002, 1003, 1004, 1005}) {
		t.Errorf("gathered counts %v, %v", have, err)
	}
	return id, b
}

// Why an engine cannot be imported reaches the user.
func TestPythonSDK_NamesMissingEngine(t *testing.T) {
	t.Setenv("PTYCHO_TOY", "fail")
	_, err := Start(t.Context(), python(t))
	wantKind(t, err, backend.Unavailable, "the engine cannot be loaded: libengine.so is missing")
}

// TestPythonSDK_ImportMayHoldTheInterpreter holds the interpreter's lock for 33 s: by default gRPC ends calls that wait for more than 30 s.
func TestPythonSDK_ImportMayHoldTheInterpreter(t *testing.T) {
	fixture.NeedsAll(t)
	t.Setenv("PTYCHO_TOY", "hold")
	start(t, python(t))
}

// The plugin ends when the host's end of the lifeline is closed, and removes the socket's folder. It sends the handshake before it
// imports its engine, which never ends here: on a busy machine it takes longer than the host waits.
func TestPythonSDK_EndsWithLifeline(t *testing.T) {
	spec := python(t)
	folder, err := os.MkdirTemp("", "pt")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(spec.Path)
	cmd.Env = []string{"PTYCHO_PLUGIN=5f0a1c8e-ptycho-backend", "PTYCHO_LIFELINE_FD=3", "PLUGIN_UNIX_SOCKET_DIR=" + folder, "PTYCHO_TOY=wait"}
	cmd.ExtraFiles = []*os.File{read}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read.Close()
	line := make([]byte, 1<<16)
	n, _ := out.Read(line)
	parts := strings.Split(strings.TrimSpace(string(line[:n])), "|")
	if len(parts) != 6 || parts[0] != "1" || parts[1] != "2" || parts[2] != "unix" || filepath.Dir(parts[3]) != folder || parts[4] != "grpc" {
		t.Errorf("handshake %q", line[:n])
	}
	write.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		t.Error("the plugin outlives its host")
	}
	if _, err := os.Stat(folder); err == nil {
		t.Errorf("%s is left", folder)
	}
}

// The plugin does not serve from a folder that others may enter.
func TestPythonSDK_RefusesOpenFolder(t *testing.T) {
	spec := python(t)
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil { //nolint:gosec // the fault
		t.Fatal(err)
	}
	cmd := exec.Command(spec.Path)
	cmd.Env = []string{"PTYCHO_PLUGIN=5f0a1c8e-ptycho-backend", "PLUGIN_UNIX_SOCKET_DIR=" + folder}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "closed to others") {
		t.Errorf("%v: %s", err, out)
	}
}

// A program that installed itself is found by its name, with its digest.
func TestPythonSDK_InstalledIsFound(t *testing.T) {
	spec := python(t)
	data := t.TempDir()
	cmd := exec.Command(spec.Path, "install")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+data)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found, err := Find("toy", Places{DataHome: data})
	if err != nil {
		t.Fatal(err)
	}
	if found.Source != Installed || len(found.SHA256) != 64 || found.Manifest.Version != "1" {
		t.Errorf("found %+v", found)
	}
	if err := os.WriteFile(found.Path, []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Spec{Name: "toy", Path: found.Path, SHA256: found.SHA256})
	wantKind(t, err, backend.Invalid, "install it again")
}

// A program replaces its installed version and leaves nothing else. Without its engine, or where it cannot write, it says why in one line
// and keeps the installed version.
func TestPythonSDK_InstallsAgain(t *testing.T) {
	spec := python(t)
	data := t.TempDir()
	install := func(more ...string) (string, int) {
		cmd := exec.Command(spec.Path, "install")
		cmd.Env = append(append(os.Environ(), "XDG_DATA_HOME="+data), more...)
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	parent := filepath.Join(data, "ptycho", "plugins", "toy")
	program := filepath.Join(parent, "1", "ptycho-backend-toy")
	only := func(when string) {
		t.Helper()
		if entries, err := os.ReadDir(parent); err != nil || len(entries) != 1 {
			t.Errorf("%s: %v, %v, want version 1 only", when, entries, err)
		}
		if _, err := os.Stat(program); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	for range 2 {
		if out, code := install(); code != 0 {
			t.Fatalf("exit %d: %s", code, out)
		}
	}
	only("after the second installation")
	if out, code := install("PTYCHO_TOY=fail"); code != 12 || out != "toy: the engine cannot be loaded: libengine.so is missing\n" {
		t.Errorf("without its engine: exit %d: %q", code, out)
	}
	only("without its engine")
	if out, code := install("XDG_DATA_HOME=" + program); code != 11 || !strings.HasPrefix(out, "install: ") || strings.Count(out, "\n") != 1 {
		t.Errorf("into a file: exit %d: %q", code, out)
	}
}
