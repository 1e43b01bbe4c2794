// Package library finds and checks what XLA needs on this machine before it is loaded.
//
// It installs, finds and verifies the PJRT library that holds XLA. Loading a truncated or damaged library ends the process
// inside the loader, so a library is loaded only after its digest or a trial in a separate process has shown that it is
// complete.
//
// For an NVIDIA GPU it finds the driver, the programs and the data of the CUDA toolkit, and NVIDIA's libraries. XLA checks
// these too late: if libdevice is missing it ends the process at the first compile.
package library

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// Device is the kind of device of a library.
type Device string

// The kinds of devices.
const (
	CPU  Device = "cpu"
	CUDA Device = "cuda"
)

// Pin describes a library that was tried with this version of the backend, and its wheel.
type Pin struct {
	Device  Device
	CUDA    int    // major version, 0 for the CPU
	Machine string // as Go names it
	Package string // in the Python package index
	Version string
	Wheel   string // SHA-256 of the wheel, hexadecimal
	Member  string // of the wheel
	Size    int64  // of the member in bytes
	SHA256  string // of the member, hexadecimal
}

// File returns the library's name on disk. It contains the device's name, by which GoMLX distinguishes devices.
func (p Pin) File() string { return p.Member[strings.LastIndexByte(p.Member, '/')+1:] }

// pins lists the tried libraries, those for CUDA newest first. The digests are of files from the package index.
var pins = []Pin{
	{CPU, 0, "amd64", "xla-cpu-pjrt", "0.0.1", "55837b6b7b47daa717f2d9a5a03563ea0ceaa338d06a81a1e2d3f060d960decc",
		"xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", 259284552, "88c3f28c5900f48ad4a82cab9e79bba9537809743395e341485f8794268820dc"},
	{CPU, 0, "arm64", "xla-cpu-pjrt", "0.0.1", "8f613be6e891858f40d64f9799319502fff42689661944fc18a6ffd8210b30c9",
		"xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", 200328224, "fcf411f3e8ff635c2b2cf87215aa7016f460e66d236c3db08309e7486583532d"},
	{CUDA, 13, "amd64", "jax-cuda13-pjrt", "0.11.2", "e5ff589d43064913bb74027682d89639c7ea48f9f81c2bae6fc75117e913f93e",
		"jax_plugins/xla_cuda13/xla_cuda_plugin.so", 411465856, "43d3efd6fd43d8a5d9aa67176e830d81e4ad5fc19fda4ad09cdcc4aebd9f3920"},
	{CUDA, 12, "amd64", "jax-cuda12-pjrt", "0.12.0.1", "5ec28e06198d094031c37590b4ea753ae8cde4879ab4b60baf40f0dffb673286",
		"jax_plugins/xla_cuda12/xla_cuda_plugin.so", 486596368, "921aaa9c635255fb7b7a660d11c8f702c78a70e7f7d005d4f377c2dc5f0fede2"},
}

// For returns the pin for a device on this machine; for CUDA that of the newest version.
func For(d Device) (Pin, error) {
	for _, p := range pins {
		if p.Device == d && p.Machine == runtime.GOARCH && runtime.GOOS == "linux" {
			return p, nil
		}
	}
	return Pin{}, backend.Errorf(backend.Unsupported, "library", "XLA is not available for the device %s on %s/%s", d, runtime.GOOS, runtime.GOARCH)
}

// ForCUDA returns the pin for a major version of CUDA on this machine.
func ForCUDA(version int) (Pin, error) {
	if _, err := For(CUDA); err != nil {
		return Pin{}, err
	}
	for _, p := range pins {
		if p.Device == CUDA && p.CUDA == version && p.Machine == runtime.GOARCH {
			return p, nil
		}
	}
	return Pin{}, backend.Errorf(backend.Unsupported, "library", "XLA is not available for CUDA %d: use --cuda 12 or --cuda 13", version)
}

// Command returns the command that installs the library of a device.
func Command(d Device) string {
	if d == CPU {
		return "ptycho plugins setup xla"
	}
	return fmt.Sprintf("ptycho plugins setup xla --device %s", d)
}

// command returns the command that installs this library.
func (p Pin) command() string {
	if p.CUDA == 0 {
		return Command(p.Device)
	}
	return fmt.Sprintf("%s --cuda %d", Command(p.Device), p.CUDA)
}
