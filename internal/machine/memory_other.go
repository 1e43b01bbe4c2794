//go:build !linux

package machine

// availableMemory reports that the amount is unknown on this system.
func availableMemory() (bytes int64, ok bool) { return 0, false }
