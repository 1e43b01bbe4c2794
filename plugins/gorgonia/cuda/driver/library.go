// Package driver calls NVIDIA's driver, libcuda.so.1, without cgo and without a CUDA toolkit. The library is loaded when a
// CUDA device is listed or opened, and every call's code is checked.
//
// It is a package of its own because it knows addresses and launches, but neither kernels nor programs.
package driver

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/dynamic"
)

// Name is the driver's library.
const Name = "libcuda.so.1"

// The functions of the driver that this package calls, by their stable names.
const (
	fInit = iota
	fDriverGetVersion
	fDeviceGetCount
	fDeviceGet
	fDeviceGetName
	fDeviceTotalMem
	fDeviceGetAttribute
	fPrimaryCtxRetain
	fPrimaryCtxRelease
	fCtxSetCurrent
	fMemGetInfo
	fMemAlloc
	fMemFree
	fMemHostAlloc
	fMemFreeHost
	fStreamCreate
	fStreamDestroy
	fStreamSynchronize
	fStreamBeginCapture
	fStreamEndCapture
	fGraphInstantiate
	fGraphLaunch
	fGraphDestroy
	fGraphExecDestroy
	fMemcpyHtoD
	fMemcpyDtoH
	fMemcpyDtoD
	fModuleLoadData
	fModuleUnload
	fModuleGetFunction
	fFuncSetAttribute
	fLaunchKernel
	fGetErrorName
	functions
)

var names = [functions]string{
	"cuInit", "cuDriverGetVersion", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceTotalMem_v2", "cuDeviceGetAttribute",
	"cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease_v2", "cuCtxSetCurrent", "cuMemGetInfo_v2", "cuMemAlloc_v2", "cuMemFree_v2",
	"cuMemHostAlloc", "cuMemFreeHost", "cuStreamCreate", "cuStreamDestroy_v2", "cuStreamSynchronize", "cuStreamBeginCapture_v2",
	"cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch", "cuGraphDestroy", "cuGraphExecDestroy",
	"cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2", "cuModuleLoadDataEx", "cuModuleUnload",
	"cuModuleGetFunction", "cuFuncSetAttribute", "cuLaunchKernel", "cuGetErrorName",
}

// Functions lists the names of the driver's functions that this package calls.
func Functions() []string { return names[:] }

// Library is a loaded and initialised driver.
type Library struct {
	f       [functions]uintptr
	version int // 1000 times the major and 10 times the minor version of the newest CUDA that it supports
}

// MinimumVersion is the oldest version of CUDA, in the unit of the driver, whose drivers assemble the kernels.
const MinimumVersion = 12000

var (
	loading sync.Mutex
	loaded  = map[string]*Library{}
)

// Present reports whether the driver may be there, so that machines without a GPU load nothing: a path is always tried, and a name
// if LD_LIBRARY_PATH has it or the kernel has NVIDIA's device, or that of Windows' subsystem for Linux.
func Present(name string) bool {
	if strings.Contains(name, "/") {
		return true
	}
	paths := []string{"/dev/nvidiactl", "/dev/dxg"}
	for _, folder := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
		paths = append(paths, filepath.Join(folder, name))
	}
	return slices.ContainsFunc(paths, func(p string) bool {
		_, err := os.Stat(p)
		return err == nil
	})
}

// Open loads the driver by name or path and initialises it. A loaded library stays for the life of the process.
func Open(name string) (*Library, error) {
	loading.Lock()
	defer loading.Unlock()
	if l := loaded[name]; l != nil {
		return l, nil
	}
	if !Present(name) {
		return nil, backend.Errorf(backend.Unavailable, "cuda", "no GPU is visible: the NVIDIA driver is not installed (%s and /dev/nvidiactl are missing); install it, or start the container with a GPU (docker run --gpus all)", name)
	}
	handle, err := dynamic.Open(name)
	if err != nil {
		return nil, backend.Errorf(backend.Unavailable, "cuda", "the NVIDIA driver cannot be loaded (%w); install the driver, or start the container with a GPU (docker run --gpus all)", err)
	}
	l := &Library{}
	for i, n := range names {
		if l.f[i], err = dynamic.Symbol(handle, n); err != nil {
			return nil, backend.Errorf(backend.Unavailable, "cuda", "the NVIDIA driver lacks the function %s: update the driver to one for CUDA %d.%d or later", n, MinimumVersion/1000, MinimumVersion%1000/10)
		}
	}
	if err := l.call(fInit, 0); err != nil {
		return nil, err
	}
	var version int32
	if err := l.call(fDriverGetVersion, uintptr(unsafe.Pointer(&version))); err != nil {
		return nil, err
	}
	if l.version = int(version); l.version < MinimumVersion {
		return nil, backend.Errorf(backend.Unavailable, "cuda", "the NVIDIA driver supports CUDA up to %d.%d, but the kernels need %d.%d: update the driver",
			l.version/1000, l.version%1000/10, MinimumVersion/1000, MinimumVersion%1000/10)
	}
	loaded[name] = l
	return l, nil
}

// call calls a function and turns its code into an error.
//
//go:uintptrescapes
func (l *Library) call(f int, args ...uintptr) error {
	if code := int(int32(dynamic.Call(l.f[f], args...))); code != 0 {
		return l.failure(f, code)
	}
	return nil
}

// Codes of the driver with a kind of their own.
const (
	outOfMemory    = 2
	notInitialised = 3
	noDevice       = 100
	invalidDevice  = 101
	noBinary       = 209
	unsupportedPTX = 222
	illegalAddress = 700
	launchFailed   = 719
	mismatched     = 803
)

// failure returns the error of a code.
func (l *Library) failure(f int, code int) error {
	kind, help := backend.Internal, ""
	switch code {
	case outOfMemory:
		kind, help = backend.Exhausted, ": the GPU's memory is full; use smaller batches, or end other programs on this GPU"
	case notInitialised, noDevice:
		kind, help = backend.Unavailable, ": no GPU is visible; run nvidia-smi to list the GPUs"
	case invalidDevice:
		kind = backend.Unavailable
	case mismatched:
		kind, help = backend.Unavailable, ": the driver's library and its kernel module are of different versions; restart the machine"
	case noBinary, unsupportedPTX:
		kind, help = backend.Unsupported, ": the driver cannot assemble the kernels for this GPU; update the driver"
	case illegalAddress, launchFailed:
		kind, help = backend.Crashed, ": a kernel failed, and the GPU's context is lost"
	}
	return backend.Errorf(kind, "cuda", "%s returned %s (code %d)%s", names[f], l.nameOf(code), code, help)
}

// nameOf returns the driver's name of a code.
func (l *Library) nameOf(code int) string {
	var name uintptr
	if dynamic.Call(l.f[fGetErrorName], uintptr(code), uintptr(unsafe.Pointer(&name))) != 0 || name == 0 {
		return "an error"
	}
	return dynamic.Text(name)
}

// Device is a GPU.
type Device struct {
	Number       int
	Name         string
	Memory       int64 // bytes
	Major, Minor int   // compute capability
	Shared       int   // bytes of shared memory that a block may ask for
}

// Least compute capability of the kernels.
const leastMajor = 7

// Usable returns an error for a GPU that is too old for the kernels.
func (d Device) Usable() error {
	if d.Major < leastMajor {
		return backend.Errorf(backend.Unsupported, "cuda", "%s has compute capability %d.%d, but the kernels need %d.0 or later", d.Name, d.Major, d.Minor, leastMajor)
	}
	return nil
}

// Attributes of a device.
const (
	attributeMajor  = 75
	attributeMinor  = 76
	attributeShared = 97
)

// mostDevices is more than a machine has.
const mostDevices = 1024

// Devices lists the GPUs that the driver shows.
func (l *Library) Devices() ([]Device, error) {
	var n int32
	if err := l.call(fDeviceGetCount, uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, err
	}
	if n < 0 || n > mostDevices {
		return nil, backend.Errorf(backend.Unavailable, "cuda", "the NVIDIA driver reports %d GPUs", n)
	}
	var out []Device
	for i := range int(n) {
		d, _, err := l.device(i)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// device describes a GPU and returns its handle.
func (l *Library) device(number int) (Device, int32, error) {
	d := Device{Number: number}
	var handle int32
	if err := l.call(fDeviceGet, uintptr(unsafe.Pointer(&handle)), uintptr(number)); err != nil {
		return d, 0, fmt.Errorf("GPU %d: %w", number, err)
	}
	var name [256]byte
	if err := l.call(fDeviceGetName, uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)-1), uintptr(handle)); err != nil {
		return d, 0, err
	}
	d.Name = dynamic.Text(uintptr(unsafe.Pointer(&name[0])))
	var memory uint64
	if err := l.call(fDeviceTotalMem, uintptr(unsafe.Pointer(&memory)), uintptr(handle)); err != nil {
		return d, 0, err
	}
	d.Memory = int64(min(memory, 1<<62))
	for attribute, to := range map[int]*int{attributeMajor: &d.Major, attributeMinor: &d.Minor, attributeShared: &d.Shared} {
		var v int32
		if err := l.call(fDeviceGetAttribute, uintptr(unsafe.Pointer(&v)), uintptr(attribute), uintptr(handle)); err != nil {
			return d, 0, err
		}
		*to = int(v)
	}
	return d, handle, nil
}
