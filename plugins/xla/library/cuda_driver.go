package library

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
)

// Machine says where to look for the driver and the toolkit.
type Machine struct {
	Root    string // folder that holds dev, proc and usr: "/"
	LibCUDA string // the driver's library, by name or path
}

// ThisMachine is the machine that the program runs on.
var ThisMachine = Machine{Root: "/", LibCUDA: "libcuda.so.1"}

// Driver is NVIDIA's driver and the GPUs that it shows.
type Driver struct {
	Release string // such as 580.65.06; "" where the kernel does not report it
	CUDA    int    // newest CUDA that it supports, 1000 times the major and 10 times the minor version; 0 if unknown
	Cards   []Card
}

// Card is a GPU.
type Card struct {
	Name   string
	Memory int64 // bytes
}

// Runs reports whether the driver is known to support a version of CUDA.
func (d Driver) Runs(v CUDAVersion) bool { return d.CUDA >= 1000*int(v) }

// Known reports whether a driver was found at all.
func (d Driver) Known() bool { return d.CUDA > 0 }

func (d Driver) String() string {
	text := "NVIDIA driver"
	if d.Release != "" {
		text += " " + d.Release
	}
	if d.CUDA > 0 {
		text += fmt.Sprintf(" (up to CUDA %d.%d)", d.CUDA/1000, d.CUDA%1000/10)
	}
	return text
}

// suits refuses a driver that is too old for a version of CUDA.
func (d Driver) suits(v CUDAVersion) error {
	if !d.Known() || d.Runs(v) {
		return nil
	}
	help := fmt.Sprintf("update the driver (system package nvidia-driver-%d)", v.Driver())
	if v > CUDA12 && d.Runs(CUDA12) {
		help += ", or use the library for CUDA 12: " + CUDA12.setup()
	}
	return backend.Errorf(backend.Unsupported, "cuda", "the %s is too old for the XLA library, which is built for %v and needs driver %d or later: %s", d, v, v.Driver(), help)
}

// Codes of cuInit with a known cause.
const (
	noDevice   = 100
	mismatched = 803
)

// Driver reads the driver's version and its GPUs. CUDA_VISIBLE_DEVICES applies, because the driver counts the GPUs. If no GPU
// can be used, Driver returns the reason as an error, and the versions of the driver that are known.
func (m Machine) Driver() (Driver, error) {
	d := Driver{Release: m.release()}
	d.CUDA = promised(d.Release)
	lib, err := open(m.LibCUDA)
	if err != nil {
		return d, m.noLibCUDA(d, err)
	}
	version, code, cards := lib.driver()
	if version > 0 {
		d.CUDA = version
	}
	d.Cards = cards
	if code == 0 && len(cards) > 0 {
		return d, nil
	}
	no := func(format string, args ...any) error {
		return backend.Errorf(backend.Unavailable, "cuda", format, args...)
	}
	visible, set := os.LookupEnv("CUDA_VISIBLE_DEVICES")
	switch {
	case code == mismatched:
		return d, no("the NVIDIA driver does not start: its library and its kernel module are of different versions; restart the machine, or install both from one package")
	case code != 0 && code != noDevice:
		return d, no("the %s does not start: cuInit returned code %d; run nvidia-smi to see the cause", d, code)
	case !m.hasDeviceFile():
		return d, no("no GPU is visible: the %s shows none and /dev/nvidia0 is missing; in a container or a batch job request a GPU (docker run --gpus all, sbatch --gres=gpu:1)", d)
	case set:
		return d, no("no GPU is visible: the %s shows none and CUDA_VISIBLE_DEVICES is %q; unset it or set it to the number of a GPU", d, visible)
	}
	return d, no("no GPU is visible: the %s shows none; run nvidia-smi to list the GPUs", d)
}

// noLibCUDA returns the reason why the driver's library does not load.
func (m Machine) noLibCUDA(d Driver, err error) error {
	if d.Release == "" && !m.hasDeviceFile() {
		return backend.Errorf(backend.Unavailable, "cuda", "no GPU is visible: the NVIDIA driver is not installed (%s was not found and /dev/nvidia0 is missing); install driver %d or later (system package nvidia-driver-%d)",
			filepath.Base(m.LibCUDA), CUDA13.Driver(), CUDA13.Driver())
	}
	return backend.Errorf(backend.Unavailable, "cuda", "no GPU is visible: the %s is loaded but its library cannot be loaded (%v); install the system package that holds libcuda.so.1 (libnvidia-compute), or start the container with a GPU (docker run --gpus all)", d, err)
}

// releasePattern matches the driver's version in the kernel's text.
var releasePattern = regexp.MustCompile(`\b\d{3,}\.\d+(\.\d+)?\b`)

func (m Machine) release() string {
	text, _ := os.ReadFile(filepath.Join(m.Root, "proc/driver/nvidia/version")) // without a driver the file is missing
	first, _, _ := strings.Cut(string(text), "\n")
	return releasePattern.FindString(first)
}

// promised returns the newest major version of CUDA that a release of the driver supports, in the unit of Driver.CUDA.
func promised(release string) int {
	major, _, _ := strings.Cut(release, ".")
	n, err := strconv.Atoi(major)
	switch {
	case err != nil:
		return 0
	case n >= CUDA13.Driver():
		return 1000 * int(CUDA13)
	case n >= CUDA12.Driver():
		return 1000 * int(CUDA12)
	}
	return 11000
}

func (m Machine) hasDeviceFile() bool {
	found, _ := filepath.Glob(filepath.Join(m.Root, "dev/nvidia[0-9]*")) // the pattern is right
	return len(found) > 0
}
