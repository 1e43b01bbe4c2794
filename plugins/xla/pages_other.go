//go:build !linux

package main

// useHugePages does nothing without glibc.
func useHugePages() {}
