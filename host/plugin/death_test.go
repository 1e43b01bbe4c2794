//go:build unix

package plugin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ptychogo/ptycho/core/backend"
)

func TestProcess_ErrorKinds(t *testing.T) {
	s := open(t, start(t, role(t, "plugin")), "toy")
	for _, kind := range []backend.Kind{backend.Invalid, backend.NotFound, backend.Unsupported, backend.Unavailable,
		backend.Exhausted, backend.Numeric, backend.Cancelled, backend.Crashed, backend.Internal} {
		p := backend.StepPlan{LossWeights: map[string]float64{"fail " + string(kind): 1}}
		if kind == backend.Cancelled { // the user did not cancel the call
			kind = backend.Internal
		}
		wantKind(t, s.Step(t.Context(), p, nil), kind, "epoch 3: toy: as asked")
	}
	p := backend.StepPlan{LossWeights: map[string]float64{"panic": 1}}
	wantKind(t, s.Step(t.Context(), p, nil), backend.Internal, "out of cheese")
	losses(t, s, backend.StepPlan{}) // the session still works
}

func TestProcess_CrashQuotesLastLines(t *testing.T) {
	for name, c := range map[string]struct {
		how  string
		kill bool
		say  []string
	}{
		"exits":     {"die", false, []string{"exit status 3", "error: engine failure: cosmic ray", "last words"}},
		"is killed": {"wait", true, []string{"signal: killed"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, role(t, "plugin"))
			s := open(t, p, "toy")
			plan := waiting()
			plan.LossWeights = map[string]float64{c.how: 1}
			err := s.Step(t.Context(), plan, func(backend.StepResult) error {
				if c.kill {
					return syscall.Kill(p.PID(), syscall.SIGKILL)
				}
				return nil
			})
			wantKind(t, err, backend.Crashed, c.say...)
			_, err = s.State(t.Context())
			wantKind(t, err, backend.Crashed)
			<-p.Done()
			if err := p.Stop(t.Context()); err != nil {
				t.Errorf("stopping what has ended: %v", err)
			}
		})
	}
}

func TestStop_LeavesNothing(t *testing.T) {
	base := t.TempDir()
	if len(base) > 35 { // too long for the socket's path
		base, _ = os.MkdirTemp("/tmp", "pt")
		defer os.RemoveAll(base)
	}
	t.Setenv("TMPDIR", base)
	p := start(t, role(t, "plugin"))
	dirs, _ := filepath.Glob(filepath.Join(base, "*", "plugin-dir*"))
	if len(dirs) != 1 {
		t.Fatalf("socket folders %v", dirs)
	}
	if st, err := os.Stat(dirs[0]); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("socket folder: %v, %v", st.Mode(), err)
	}
	s := open(t, p, "toy")
	started := make(chan struct{})
	var once sync.Once
	ended := make(chan error, 1)
	go func() {
		ended <- s.Step(t.Context(), waiting(), func(backend.StepResult) error { once.Do(func() { close(started) }); return nil })
	}()
	<-started
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, <-ended, backend.Cancelled)
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if left, _ := os.ReadDir(base); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// hostMain is a host that waits to be killed while its plugin works.
func hostMain() {
	// The race detector's runtime sleeps for a second at every exit.
	p, err := Start(context.Background(), Spec{Path: os.Args[0], Env: []string{roleKey + "=plugin", "GORACE=atexit_sleep_ms=0"}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s, err := p.Open(context.Background(), backend.OpenOptions{Program: toyProgram("toy")})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_ = s.Step(context.Background(), waiting(), func(backend.StepResult) error {
		fmt.Println(p.PID())
		return nil
	})
}

func TestPlugin_EndsWithKilledHost(t *testing.T) {
	spec := role(t, "host")
	host := exec.Command(spec.Path)
	host.Env = append(os.Environ(), spec.Env...)
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	host.Process.Kill()
	host.Wait()
	if err != nil {
		t.Fatalf("the host said %q", line)
	}
	// A container may lack an init that reaps the orphan. A zombie counts as ended.
	for i := range 6000 { // a minute, for a busy machine
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
		if i == 5999 {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the plugin outlives its host")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestPlugin_PrintingDoesNotBlock(t *testing.T) {
	p := start(t, role(t, "noisy"))
	for range 3 {
		if _, err := p.Devices(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	open(t, p, "toy")
}

func TestEnvironment_IsAnAllowList(t *testing.T) {
	for k, v := range map[string]string{
		"AWS_SECRET_ACCESS_KEY": "s3cret", "CUDA_VISIBLE_DEVICES": "1", "XLA_FLAGS": "--x", "OMP_NUM_THREADS": "3",
		"PTYCHO_CPU": "generic", "GOFLAGS": "-mod=mod", "PTYCHO_LIFELINE_FD": "77",
		"PTYCHO_EXECUTION__MLFLOW_URI": "https://u:s3cret@host", "MLFLOW_TRACKING_PASSWORD": "s3cret", "HTTPS_PROXY": "http://u:s3cret@proxy", "PIP_INDEX_URL": "https://u:s3cret@index",
	} {
		t.Setenv(k, v)
	}
	spec := role(t, "plugin")
	spec.LogLevel = hclog.Warn
	devices, err := start(t, spec).Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env := "\n"
	for _, d := range devices {
		env += d.Reason + "\n"
	}
	for _, want := range []string{"CUDA_VISIBLE_DEVICES=1", "XLA_FLAGS=--x", "OMP_NUM_THREADS=3", "PTYCHO_CPU=generic", "PTYCHO_LOG_LEVEL=warn"} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	for _, bad := range []string{"AWS_", "GOFLAGS", "PTYCHO_LIFELINE_FD", "PTYCHO_EXECUTION__", "MLFLOW_", "HTTPS_PROXY", "PIP_"} {
		if strings.Contains(env, "\n"+bad) {
			t.Errorf("%s went through", bad)
		}
	}
}

func TestPlugin_StartedByHandExplainsItself(t *testing.T) {
	spec := role(t, "plugin")
	for _, cookie := range []string{"", "PTYCHO_PLUGIN=wrong"} {
		cmd := exec.Command(spec.Path)
		cmd.Env = append(os.Environ(), append(spec.Env, cookie)...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 12 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "toy backend of ptycho") {
			t.Errorf("said %q: %v", out, err)
		}
	}
}

func TestStart_ErrorsNameCauseAndFix(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	wrongSum := role(t, "plugin")
	wrongSum.SHA256 = strings.Repeat("ab", 32)
	chatter := role(t, "chatter")
	chatter.StartTimeout = 5 * time.Second // enough to print a line; the test waits this time
	noProgram := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(noProgram, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	silent := Spec{Path: "/bin/sleep", Args: []string{"60"}, StartTimeout: 200 * time.Millisecond}
	for name, c := range map[string]struct {
		ctx  context.Context
		spec Spec
		kind backend.Kind
		say  []string
	}{
		"another protocol": {t.Context(), role(t, "future"), backend.Unsupported, []string{"protocol 99", fmt.Sprintf("protocol %d.%d", backend.ProtocolMajor, backend.ProtocolMinor), "update ptycho, or install an older version of the plugin"}},
		"not a plugin":     {t.Context(), chatter, backend.Unsupported, []string{"I am a calculator", "not a plugin"}},
		"silent":           {t.Context(), silent, backend.Unsupported, []string{"did not send a handshake"}},
		"dies":             {t.Context(), role(t, "broken"), backend.Crashed, []string{"exit status 127", "libengine.so.7"}},
		"missing":          {t.Context(), Spec{Path: "/nowhere/plugin"}, backend.NotFound, []string{"/nowhere/plugin"}},
		"name":             {t.Context(), Spec{Path: "sh"}, backend.Invalid, []string{"slash"}},
		"folder":           {t.Context(), Spec{Path: os.TempDir()}, backend.Invalid, []string{"not a regular file"}},
		"no program":       {t.Context(), Spec{Path: noProgram}, backend.Invalid, []string{"cannot be executed"}},
		"changed":          {t.Context(), wrongSum, backend.Invalid, []string{"sha256", "install it again"}},
		"cancelled":        {ended, role(t, "plugin"), backend.Cancelled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.spec.StartTimeout > time.Second && testing.Short() {
				t.Skip("waits for seconds: not with -short")
			}
			p, err := Start(c.ctx, c.spec)
			if err == nil {
				p.Kill()
			}
			wantKind(t, err, c.kind, c.say...)
		})
	}
}

func TestLog_KeepsLevels(t *testing.T) {
	var mu sync.Mutex
	var buf bytes.Buffer
	spec := role(t, "plugin")
	spec.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return buf.Write(b)
	})})
	p := start(t, spec)
	err := open(t, p, "toy").Step(t.Context(), backend.StepPlan{LossWeights: map[string]float64{"panic": 1}}, nil)
	wantKind(t, err, backend.Internal)
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if s := buf.String(); !strings.Contains(s, "[ERROR]") || !strings.Contains(s, "out of cheese") || strings.Contains(s, "[DEBUG]") {
		t.Errorf("log: %s", s)
	}
}
