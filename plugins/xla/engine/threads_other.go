//go:build !linux

package engine

// SetThreads does nothing where a process cannot be kept to some cores.
func SetThreads(int) error { return nil }
