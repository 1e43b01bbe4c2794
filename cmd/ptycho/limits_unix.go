//go:build unix

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ptychogo/ptycho/host"
	"github.com/ptychogo/ptycho/internal/machine"
)

// The lowest limits under which a command and its backend run. Measured with the bundled backend on one thread: 24 open
// files, 1.4 GiB of address space (Go reserves most of it and uses little), and 8 threads in each of the two processes.
const (
	leastFiles        = 48
	leastAddressSpace = 3 << 29
	leastThreads      = 32
)

// checkLimits returns an error for limits of the shell under which a command would fail later with a message of Go's
// runtime. Below half of each limit the runtime fails before main: entry_linux_amd64.s says so there.
func checkLimits() error {
	for _, l := range []struct {
		resource  int
		least     uint64
		has, flag string
		size      func(uint64) string
	}{
		{unix.RLIMIT_NOFILE, leastFiles, "open files", "-n", count},
		{unix.RLIMIT_AS, leastAddressSpace, "of address space", "-v", func(n uint64) string { return machine.Size(int64(n)) }},
		{unix.RLIMIT_NPROC, leastThreads, "processes and threads", "-u", count},
	} {
		if l.resource == unix.RLIMIT_NPROC && os.Geteuid() == 0 { // this limit does not apply to root
			continue
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(l.resource, &now); err == nil && uint64(now.Cur) < l.least {
			return host.Failf(host.ExitUsage, "the shell allows %s %s, but at least %s are needed; raise the limit with ulimit %s", l.size(uint64(now.Cur)), l.has, l.size(l.least), l.flag)
		}
	}
	return nil
}

func count(n uint64) string { return fmt.Sprint(n) }
