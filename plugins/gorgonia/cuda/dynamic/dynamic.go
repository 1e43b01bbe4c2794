// Package dynamic loads shared libraries at run time and calls their functions. A program that is built with cgo uses dlopen. A
// static program has no dynamic linker, so it starts the one of the system in a thread of its own, when a library is first opened:
// see foreign_linux_amd64.go.
//
// It is a package of its own because the driver and the compiler of the kernels both need it.
package dynamic

import "unsafe"

// most is the largest number of arguments of a call.
const most = 12

// Text copies a string that ends with a zero byte.
func Text(at uintptr) string {
	if at == 0 {
		return ""
	}
	p := *(*unsafe.Pointer)(unsafe.Pointer(&at))
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}
