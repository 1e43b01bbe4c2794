//go:build unix

package plainfile

import "syscall"

// nonBlocking makes opening a FIFO return immediately; it has no effect on regular files.
const nonBlocking = syscall.O_NONBLOCK
