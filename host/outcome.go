package host

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ptychogo/ptycho/core/acquisition"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
)

// Exit codes of the command, stable for scripts.
const (
	ExitOK          = 0
	ExitOther       = 1
	ExitUsage       = 10 // usage or configuration
	ExitData        = 11
	ExitBackend     = 12 // not found, not trusted, incompatible or faulty
	ExitDevice      = 13 // unavailable or out of memory
	ExitCrashed     = 14
	ExitDiverged    = 15 // NaN, or an object that stays flat
	ExitPartial     = 16
	ExitInterrupted = 130 // SIGINT
	ExitTerminated  = 143 // SIGTERM
)

// Failure is an error with an exit code.
type Failure struct {
	Code int
	Err  error
}

func (f *Failure) Error() string { return f.Err.Error() }

func (f *Failure) Unwrap() error { return f.Err }

// Failf returns an error with an exit code.
func Failf(code int, format string, args ...any) error {
	return &Failure{Code: code, Err: fmt.Errorf(format, args...)}
}

// Fail adds a code to err, unless err has one. It is for the errors of core that have no type, since the code of such an error depends on
// the call: too few patterns are a mistake in the flags of simulate, and in the data of train.
func Fail(code int, err error) error {
	var f *Failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &Failure{Code: code, Err: err}
}

// ExitCode returns the exit code for the error of a command.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	var f *Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return codeOf(err)
}

// codeOf returns the exit code of the first error in err's chain whose type has one, or ExitOther.
func codeOf(err error) int {
	switch e := err.(type) {
	case *npz.Error:
		switch {
		case e.Flag:
			return ExitUsage
		case !e.Unwritten:
			return ExitData
		}
	case *config.Error, *program.Error, *acquisition.FlagError: // the settings describe the program
		return ExitUsage
	case *scan.Fault, *scan.SourceError:
		return ExitData
	case *backend.Error:
		return codeOfKind(e.Kind)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if code := codeOf(one); code != ExitOther {
				return code
			}
		}
	case interface{ Unwrap() error }:
		return codeOf(e.Unwrap())
	}
	return ExitOther
}

func codeOfKind(k backend.Kind) int {
	switch k {
	case backend.Invalid, backend.Unsupported, backend.NotFound, // a part of the backend is missing, such as its library
		backend.Internal: // the backend is faulty: it failed, or its answers break the contract
		return ExitBackend
	case backend.Unavailable, backend.Exhausted:
		return ExitDevice
	case backend.Crashed:
		return ExitCrashed
	case backend.Numeric:
		return ExitDiverged
	case backend.Cancelled:
		return ExitInterrupted
	}
	return ExitOther
}

// Relieve adds the flags that help to an error of a backend whose memory is exhausted, unless the error names others. flag
// sets the size of the command's batches.
func Relieve(err error, flag string) error {
	var b *backend.Error
	if !errors.As(err, &b) || b.Kind != backend.Exhausted || strings.Contains(b.What, "--") || b.Op == "bind" {
		return err
	}
	b.What = strings.TrimSuffix(b.What, ": use smaller batches") + ": use smaller batches with " + flag + ", or raise --memory-limit where it is set"
	return err
}
