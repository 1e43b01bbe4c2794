//go:build !linux

package memory

// available reports that the amount is unknown on this system.
func available() (bytes int64, ok bool) { return 0, false }
