//go:build !unix

package conformance

import "errors"

// makePipe returns an error: this system has no named pipes in folders.
func makePipe(string) error { return errors.ErrUnsupported }
