//go:build !amd64

package cpu

func available() []Path { return []Path{Portable} }
