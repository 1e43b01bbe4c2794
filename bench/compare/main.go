//go:build linux

// Command compare measures ptycho beside other programs and prints one table. It names programs that are missing on this machine
// and skips them. Run it from the repository's root:
//
//	go run ./bench/compare step    a training step, compared with PyTorch and the prototype, after make build
//	go run ./bench/compare fft     one Fourier transform, compared with pocketfft, FFTW and gonum
//	go run ./bench/compare hdf5    1 GiB of patterns in HDF5 files, read by core/hdf5 and h5py
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	python := flag.String("python", "python3", "interpreter with torch for step, with numpy, scipy and pyfftw for fft, with h5py and hdf5plugin for hdf5")
	mebibytes := flag.Int("mib", 1024, "MiB of patterns for hdf5")
	rounds := flag.Int("rounds", 5, "rounds for hdf5, of which the shortest time counts")
	flag.Parse()
	run, ok := map[string]func(python string) error{"step": compareSteps, "fft": compareTransforms,
		"hdf5": func(python string) error { return compareHDF5(python, *mebibytes, *rounds) }}[flag.Arg(0)]
	if !ok {
		fmt.Fprintln(os.Stderr, "compare: want step, fft or hdf5")
		os.Exit(2)
	}
	if err := run(*python); err != nil {
		fmt.Fprintf(os.Stderr, "compare %s: %v\n", flag.Arg(0), err)
		os.Exit(1)
	}
}
