//go:build !amd64

package fft

import "github.com/ptychogo/ptycho/internal/machine"

func kernelsOf(machine.Instructions) kernels[float32] { return portable[float32](8) }
