package machine

import (
	"fmt"
	"os"
)

// Instructions names the instructions.
type Instructions string

// The paths. Portable is plain Go and runs everywhere.
const (
	Portable Instructions = "generic"
	AVX2     Instructions = "avx2"   // with FMA
	AVX512   Instructions = "avx512" // F and DQ
)

// Supported returns the paths that this machine can run, slowest first.
func Supported() []Instructions { return supported() }

// SelectInstructions returns the path requested by PTYCHO_CPU, or the fastest of this machine.
func SelectInstructions() (Instructions, error) {
	have := supported()
	asked := os.Getenv("PTYCHO_CPU")
	if asked == "" {
		return have[len(have)-1], nil
	}
	for _, p := range have {
		if string(p) == asked {
			return p, nil
		}
	}
	return "", fmt.Errorf("PTYCHO_CPU=%s: this machine supports %v; unset it to use the fastest", asked, have)
}
