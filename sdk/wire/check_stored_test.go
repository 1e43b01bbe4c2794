package wire

import (
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

func TestCheckStored_RefusesOlderBackends(t *testing.T) {
	for _, c := range []struct {
		minor   int
		input   string
		dtype   tensor.DType
		refused bool
	}{
		{0, program.Counts, tensor.Uint8, true}, {0, program.Counts, tensor.Uint16, true}, {0, program.Counts, tensor.Float32, false},
		{1, program.Counts, tensor.Uint8, false}, {7, program.Counts, tensor.Uint16, false}, {0, "labels", tensor.Uint8, false},
	} {
		d := backend.Dataset{Arrays: []backend.Array{{Input: c.input, File: &backend.FileRef{DType: c.dtype}}}}
		err := checkStored(backend.Info{Name: "old", ProtocolMajor: backend.ProtocolMajor, ProtocolMinor: c.minor}, d)
		if c.refused != (backend.KindOf(err) == backend.Unsupported) || !c.refused && err != nil {
			t.Errorf("protocol 2.%d, %s of %v: %v", c.minor, c.input, c.dtype, err)
		}
	}
}
