//go:build !linux

package main

// useHugePages does nothing where there is no glibc.
func useHugePages() {}
