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
	"github.com/ptychogo/ptycho/sdk/feed"
)

// TrialCommand is the argument with which this program is started again to load a library whose digest is not known, because
// a damaged library ends the process.
const TrialCommand = "try-library"

// Trial loads a library without computing anything. A CUDA library is loaded without a client, which would need a GPU.
func Trial(path string) error {
	if strings.Contains(strings.ToLower(path), "cuda") {
		return engine.Load(path)
	}
	_, err := engine.Open(engine.Library{Path: path}, 0)
	return err
}

// try runs Trial in a separate process.
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

// Library finds and verifies the library of a kind of device; for CUDA the newest one that is installed.
func Library(d library.Device) (library.Found, error) { return library.Find(d, 0, try) }

// Try loads a library in a separate process, because a damaged library ends the process.
func Try(path string) error { return try(path) }

// Devices lists CUDA devices, then the CPU and its virtual devices, without loading XLA's library.
func (*XLA) Devices(context.Context) ([]backend.Device, error) {
	cpu := backend.Device{ID: "cpu", Name: runtime.GOOS + "/" + runtime.GOARCH, Usable: engine.Built, Memory: feed.MachineMemory(), Cores: runtime.NumCPU()}
	if !engine.Built {
		cpu.Reason = "this program was built without cgo"
	} else if _, err := Library(library.CPU); err != nil {
		cpu.Usable, cpu.Reason = false, err.Error()
	}
	out := append(gpuDevices(), cpu)
	for n := 1; n < virtualDevices; n++ {
		virtual := cpu
		virtual.ID, virtual.Name = fmt.Sprintf("cpu:%d", n), cpu.Name+", virtual: it shares the cores and the memory of cpu"
		out = append(out, virtual)
	}
	return out, nil
}

// virtualDevices is how many devices the library for the CPU shows, on any machine and for any XLA_FLAGS.
const virtualDevices = 4

// choose returns the library and the numbers of the devices of a session. It sets the bytes of memory that a session may use
// on each GPU in the options.
func (x *XLA) choose(ctx context.Context, o *backend.OpenOptions) (which engine.Library, numbers []int, err error) {
	if !engine.Built {
		return which, nil, backend.Errorf(backend.Unsupported, "open", "this program was built without cgo and cannot load XLA: build it on Linux with a C compiler (make)")
	}
	wanted := o.Devices
	if len(wanted) == 0 {
		wanted = []string{"cpu"}
		all, err := x.Devices(ctx)
		if err != nil {
			return which, nil, err
		}
		wanted[0] = firstUsable(all, o.Progress)
	}
	kind, numbers, err := numbered(wanted)
	if err != nil {
		return which, nil, err
	}
	if kind == library.CPU {
		if o.TF32 {
			return which, nil, backend.Errorf(backend.Unsupported, "open", "the xla backend supports --tf32 on GPUs only; on the CPU it computes in full precision")
		}
		found, err := Library(library.CPU)
		return engine.Library{Path: found.Path}, numbers, err
	}
	which, limit, err := openGPU(numbers, *o)
	o.MemoryLimit = limit
	return which, numbers, err
}

// firstUsable returns the first usable device of a list, or the CPU, and reports the first GPU before it that is not usable.
func firstUsable(all []backend.Device, report func(backend.Event)) string {
	var passed *backend.Device
	chosen := string(library.CPU)
	for _, d := range all {
		if d.Usable {
			chosen = d.ID
			break
		}
		if passed == nil && strings.HasPrefix(d.ID, string(library.CUDA)) {
			passed = &d
		}
	}
	if passed != nil && report != nil {
		report(backend.Event{Phase: "device", Message: fmt.Sprintf("%s is used, because %s is not usable: %s", chosen, passed.ID, passed.Reason)})
	}
	return chosen
}

// numbered parses the names of devices, which must be all CPUs or all NVIDIA GPUs.
func numbered(names []string) (kind library.Device, numbers []int, err error) {
	for i, name := range names {
		which, digits, given := strings.Cut(name, ":")
		if !given {
			digits = "0"
		}
		n, err := strconv.Atoi(digits)
		switch d := library.Device(which); {
		case d != library.CPU && d != library.CUDA || err != nil || n < 0:
			return "", nil, backend.Errorf(backend.Unavailable, "open", "unknown device %q: the xla backend computes on cpu, cpu:N or cuda:N", name)
		case i > 0 && d != kind:
			return "", nil, backend.Errorf(backend.Unsupported, "open", "devices %s: the xla backend shares work among devices of one kind", strings.Join(names, ", "))
		case d == library.CPU && n >= virtualDevices:
			return "", nil, backend.Errorf(backend.Unavailable, "open", "device %s: XLA shows a CPU as %d devices, cpu to cpu:%d; use --devices %d or fewer", name, virtualDevices, virtualDevices-1, virtualDevices)
		default:
			kind, numbers = d, append(numbers, n)
		}
	}
	return kind, numbers, nil
}
