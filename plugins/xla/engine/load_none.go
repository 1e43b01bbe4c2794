//go:build !cgo || !linux || !(amd64 || arm64)

package engine

import (
	"github.com/gomlx/compute"

	"github.com/ptychogo/ptycho/core/backend"
)

// Built reports whether this program can load XLA.
const Built = false

// load fails: libraries are loaded through cgo.
func load(string) (compute.Backend, error) {
	return nil, backend.Errorf(backend.Unsupported, "open", "this program was built without cgo and cannot load XLA: build it on Linux with a C compiler (make)")
}

// Load fails like load.
func Load(string) error {
	_, err := load("")
	return err
}
