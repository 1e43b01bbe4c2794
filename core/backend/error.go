package backend

import (
	"errors"
	"fmt"
	"strings"
)

// Kind classifies an error by the possible reaction of the caller.
type Kind string

// The kinds. They are preserved across the process boundary.
const (
	Invalid     Kind = "invalid"     // the caller's mistake: shape, name, value
	NotFound    Kind = "not found"   // a dataset, parameter or file
	Unsupported Kind = "unsupported" // the backend does not support it
	Unavailable Kind = "unavailable" // the device or its library
	Exhausted   Kind = "exhausted"   // memory
	Numeric     Kind = "numeric"     // NaN, infinity, divergence
	Cancelled   Kind = "cancelled"
	Crashed     Kind = "crashed" // the plugin's process ended
	Internal    Kind = "internal"
)

// Error is an error of a backend.
type Error struct {
	Kind    Kind     // Invalid, …: the host decides by it
	Backend string   // name of the backend that returned the error; set by the host where What does not contain it
	Op      string   // the call, or the operation of the program
	What    string   // one sentence: what was found, and what to do
	Tail    []string // last lines of the plugin's standard error when it crashed
	Err     error    // cause; only its text crosses the process boundary, not its type
}

// Errorf returns an Error. A %w in the format becomes its cause.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Op: op, What: err.Error(), Err: errors.Unwrap(err)}
}

func (e *Error) Error() string {
	s := e.What
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Backend != "" {
		s = "backend " + e.Backend + ": " + s
	}
	if len(e.Tail) > 0 {
		s += "\n" + strings.Join(e.Tail, "\n")
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, or Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
