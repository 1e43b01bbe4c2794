package sdk

import "golang.org/x/sys/unix"

// duplicate makes descriptor to a copy of from. It uses dup3 because some Linux architectures lack dup2.
func duplicate(from, to int) error { return unix.Dup3(from, to, 0) }
