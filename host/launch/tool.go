package launch

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// toolGrace is how long a tool that was asked to end may take before it is killed.
const toolGrace = 10 * time.Second

// Tool runs a plugin's program as a tool of its own, such as doctor or setup, with this process's environment and
// terminal, and gives its exit code. The file is verified as for a start.
func Tool(ctx context.Context, s Spec, in io.Reader, out, log io.Writer) (int, error) {
	if err := s.complete(); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, s.Path, s.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it tidies up
	cmd.WaitDelay = toolGrace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode(), nil
	}
	return 0, backend.Errorf(backend.Crashed, "start", "%s: %w", s.Path, err)
}
