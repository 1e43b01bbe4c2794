// Package cpu says which vector instructions the kernels of float32 arithmetic use: those in core and those of a backend.
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

// Paths lists what this machine can run, slowest first.
func Paths() []Path { return available() }

// Select is the path that PTYCHO_CPU asks for, or the fastest one of this machine.
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
	return "", fmt.Errorf("PTYCHO_CPU=%s: this machine offers %v; unset it to use the fastest", asked, have)
}
