package main

import (
	"os"
	"syscall"
)

// tunables is what glibc's allocator reads when a process starts, and at no other time.
const tunables = "GLIBC_TUNABLES"

// useHugePages starts this program again, as the same process, with an allocator that asks for huge pages. XLA takes and
// returns the memory of a step, hundreds of MiB, at every step; with small pages a tenth of the step's time went into
// paging it in. Where that cannot be had the program goes on as it is.
func useHugePages() {
	if os.Getenv(tunables) != "" {
		return
	}
	self, err := os.Executable()
	if err != nil || os.Setenv(tunables, "glibc.malloc.hugetlb=1") != nil {
		return
	}
	syscall.Exec(self, os.Args, os.Environ()) //nolint:errcheck // it returns only when it failed
}
