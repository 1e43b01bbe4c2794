//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "torture: needs Linux: mount namespaces, /proc and ptrace")
	os.Exit(1)
}
