//go:build unix

package plugin

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/sdk"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// roleKey is the variable that makes the test binary run as a plugin or a host.
const roleKey = "PTYCHO_TEST_ROLE"

func TestMain(m *testing.M) {
	if call, ok := strings.CutPrefix(os.Getenv(roleKey), "hang "); ok {
		sdk.Serve(hanging(call))
	}
	if variant, ok := strings.CutPrefix(os.Getenv(roleKey), "bare "); ok {
		serveBare(variant)
	}
	switch role := os.Getenv(roleKey); role {
	case "":
		syscall.Umask(0o022) // plugins in folders that others can write are rejected
		if err := waitTogether(); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	case "plugin":
		sdk.Serve(toy{})
	case "noisy":
		noise := bytes.Repeat([]byte("x"), 256<<10)
		syscall.Write(1, noise) // like a library that prints while it is loaded; the handshake follows on the same line
		sdk.Serve(toy{noise: noise})
	case "host":
		hostMain()
	case "future":
		fmt.Println("1|99|unix|/nowhere|grpc|")
		time.Sleep(time.Hour) // not select {}: without cgo the runtime would call that a deadlock
	case "chatter":
		fmt.Println("hello, I am a calculator")
		time.Sleep(time.Hour) // not select {}: without cgo the runtime would call that a deadlock
	case "broken":
		fmt.Fprintln(os.Stderr, "libengine.so.7: cannot open shared object file")
		os.Exit(127)
	default:
		panic("unknown role " + role)
	}
}

// waitTogether lets more tests run at the same time than the machine has cores, because most parallel tests here wait.
func waitTogether() error {
	flag.Parse()
	return flag.Set("test.parallel", "16")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// toy is a backend with controllable behaviour.
type toy struct{ noise []byte }

func (toy) Info() backend.Info {
	return backend.Info{
		Name: "toy", Version: "1.2.3", Engine: "none", Capabilities: []backend.Capability{backend.CanTrain, backend.CanInspect},
		DTypes: []tensor.DType{tensor.Float32}, Operations: []program.OpKind{program.Add},
	}
}

// Devices describes the process: its environment and its descriptors.
func (b toy) Devices(context.Context) ([]backend.Device, error) {
	if b.noise != nil {
		syscall.Write(1, b.noise) // like native code
		fmt.Print(string(b.noise))
	}
	out := []backend.Device{{ID: "cpu", Name: "toy", Usable: true, Memory: 1 << 40, Cores: 2}}
	for i, kv := range os.Environ() {
		out = append(out, backend.Device{ID: fmt.Sprint("env:", i), Reason: kv})
	}
	return out, nil
}

func (b toy) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if o.Program.Name == "endless" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for i := range int64(3) {
		o.Progress(backend.Event{Phase: "compile", Message: o.Program.Name, Done: i + 1, Total: 3})
	}
	s := &toySession{program: o.Program, sets: map[backend.DatasetID]*feed.Set{}, stop: make(chan struct{}, 1), progress: o.Progress}
	if o.Program.Name == "blind" {
		return struct{ backend.Session }{s}, nil
	}
	return s, nil
}

type toySession struct {
	backend.Unimplemented
	program *program.Program
	state   backend.State
	sets    map[backend.DatasetID]*feed.Set
	stop    chan struct{}
	running sync.Mutex

	progress func(backend.Event)
}

func (s *toySession) Params() []program.ParamSpec { return s.program.Params }

func (s *toySession) SetState(_ context.Context, st backend.State) error {
	s.state = st
	return nil
}

func (s *toySession) State(context.Context) (backend.State, error) { return s.state, nil }

func (s *toySession) Bind(_ context.Context, d backend.Dataset) (backend.DatasetID, error) {
	set, err := feed.Open(d, s.program.Inputs[:1])
	if err != nil {
		return "", err
	}
	id := backend.DatasetID(fmt.Sprint("set", len(s.sets)))
	s.sets[id] = set
	return id, nil
}

// Step follows the commands in the names of the loss weights, then sums the counts of each step.
func (s *toySession) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	if !s.running.TryLock() {
		panic("two calls at once")
	}
	defer s.running.Unlock()
	for order := range p.LossWeights {
		switch kind, ok := strings.CutPrefix(order, "fail "); {
		case ok:
			return fmt.Errorf("epoch 3: %w", backend.Errorf(backend.Kind(kind), "toy", "as asked"))
		case order == "panic":
			panic("out of cheese")
		case order == "die":
			slog.Error("engine failure", "error", "cosmic ray")
			fmt.Fprint(os.Stderr, "last words")
			os.Exit(3)
		}
	}
	for _, st := range p.Steps {
		s.progress(backend.Event{Phase: "step", Done: st.Number, Seconds: 0.5})
		r := backend.StepResult{Number: st.Number, Scalars: map[string]backend.Sum{}}
		for _, b := range st.Batches {
			if set := s.sets[p.Dataset]; set != nil {
				for item, err := range set.Feed(ctx, []backend.Batch{b}, feed.Options{Inputs: []string{program.Counts}}) {
					if err != nil {
						return err
					}
					counts, _ := tensor.Data[float32](item.Inputs[program.Counts])
					for _, v := range counts {
						r.Loss += float64(v)
					}
				}
			}
			r.Patterns += len(b.Rows)
			for _, x := range b.Extra {
				r.GradNorm += float64(x.Len())
			}
		}
		for _, name := range []string{"loss", "deviance"} {
			r.Scalars[name] = backend.Sum{Count: float64(r.Patterns)}
		}
		if err := emit(r); err != nil {
			return err
		}
		if _, wait := p.LossWeights["wait"]; wait {
			select {
			case <-s.stop:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func (s *toySession) Stop(context.Context) error {
	s.stop <- struct{}{}
	return nil
}

func (s *toySession) Evaluate(_ context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	for i, b := range p.Batches {
		n := len(b.Rows)
		r := backend.EvalResult{Batch: i, Scalars: map[string]backend.Sum{"loss": {Sum: float64(i), Count: float64(n)}, "deviance": {Count: float64(n)}}}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *toySession) Reconstruct(_ context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	for i := range p.Batches {
		data := make([]complex64, toySize*toySize)
		for k := range data {
			data[k] = complex(float32(i), float32(k))
		}
		if err := emit(backend.Patches{Batch: i, Data: tensor.Must(data, 1, toySize, toySize)}); err != nil {
			return err
		}
	}
	return nil
}

func (s *toySession) Forward(_ context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	out := map[string]tensor.Tensor{}
	n := len(b.Batch.Rows)
	for _, t := range taps {
		if t == "w" {
			out[t] = tensor.Must([]float32{1, 2, 3, 4}, 2, 2)
		} else {
			out[t] = tensor.Must(slices.Repeat([]float32{float32(n)}, n), n, 1)
		}
	}
	return out, nil
}

func (s *toySession) Gradient(_ context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	n := float64(len(b.Batch.Rows))
	scalars := map[string]backend.Sum{"loss": {Sum: 1, Count: n}, "deviance": {Count: n}}
	return backend.Loss{Value: n, Scalars: scalars}, map[string]tensor.Tensor{"w": tensor.Must(make([]float32, 4), 2, 2)}, nil
}

// toySize is the side of the toy's patches, which have 3.9 MB of complex64.
const toySize = 700

// toyProgram has counts [B, 1, 2, 3], one parameter, two scalars, patches of 700×700 pixels and no operations.
func toyProgram(name string) *program.Program {
	each := program.PerGroup(1)
	return &program.Program{
		Name: name, N: 2, Group: 1,
		Inputs: []program.Input{
			{Name: program.Counts, Type: program.Type{Kind: program.Real, Shape: program.Shape{each, 1, 2, 3}}},
			{Name: "each", Type: program.Type{Kind: program.Real, Shape: program.Shape{each, 1}}},
			{Name: "object", Type: program.Type{Kind: program.Complex, Shape: program.Shape{each, 1, toySize, toySize}}},
		},
		Params:  []program.Param{{Name: "w", Kind: program.Real, Shape: []int{2, 2}, Trainable: true, Init: program.Init{Kind: program.Constant, Value: 0.5}}},
		Scalars: []program.Scalar{{Name: "loss", Value: "each", Loss: true}, {Name: "deviance", Value: "each"}},
		Outputs: []program.Output{{Name: program.Patches, Value: "object"}},
	}
}

func role(t testing.TB, name string) Spec {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Name: "toy", Path: exe, Env: []string{roleKey + "=" + name}}
}

func start(t *testing.T, s Spec) *Process {
	t.Helper()
	p, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func open(t *testing.T, p *Process, name string) backend.Session {
	t.Helper()
	s, err := p.Open(t.Context(), backend.OpenOptions{Program: toyProgram(name), Train: true, Progress: func(backend.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
