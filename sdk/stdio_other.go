//go:build !unix

package sdk

// claimStdio does nothing because descriptors have no numbers here.
func claimStdio() error { return nil }
