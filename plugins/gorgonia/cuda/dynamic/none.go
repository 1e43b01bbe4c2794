//go:build !linux || (!cgo && !amd64)

package dynamic

import "errors"

var errBuild = errors.New("this build loads no libraries: use the program for Linux on amd64")

// Open fails.
func Open(string) (uintptr, error) { return 0, errBuild }

// Symbol fails.
func Symbol(uintptr, string) (uintptr, error) { return 0, errBuild }

// Call is never reached, because Open fails.
func Call(uintptr, ...uintptr) uintptr { return 0 }
