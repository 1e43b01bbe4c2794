package fft

import (
	"fmt"
	"os"
)

// Path names the instructions of a Plan, by the names of PTYCHO_CPU.
type Path string

// The paths. Portable is plain Go and runs everywhere.
const (
	Portable Path = "generic"
	AVX2     Path = "avx2"
	AVX512   Path = "avx512"
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
