package main

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/host/plugin"
)

// Main is the program. The test process becomes it where it is started as a plugin.
var Main = main

// DemoScan is the scan of the demo, which a test makes smaller.
var DemoScan = &demoScan

// inside is a bundled backend in this process.
type inside struct{ backend.Backend }

func (inside) Stop(context.Context) error { return nil }

// Inside runs a command line in this process, and a bundled backend too. It returns the command's outputs and exit code. It replaces
// the outputs of the process, so only one command may run at a time.
func Inside(t testing.TB, words ...string) (out, errs string, code int) {
	t.Helper()
	return InsideWith(t, nil, words...)
}

// InsideWith is Inside with a function that starts a plugin. The function returns nil for plugins that are to be other processes.
func InsideWith(t testing.TB, given func(context.Context, plugin.Spec) (host.Engine, error), words ...string) (out, errs string, code int) {
	t.Helper()
	process, oldOut, oldErr := start, stdout, os.Stderr
	defer func() { start, stdout, os.Stderr = process, oldOut, oldErr }()
	start = func(ctx context.Context, s plugin.Spec) (host.Engine, error) {
		if open, ok := bundled[s.Name]; ok && len(s.Args) > 0 { // only bundled backends have arguments
			return inside{open()}, nil
		}
		if given != nil {
			if engine, err := given(ctx, s); engine != nil || err != nil {
				return engine, err
			}
		}
		return process(ctx, s)
	}
	to, printed := pipe(t)
	log, said := pipe(t)
	stdout, os.Stderr = &resultWriter{to: to}, log
	code = execute(newSignals(), append([]string{"ptycho"}, words...))
	return printed(), said(), code
}

// pipe returns a file to write to, and a function that closes it and returns what was written.
func pipe(t testing.TB) (w *os.File, text func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan string)
	go func() {
		b, _ := io.ReadAll(r) // up to the end of the writer
		r.Close()
		all <- string(b)
	}()
	return w, func() string { w.Close(); return <-all }
}
