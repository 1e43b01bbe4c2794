package backend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// TrialCommand is the argument with which this program is started again to load a library whose digest nobody knows: a
// damaged one ends the process.
const TrialCommand = "try-library"

// Trial loads a library and gives it nothing to do. One for CUDA is loaded without a client, which needs a GPU.
func Trial(path string) error {
	if strings.Contains(strings.ToLower(path), "cuda") {
		return engine.Load(path)
	}
	_, err := engine.Open(engine.Library{Path: path}, 0)
	return err
}

// try runs Trial in a process of its own.
func try(path string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := exec.Command(exe, TrialCommand, path).CombinedOutput()
	if err != nil {
		words := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%w: %s", err, words[len(words)-1])
	}
	return nil
}

// Library is the library of a kind of device, found and verified; for CUDA whatever the driver runs.
func Library(d library.Device) (library.Found, error) { return library.Find(d, 0, try) }

// Try loads a library in a process of its own, since a damaged one ends the process.
func Try(path string) error { return try(path) }

// Devices lists CUDA devices, then the CPU. XLA's own library is not loaded for it.
func (*XLA) Devices(context.Context) ([]backend.Device, error) {
	cpu := backend.Device{ID: "cpu", Name: runtime.GOOS + "/" + runtime.GOARCH, Usable: engine.Built, Memory: backend.MachineMemory(), Cores: runtime.NumCPU()}
	if !engine.Built {
		cpu.Reason = "this program was built without cgo"
	} else if _, err := Library(library.CPU); err != nil {
		cpu.Usable, cpu.Reason = false, err.Error()
	}
	return append(gpuDevices(), cpu), nil
}

// choose gives the library and the number of the device that a session is opened on. The bytes of memory that a session may
// take are set in the options.
func (x *XLA) choose(ctx context.Context, o *backend.OpenOptions) (engine.Library, int, error) {
	var none engine.Library
	if !engine.Built {
		return none, 0, backend.Errorf(backend.Unsupported, "open", "this program was built without cgo and cannot load XLA: build it on Linux with a C compiler (make)")
	}
	wanted := o.Devices
	if len(wanted) == 0 {
		wanted = []string{"cpu"}
		all, err := x.Devices(ctx)
		if err != nil {
			return none, 0, err
		}
		for _, d := range all {
			if d.Usable {
				wanted[0] = d.ID
				break
			}
		}
	}
	number, isCUDA := strings.CutPrefix(wanted[0], "cuda:")
	if wanted[0] == "cuda" {
		number, isCUDA = "0", true
	}
	switch {
	case wanted[0] == "cpu":
		if o.TF32 {
			return none, 0, backend.Errorf(backend.Unsupported, "open", "TF32 is a format of GPUs; on the CPU XLA computes in full precision")
		}
		found, err := Library(library.CPU)
		return engine.Library{Path: found.Path}, 0, err
	case isCUDA:
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return none, 0, backend.Errorf(backend.Unavailable, "open", "device %q, want cpu or cuda:N", wanted[0])
		}
		which, limit, err := openGPU(n, *o)
		o.MemoryLimit = limit
		return which, n, err
	}
	return none, 0, backend.Errorf(backend.Unavailable, "open", "the xla backend computes on cpu or cuda:N, not on %s", wanted[0])
}
