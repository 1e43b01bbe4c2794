package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/ptychogo/ptycho/host"
)

// stdout is standard output. All results go through it, so that a result that could not be written, for example on a full
// disk, fails the command.
var stdout = &resultWriter{to: os.Stdout}

// resultWriter keeps the first error of its writes and writes nothing after it.
type resultWriter struct {
	mu  sync.Mutex
	to  *os.File
	any bool // something was written
	err error
}

// Write implements io.Writer.
func (o *resultWriter) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	o.any = true
	n, err := o.to.Write(p)
	o.err = err
	return n, err
}

// Print is fmt.Print.
func (o *resultWriter) Print(args ...any) { _, _ = fmt.Fprint(o, args...) } // finish reports the error

// Printf is fmt.Printf.
func (o *resultWriter) Printf(format string, args ...any) { _, _ = fmt.Fprintf(o, format, args...) }

// Println is fmt.Println.
func (o *resultWriter) Println(args ...any) { _, _ = fmt.Fprintln(o, args...) }

// finish returns the error of a command, or else the error of its output. Some file systems report a full disk or a lost
// connection only when a file is synced.
func (o *resultWriter) finish(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.any && o.err == nil {
		o.err = o.sync()
	}
	if o.err == nil || err != nil && !errors.Is(err, o.err) {
		return err
	}
	cause := o.err
	if path := (*os.PathError)(nil); errors.As(cause, &path) {
		cause = path.Err
	}
	if errors.Is(cause, syscall.EPIPE) { // a closed pipe stops a command like a signal
		return host.Failf(host.ExitTerminated, "standard output was closed by its reader")
	}
	return host.Failf(host.ExitOther, "the result could not be written to standard output: %w", cause)
}

func (o *resultWriter) sync() error {
	st, err := o.to.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return nil // terminals and pipes are not buffered
	}
	if err = o.to.Sync(); errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
