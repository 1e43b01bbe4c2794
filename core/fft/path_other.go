//go:build !amd64

package fft

func available() []Path { return []Path{Portable} }

func kernelsOf(Path) kernels[float32] { return portable[float32](8) }
