//go:build !amd64

package fft

import "github.com/ptychogo/ptycho/core/cpu"

func kernelsOf(cpu.Path) kernels[float32] { return portable[float32](8) }
