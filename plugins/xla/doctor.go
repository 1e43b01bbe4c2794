package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	xla "github.com/ptychogo/ptycho/plugins/xla/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
	"github.com/ptychogo/ptycho/sdk"
)

// doctor checks the libraries and the driver that the backend needs.
func doctor(context.Context) []sdk.Finding {
	built := sdk.Finding{Check: "program", Works: engine.Built, Found: "built with cgo"}
	if !engine.Built {
		built.Found, built.Fix = "built without cgo, which XLA needs", "build it on Linux with a C compiler: make"
	}
	found, err := xla.Library(library.CPU)
	return append([]sdk.Finding{built, libraryFinding(library.CPU, found, err)}, doctorCUDA()...)
}

// libraryFinding returns the finding for the library of a device.
func libraryFinding(d library.Device, found library.Found, err error) sdk.Finding {
	f := sdk.Finding{Check: "library for " + string(d), Works: true}
	switch {
	case err == nil && found.SHA256 == "":
		f.Found = fmt.Sprintf("%s, chosen by %s", found.Path, library.Variable(d))
	case err == nil:
		f.Found = fmt.Sprintf("%s %s, SHA-256 verified: %s", found.Pin.Package, found.Pin.Version, found.Path)
	default:
		f.Works, f.Found, f.Fix = false, err.Error(), library.Command(d)
		if backend.KindOf(err) == backend.Unsupported {
			f.Fix = ""
		}
	}
	return f
}

// doctorCUDA checks the driver, the library for CUDA, and NVIDIA's libraries. Without a GPU the libraries are still checked:
// they may be installed on a machine without one.
func doctorCUDA() []sdk.Finding {
	driver, noGPU := library.ThisMachine.Driver()
	gpu := sdk.Finding{Check: "NVIDIA driver", Works: noGPU == nil}
	if noGPU == nil {
		var names []string
		for i, c := range driver.Cards {
			names = append(names, fmt.Sprintf("cuda:%d %s", i, c.Name))
		}
		gpu.Found = fmt.Sprintf("%s: %s", driver, strings.Join(names, ", "))
	} else {
		gpu.Found = sentence(noGPU) + " (a command that needs a GPU ends with exit code 13)"
	}
	found, err := xla.CUDALibrary(driver)
	if err == nil {
		if failed := xla.Try(found.Path); failed != nil {
			err = backend.Errorf(backend.Invalid, "library", "%s does not load (exit code 12): %w", found.Path, failed)
		}
	}
	out := []sdk.Finding{gpu, libraryFinding(library.CUDA, found, err)}
	if err != nil {
		return out
	}
	needs := sdk.Finding{Check: "needed by CUDA", Works: true}
	_, ready, err := xla.PrepareCUDA(driver)
	if err != nil {
		needs.Works, needs.Found = false, sentence(err)+" (exit code 12)"
		return append(out, needs)
	}
	needs.Found = fmt.Sprintf("toolkit %s and NVIDIA's libraries for %v", ready.Toolkit, ready.Version)
	for _, l := range ready.Without {
		needs.Found += fmt.Sprintf("; optional %s is missing (pip: %s)", l.Name, l.Pip)
	}
	return append(out, needs)
}

// sentence returns the text of an error without the name of the operation.
func sentence(err error) string {
	var b *backend.Error
	if errors.As(err, &b) {
		return b.What
	}
	return err.Error()
}
