//go:build unix

package command_test

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/command"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/sdk"
)

func TestMain(m *testing.M) {
	serveKilled(os.Args[len(os.Args)-1])
	switch os.Args[len(os.Args)-1] {
	case "serve":
		sdk.Serve(oracle.New())
	case "killed":
		sdk.Serve(fragile{oracle.New(), func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) }}) //nolint:errcheck // it does not return
	case "hangs":
		sdk.Serve(fragile{oracle.New(), func() { time.Sleep(time.Hour) }})
	case "leaks":
		sdk.Serve(leaking{oracle.New()})
	case "lingers":
		signal.Ignore(syscall.SIGTERM)
		sdk.Serve(lingering{oracle.New()})
	case "spins":
		sdk.Serve(spinning{oracle.New()})
	case "leaves":
		child := exec.Command("sleep", "60")
		child.Start() //nolint:errcheck // the case then passes, and the test fails
		sdk.Serve(oracle.New())
	default:
		syscall.Umask(0o022) // plugins in folders that others can write are rejected
		os.Exit(m.Run())
	}
}

// fragile fails when a program has a square.
type fragile struct {
	backend.Backend
	fail func()
}

func (f fragile) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if strings.HasPrefix(o.Program.Name, string(program.Square)+" alone") {
		f.fail()
	}
	return f.Backend.Open(ctx, o)
}

func TestTarget_StartsAgainAfterAKillAndAHang(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes: not with -short")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for role, failed := range map[string]int{"serve": 0, "killed": 1, "hangs": 1} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			report, err := conformance.Check(t.Context(), command.Target(self, role), conformance.Options{Level: conformance.Computes, Timeout: 20 * time.Second, Run: regexp.MustCompile("^(info|operation/(sqrt|square|detach))$")})
			if err != nil {
				t.Fatal(err)
			}
			if report.Sum(conformance.Failed) != failed || report.Sum(conformance.Passed) != 4-failed {
				t.Errorf("%+v", report.Results)
			}
			for _, r := range report.Results {
				if r.Status == conformance.Failed && r.Name != "operation/square" {
					t.Errorf("%s fails: %s", r.Name, r.Message)
				}
			}
		})
	}
}
