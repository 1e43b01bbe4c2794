package main

import (
	"os"
	"syscall"
)

// tunables is the variable that glibc's allocator reads, only when a process starts.
const tunables = "GLIBC_TUNABLES"

// useHugePages executes this program again, in the same process, with an allocator that asks for huge pages. XLA allocates and
// frees the memory of a step, hundreds of MiB, at every step; with small pages a tenth of the step's time was page faults.
// If that fails the program continues with small pages.
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
