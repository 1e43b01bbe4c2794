// Command ptx compiles the CUDA kernels of the Gorgonia backend into the files that are embedded. Its argument is the path of
// libnvrtc.so.12 of the pinned version; `make ptx` downloads it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptychogo/ptycho/internal/disk"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/nvrtc"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ptx:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("want two arguments: the path of libnvrtc.so.12 of CUDA %s and the folder for the PTX", kernels.Compiler)
	}
	c, err := nvrtc.Open(os.Args[1])
	if err != nil {
		return err
	}
	files, err := kernels.Compile(c)
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := disk.Write(filepath.Join(os.Args[2], name), data); err != nil {
			return err
		}
	}
	return nil
}
