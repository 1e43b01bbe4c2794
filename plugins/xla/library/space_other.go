//go:build !linux

package library

// freeSpace is unknown on systems without an XLA library.
func freeSpace(string) (bytes int64, known bool) { return 0, false }
