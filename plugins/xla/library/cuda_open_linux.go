//go:build cgo && linux && (amd64 || arm64)

package library

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
//
// typedef size_t (*sizeF)(void);
// typedef int (*flagsF)(unsigned);
// typedef int (*intF)(int *);
// typedef int (*deviceF)(int *, int);
// typedef int (*nameF)(char *, int, int);
// typedef int (*memoryF)(size_t *, int);
//
// static size_t callSize(void *f) { return ((sizeF)f)(); }
// static int callFlags(void *f, unsigned x) { return ((flagsF)f)(x); }
// static int callInt(void *f, int *x) { return ((intF)f)(x); }
// static int callDevice(void *f, int *d, int n) { return ((deviceF)f)(d, n); }
// static int callName(void *f, char *s, int n, int d) { return ((nameF)f)(s, n, d); }
// static int callMemory(void *f, size_t *s, int d) { return ((memoryF)f)(s, d); }
import "C"

import (
	"errors"
	"unsafe"
)

// handle is a loaded library, which is never unloaded.
type handle struct{ p unsafe.Pointer }

// open loads a library by name or path with local symbols. XLA opens NVIDIA's libraries by their names and receives the loaded
// ones, so the symbols need not be global and cannot be interposed.
func open(library string) (handle, error) {
	name := C.CString(library)
	defer C.free(unsafe.Pointer(name))
	p := C.dlopen(name, C.RTLD_NOW|C.RTLD_LOCAL)
	if p == nil {
		return handle{}, errors.New(C.GoString(C.dlerror()))
	}
	return handle{p}, nil
}

func (h handle) symbol(name string) unsafe.Pointer {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	return C.dlsym(h.p, s)
}

// number calls a function without arguments that returns a size. It returns 0 if the function does not exist.
func (h handle) number(name string) int {
	f := h.symbol(name)
	if f == nil {
		return 0
	}
	return int(C.callSize(f))
}

// stub is the code of NVIDIA's stub libraries, which lack the driver's functions.
const stub = 34

// maxCards is more GPUs than a machine has.
const maxCards = 1024

// driver reads the version and the GPUs from the driver's library. code is the result of cuInit.
func (h handle) driver() (version, code int, cards []Card) {
	var n C.int
	if f := h.symbol("cuDriverGetVersion"); f != nil && C.callInt(f, &n) == 0 {
		version = int(n)
	}
	start, count := h.symbol("cuInit"), h.symbol("cuDeviceGetCount")
	if start == nil || count == nil {
		return version, stub, nil
	}
	if code := int(C.callFlags(start, 0)); code != 0 {
		return version, code, nil
	}
	if C.callInt(count, &n) != 0 || n > maxCards {
		return version, noDevice, nil
	}
	for i := range int(n) {
		cards = append(cards, h.card(i))
	}
	return version, 0, cards
}

// card reads the name and the memory of a GPU.
func (h handle) card(i int) Card {
	c := Card{Name: "NVIDIA"}
	var device C.int
	if f := h.symbol("cuDeviceGet"); f == nil || C.callDevice(f, &device, C.int(i)) != 0 {
		return c
	}
	var name [256]C.char
	if f := h.symbol("cuDeviceGetName"); f != nil && C.callName(f, &name[0], C.int(len(name)-1), device) == 0 {
		c.Name = C.GoString(&name[0])
	}
	var bytes C.size_t
	if f := h.symbol("cuDeviceTotalMem_v2"); f != nil && C.callMemory(f, &bytes, device) == 0 {
		c.Memory = int64(bytes)
	}
	return c
}
