// Package library brings the PJRT library that holds XLA, finds it again and verifies it. Loading a library that is cut
// short or damaged ends the process inside the loader, so nothing is loaded before its digest, or a trial in a process of
// its own, says that it is whole.
package library

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// Device is a kind of device that a library serves.
type Device string

// The kinds of devices.
const (
	CPU  Device = "cpu"
	CUDA Device = "cuda"
)

// Pin is a library that this version of the backend was tried with, as a wheel holds it.
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

// File is the library's name on disk. GoMLX tells devices apart by it: it holds the device's name.
func (p Pin) File() string { return p.Member[strings.LastIndexByte(p.Member, '/')+1:] }

// pins are the libraries that were tried, those for CUDA newest first. The digests are of files that the package index
// serves.
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

// For is the pin for a device on this machine; for CUDA that of the newest version.
func For(d Device) (Pin, error) {
	for _, p := range pins {
		if p.Device == d && p.Machine == runtime.GOARCH && runtime.GOOS == "linux" {
			return p, nil
		}
	}
	return Pin{}, backend.Errorf(backend.Unsupported, "library", "there is no XLA library for the device %s on %s/%s", d, runtime.GOOS, runtime.GOARCH)
}

// ForCUDA is the pin for a major version of CUDA on this machine.
func ForCUDA(version int) (Pin, error) {
	if _, err := For(CUDA); err != nil {
		return Pin{}, err
	}
	for _, p := range pins {
		if p.Device == CUDA && p.CUDA == version && p.Machine == runtime.GOARCH {
			return p, nil
		}
	}
	return Pin{}, backend.Errorf(backend.Unsupported, "library", "there is no XLA library for CUDA %d: 12 and 13 are known", version)
}

// Mend is the command that brings the library.
func Mend(d Device) string {
	if d == CPU {
		return "ptycho plugins setup xla"
	}
	return fmt.Sprintf("ptycho plugins setup xla --device %s", d)
}

// mend is the command that installs this very library.
func (p Pin) mend() string {
	if p.CUDA == 0 {
		return Mend(p.Device)
	}
	return fmt.Sprintf("%s --cuda %d", Mend(p.Device), p.CUDA)
}
