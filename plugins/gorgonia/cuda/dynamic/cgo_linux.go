//go:build cgo && linux

package dynamic

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdint.h>
// #include <stdlib.h>
//
// typedef uintptr_t (*function)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);
//
// static uintptr_t call(uintptr_t f, uintptr_t *a) {
//	return ((function)f)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]);
// }
import "C"

import (
	"errors"
	"unsafe"
)

// Open loads a library by name or path with local symbols.
func Open(name string) (uintptr, error) {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	p := C.dlopen(s, C.RTLD_NOW|C.RTLD_LOCAL)
	if p == nil {
		return 0, errors.New(C.GoString(C.dlerror()))
	}
	return uintptr(p), nil
}

// Symbol returns the address of a function.
func Symbol(library uintptr, name string) (uintptr, error) {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	p := C.dlsym(*(*unsafe.Pointer)(unsafe.Pointer(&library)), s)
	if p == nil {
		return 0, errors.New("the library does not have the function " + name)
	}
	return uintptr(p), nil
}

// Call calls a function with at most 12 integers and addresses, and returns its result. An address of Go memory must be converted
// in the argument list.
//
//go:uintptrescapes
func Call(f uintptr, args ...uintptr) uintptr {
	var a [most]C.uintptr_t
	for i, v := range args {
		a[i] = C.uintptr_t(v)
	}
	return uintptr(C.call(C.uintptr_t(f), &a[0]))
}
