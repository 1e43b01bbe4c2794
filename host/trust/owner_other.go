//go:build !unix

package trust

// check accepts everything: these systems have no owners and permissions in the form that is checked.
func check(string, []part) error { return nil }
