//go:build !unix

package main

// checkLimits does nothing on systems without ulimit.
func checkLimits() error { return nil }
