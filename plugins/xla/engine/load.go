//go:build cgo && linux && (amd64 || arm64)

package engine

import (
	"fmt"
	"os"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"

	"github.com/ptychogo/ptycho/core/backend"
)

// Built reports whether this program can load XLA.
const Built = true

// Load loads a PJRT library into the process without a client, which shows that the library is complete.
func Load(path string) error {
	os.Setenv(goxlaChecks, "no") //nolint:errcheck // a failure causes only a warning
	_, err := pjrt.GetPlugin(path)
	if err != nil {
		return backend.Errorf(backend.Invalid, "open", "XLA: %s", fmt.Sprint(err))
	}
	return nil
}

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
