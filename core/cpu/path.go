// Package cpu selects the vector instructions of the float32 kernels in core and in backends.
package cpu

import (
	"fmt"
	"os"
)

// Path names the instructions.
type Path string

// The paths. Portable is plain Go and runs everywhere.
const (
	Portable Path = "generic"
	AVX2     Path = "avx2"   // with FMA
	AVX512   Path = "avx512" // F and DQ
)

// Paths returns the paths that this machine can run, slowest first.
func Paths() []Path { return available() }

// Select returns the path requested by PTYCHO_CPU, or the fastest of this machine.
func Select() (Path, error) {
	have := available()
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
