//go:build !unix

package native

// private is false: kernels run on Linux only.
func private(string) bool { return false }
