package wire

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// checkStored rejects counts of a type that the backend's version of the contract does not have.
func checkStored(i backend.Info, d backend.Dataset) error {
	for _, a := range d.Arrays {
		if a.Input != program.Counts || a.File == nil || i.ProtocolMajor != backend.ProtocolMajor || i.ProtocolMinor > 0 {
			continue
		}
		if t := a.File.DType; t == tensor.Uint8 || t == tensor.Uint16 {
			return backend.Errorf(backend.Unsupported, "bind", "the patterns are %v, and backend %q speaks protocol 2.0, which has patterns of float32 only: update the backend", t, i.Name)
		}
	}
	return nil
}
