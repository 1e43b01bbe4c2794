package bent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/fixture"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
	"github.com/ptychogo/ptycho/sdk/wire"
)

// The variables that make this test's binary a plugin whose answers are corrupted. Variables with their prefix are passed
// to plugins.
const (
	seedKey  = "PTYCHO_BENT_SEED"
	floodKey = "PTYCHO_BENT_FLOOD"
)

func TestMain(m *testing.M) {
	if seed := os.Getenv(seedKey); seed != "" && os.Getenv(wire.CookieKey) != "" {
		serve(seed)
		return
	}
	code := m.Run()
	fixture.RemoveProgram()
	os.Exit(code)
}

// serve is sdk.Serve with the interceptor before its server.
func serve(text string) {
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	rate := 0.1
	if os.Getenv(floodKey) != "" {
		rate = 0
		stderr := os.Stderr // go-plugin replaces os.Stderr
		line := "[ERROR] \x1b[31m" + strings.Repeat("flood ", 100) + "\n"
		for range 5000 {
			fmt.Fprint(stderr, line)
		}
		go func() {
			for {
				fmt.Fprint(stderr, line)
			}
		}()
	}
	var g *grpc.Server
	srv := wire.NewServer(gorgonia.New(), slog.New(slog.DiscardHandler), func() { go g.Stop() })
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{backend.ProtocolMajor: {wire.PluginName: &wire.Plugin{Backend: srv}}},
		GRPCServer: func(tls []grpc.ServerOption) *grpc.Server {
			g = grpc.NewServer(slices.Concat(tls, New(seed, rate).Options(), srv.Options())...)
			return g
		},
	})
}

// command runs the real program with this binary as its backend.
func (w world) command(t *testing.T, variables []string, args ...string) fixture.Result {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fixture.Run(t, t.TempDir(), variables, append(args, "--backend", self)...)
}

// TestProgram_SurvivesBentAnswers runs the program against a plugin in another process.
func TestProgram_SurvivesBentAnswers(t *testing.T) {
	w := newWorld(t)
	for seed := range 6 {
		out := filepath.Join(t.TempDir(), "out")
		args := []string{"train", "--train-data-file", w.scan, "--output-dir", out, "--no-check-geometry", "--max-epochs", "1", "--threads", "1", "--n-filters-scale", "1", "--batch-size", "8", "--quiet"}
		if seed%3 == 2 {
			args = []string{"infer", "--trust-data", "--model-path", w.model, "--test-data", w.scan, "--output-dir", out, "--threads", "1", "--quiet"}
		}
		r := w.command(t, []string{fmt.Sprintf("%s=%d", seedKey, seed)}, args...)
		if !slices.Contains([]int{host.ExitOK, host.ExitBackend, host.ExitDevice, host.ExitCrashed, host.ExitDiverged}, r.Code) || strings.Contains(r.Stderr, "goroutine ") || strings.ContainsAny(r.Stderr, "\x1b\x00") {
			t.Errorf("seed %d: exit code %d: %.1000q", seed, r.Code, r.Stderr)
		}
		if faults := w.left(outcome{err: context.Canceled}, out); len(faults) > 0 {
			t.Errorf("seed %d: %v", seed, faults)
		}
	}
}

// TestProgram_BoundsAFlood runs the program with a plugin that prints without end.
func TestProgram_BoundsAFlood(t *testing.T) {
	w := newWorld(t)
	out := filepath.Join(t.TempDir(), "out")
	began := time.Now()
	r := w.command(t, []string{seedKey + "=1", floodKey + "=1"}, "infer", "--trust-data", "--model-path", w.model, "--test-data", w.scan, "--output-dir", out, "--threads", "1", "--quiet")
	// At first a thousand lines of 600 characters, then twenty a second.
	if most := 2<<20 + int(time.Since(began).Seconds())*20*700; r.Code != 0 || len(r.Stderr) > most || strings.Contains(r.Stderr, "\x1b") {
		t.Errorf("exit code %d and %d bytes, want at most %d: %.300q", r.Code, len(r.Stderr), most, r.Stderr)
	}
	if !strings.Contains(r.Stderr, "are not shown") {
		t.Errorf("%d lines do not report the dropped ones: %.300q", strings.Count(r.Stderr, "\n"), r.Stderr[max(0, len(r.Stderr)-300):])
	}
}
