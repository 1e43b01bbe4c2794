//go:build unix

package plainfile

import "syscall"

// nonBlocking lets the open of a FIFO return at once; it has no effect on regular files.
const nonBlocking = syscall.O_NONBLOCK
