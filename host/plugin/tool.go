package plugin

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
)

// toolGrace is the time that a tool has to end on request before it is killed.
const toolGrace = time.Second

// command returns the command that runs the checked file under the requested name.
func command(ctx context.Context, f *trustedFile, s Spec) *exec.Cmd {
	cmd := exec.CommandContext(ctx, f.Path, s.Args...)
	cmd.Args[0] = s.Path
	return cmd
}

// Tool runs a plugin's program as a tool, such as doctor or setup, with the terminal of this process, and returns its exit
// code. It checks the file and filters the environment like Start. With Spec.Network it adds the variables of proxies,
// certificates and pip.
func Tool(ctx context.Context, s Spec, in io.Reader, out, log io.Writer) (int, error) {
	if err := s.complete(); err != nil {
		return 0, err
	}
	file, err := s.open()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	cmd := command(ctx, file, s)
	cmd.Env = append(allowed(os.Environ(), s.Network), s.Env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that the tool removes unfinished files
	cmd.WaitDelay = toolGrace
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case file.Changed() != nil:
		return 0, backend.Errorf(backend.Invalid, "start", "plugin %s: %w", s.Name, file.Changed())
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode(), nil
	}
	return 0, backend.Errorf(backend.Crashed, "start", "%s: %w", s.Path, err)
}
