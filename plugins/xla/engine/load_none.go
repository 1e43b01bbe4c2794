//go:build !cgo || !linux || !(amd64 || arm64)

package engine

import (
	"github.com/gomlx/compute"

	"github.com/ptychogo/ptycho/core/backend"
)

// Built says whether this program can load XLA at all.
const Built = false

// load refuses: libraries are loaded through cgo.
func load(string) (compute.Backend, error) {
	return nil, backend.Errorf(backend.Unsupported, "open", "this program was built without cgo and cannot load XLA: build it on Linux with a C compiler (make)")
}

// Load refuses as load does.
func Load(string) error {
	_, err := load("")
	return err
}
