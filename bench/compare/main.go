//go:build linux

// Command compare measures ptycho beside other programs and prints one table. It names programs that are missing on this machine
// and skips them. Run it from the repository's root:
//
//	go run ./bench/compare step    a training step, compared with PyTorch and the prototype, after make build
//	go run ./bench/compare fft     one Fourier transform, compared with pocketfft, FFTW and gonum
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	python := flag.String("python", "python3", "interpreter with torch for step, with numpy, scipy and pyfftw for fft")
	flag.Parse()
	run, ok := map[string]func(python string) error{"step": compareSteps, "fft": compareTransforms}[flag.Arg(0)]
	if !ok {
		fmt.Fprintln(os.Stderr, "compare: want step or fft")
		os.Exit(2)
	}
	if err := run(*python); err != nil {
		fmt.Fprintf(os.Stderr, "compare %s: %v\n", flag.Arg(0), err)
		os.Exit(1)
	}
}
