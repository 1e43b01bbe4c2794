//go:build !unix

package trust

// check accepts every file: these systems have no Unix owners and permissions.
func check(string, []part) error { return nil }
