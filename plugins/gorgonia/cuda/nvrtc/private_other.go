//go:build !unix

package nvrtc

// private is false: kernels run on Linux only.
func private(string) bool { return false }
