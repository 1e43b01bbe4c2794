//go:build !unix

package conformance

// groupLives cannot be known on this system.
func groupLives(int) bool { return false }

// processorTime is not known on this system.
func processorTime() float64 { return 0 }
