package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
)

// Each type of error has the exit code that docs/commands.md lists, wrapped or not.
func TestExitCode_FollowsTheTypeOfTheError(t *testing.T) {
	missing := &npz.Error{Path: "scan.npz", What: "no such file"}
	kind := func(k backend.Kind) error { return backend.Errorf(k, "step", "what") }
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"none":                      {nil, ExitOK},
		"without a type":            {errors.New("oh"), ExitOther},
		"data":                      {missing, ExitData},
		"one of several":            {fmt.Errorf("all are damaged: %w", errors.Join(errors.New("oh"), missing)), ExitData},
		"a full disk":               {&npz.Error{Path: "out.npz", What: "cannot be written", Unwritten: true}, ExitOther},
		"settings":                  {&config.Error{}, ExitUsage},
		"a program":                 {&program.Error{Op: -1}, ExitUsage},
		"a flag about a file":       {acquisition.FlagErrorf("--energy 1m"), ExitUsage},
		"a fault of a scan":         {&scan.Fault{}, ExitData},
		"a scan that was shortened": {&scan.SourceError{}, ExitData},
		"a program in a model":      {&npz.Error{Path: "run", Err: &program.Error{Op: -1}}, ExitData},
		"a program, by the backend": {backend.Errorf(backend.Invalid, "open", "%w", &program.Error{Op: -1}), ExitBackend},
		"unknown to the backend":    {kind(backend.NotFound), ExitBackend},
		"unsupported":               {kind(backend.Unsupported), ExitBackend},
		"a faulty backend":          {kind(backend.Internal), ExitBackend},
		"a device":                  {kind(backend.Unavailable), ExitDevice},
		"memory":                    {kind(backend.Exhausted), ExitDevice},
		"a crash":                   {kind(backend.Crashed), ExitCrashed},
		"NaN":                       {kind(backend.Numeric), ExitDiverged},
		"Ctrl-C":                    {backend.Errorf(backend.Cancelled, "step", "%w", context.Canceled), ExitInterrupted},
		"a code of its own":         {Failf(ExitUsage, "--data: %w", missing), ExitUsage},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", name, got, c.want)
		}
		if got := ExitCode(fmt.Errorf("train: %w", c.err)); c.err != nil && got != c.want {
			t.Errorf("%s, wrapped: exit code %d, want %d", name, got, c.want)
		}
	}
}

// The error of a backend without memory names the flags that help. Other errors do not change.
func TestRelieve_NamesTheFlags(t *testing.T) {
	for what, want := range map[string]string{
		"the batch needs 300 MiB of memory, 64 MiB are allowed: use smaller batches": "the batch needs 300 MiB of memory, 64 MiB are allowed",
		"XLA: RESOURCE_EXHAUSTED: allocating 1 GiB: use smaller batches":             "XLA: RESOURCE_EXHAUSTED: allocating 1 GiB",
		"no memory is left": "no memory is left",
	} {
		err := Relieve(&backend.Error{Kind: backend.Exhausted, Backend: "xla", Op: "step", What: what}, "--batch-size")
		want = "backend xla: step: " + want + ": use smaller batches with --batch-size, or raise --memory-limit where it is set"
		if err.Error() != want || ExitCode(err) != ExitDevice {
			t.Errorf("got %q with code %d, want %q", err, ExitCode(err), want)
		}
	}
	for _, err := range []error{
		backend.Errorf(backend.Crashed, "step", "the batch is lost"),
		backend.Errorf(backend.Exhausted, "setup", "the disk is full: set XDG_DATA_HOME or use --no-nvidia"),
		backend.Errorf(backend.Exhausted, "bind", "the file is larger than this machine can address"),
		fs.ErrClosed,
	} {
		before := err.Error()
		if got := Relieve(err, "--batch-size").Error(); got != before {
			t.Errorf("got %q, want %q", got, before)
		}
	}
}
