//go:build !linux

package library

// freeSpace is not known where no library is installed anyway.
func freeSpace(string) (bytes int64, known bool) { return 0, false }
