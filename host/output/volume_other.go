//go:build !unix

package output

// crosses returns false: on this system a folder does not contain other file systems.
func crosses(error) bool { return false }
