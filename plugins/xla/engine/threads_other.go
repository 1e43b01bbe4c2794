//go:build !linux

package engine

// SetThreads does nothing on systems where a process cannot be restricted to some cores.
func SetThreads(int) error { return nil }
