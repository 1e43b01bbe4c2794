//go:build cgo && linux && (amd64 || arm64)

package engine

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"

	"github.com/ptychogo/ptycho/core/backend"
)

// Built says whether this program can load XLA at all.
const Built = true

// load opens a PJRT library.
func load(config string) (c compute.Backend, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = backend.Errorf(backend.Unavailable, "open", "XLA: %v", r)
		}
	}()
	xla.EnableAutoInstall(false)
	c, err = xla.New(config)
	if err != nil {
		return nil, backend.Errorf(backend.Unavailable, "open", "XLA: %s", fmt.Sprint(err))
	}
	return c, nil
}
