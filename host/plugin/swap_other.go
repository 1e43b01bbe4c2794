//go:build !linux

package plugin

// swap exchanges the names of two folders.
func swap(a, b string) error { return swapByName(a, b) }
