// Command testrun runs go test and prints, last of all, every test that was skipped and why: a skip is not a pass, and
// among hundreds of lines it is not seen. Its arguments are those of go test; its exit status too.
//
//	go run ./internal/testrun ./...
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	closeToOthers()
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		status = 1
	}
	os.Exit(status)
}

func run(args []string) (status int, err error) {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	r := newReport(os.Stdout)
	readErr := r.read(events) // go test would block on a full pipe if this stopped early, so it reads to the end
	waitErr := cmd.Wait()
	r.summary()
	var exit *exec.ExitError
	switch {
	case errors.As(waitErr, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode(), readErr
	case waitErr != nil:
		return 0, waitErr
	}
	return 0, readErr
}
