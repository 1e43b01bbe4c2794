// Command testrun runs go test and prints at the end every skipped test with its reason: a skip is not a pass, and it is
// easily missed among hundreds of lines. Its exit status is that of go test.
//
//	go run ./internal/testrun [-cgo PACKAGES] [-notes FILE] -- -count=1 ./...
//	go run ./internal/testrun -compile "darwin/arm64 windows/amd64" ./...
//
// With -compile it runs no test, and checks that all of them compile for other systems.
//
// While tests run, it prints once a minute which ones are running. There is no time limit that a slow machine could exceed,
// and a test that hangs is visible by its name.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	closeToOthers()
	cgo := flag.String("cgo", "", "packages to test with cgo too, separated by spaces")
	notes := flag.String("notes", "", "`file` with further lines for the list of skipped tests")
	systems := flag.String("compile", "", "`systems` for which packages and tests must compile, separated by spaces; no test runs")
	flag.Parse()
	if *systems != "" {
		os.Exit(compile(strings.Fields(*systems), flag.Args()))
	}
	status, err := run(flag.Args(), strings.Fields(*cgo), *notes)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// run tests the packages of args without cgo and, at the same time, the given ones with cgo, and reports both together. The packages with
// cgo are few and wait for a library that computes on one core.
func run(args, cgo []string, notes string) (status int, err error) {
	r := newReport(os.Stdout, time.Now)
	calls := []func() (int, error){func() (int, error) { return tests(r, os.Environ(), append([]string{packagesAtOnce()}, args...)) }}
	if len(cgo) > 0 {
		flags, _ := split(args)
		calls = append(calls, func() (int, error) { return tests(r, append(os.Environ(), "CGO_ENABLED=1"), append(flags, cgo...)) })
	}
	stop := r.printEvery(time.Minute)
	statuses, errs := make([]int, len(calls)), make([]error, len(calls))
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { statuses[i], errs[i] = call() })
	}
	wg.Wait()
	stop()
	status, err = slices.Max(statuses), errors.Join(errs...)
	if notes != "" {
		lines, readErr := os.ReadFile(notes)
		if readErr != nil {
			return status, readErr
		}
		r.note(string(lines))
	}
	r.summary()
	return status, err
}

// packagesAtOnce is the flag of go test for one package more than the machine has cores, because some tests wait for processes and servers.
func packagesAtOnce() string { return fmt.Sprint("-p=", runtime.NumCPU()+1) }

// split separates the flags of go test, which begin with a hyphen, from the packages after them.
func split(args []string) (flags, packages []string) {
	for i, a := range args {
		if !strings.HasPrefix(a, "-") {
			return args[:i:i], args[i:]
		}
	}
	return args[:len(args):len(args)], nil
}

// tests runs go test once.
func tests(r *report, env, args []string) (status int, err error) {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Env, cmd.Stderr = env, os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	readErr := r.read(events) // read to the end, because go test would block on a full pipe
	waitErr := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case errors.As(waitErr, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode(), readErr
	case waitErr != nil:
		return 0, waitErr
	}
	return 0, readErr
}
