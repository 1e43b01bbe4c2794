//go:build unix

package disk

import "syscall"

// nonBlocking makes opening a FIFO return immediately; it has no effect on regular files.
const nonBlocking = syscall.O_NONBLOCK
