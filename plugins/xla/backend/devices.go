package backend

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// TrialCommand is the argument with which this program is started again to load a library whose digest nobody knows: a
// damaged one ends the process.
const TrialCommand = "try-library"

// Trial loads a library and gives it nothing to do.
func Trial(path string) error {
	_, err := engine.Open(engine.Library{Path: path, CUDA: strings.Contains(strings.ToLower(path), "cuda")}, 0)
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

// Library is the library of a kind of device, found and verified.
func Library(d library.Device) (library.Found, error) { return library.Find(d, try) }

// Devices lists CUDA devices, then the CPU. No library is loaded for it.
func (*XLA) Devices(context.Context) ([]backend.Device, error) {
	var out []backend.Device
	cards := cudaCards()
	found, missing := Library(library.CUDA)
	for _, n := range cards {
		d := backend.Device{ID: fmt.Sprintf("cuda:%d", n), Name: cardName(n), Usable: missing == nil && engine.Built}
		if missing != nil {
			d.Reason = missing.Error()
		}
		out = append(out, d)
	}
	if len(cards) == 0 && missing == nil {
		out = append(out, backend.Device{ID: "cuda:0", Name: filepath.Base(found.Path), Reason: noDriver})
	}
	cpu := backend.Device{ID: "cpu", Name: runtime.GOOS + "/" + runtime.GOARCH, Usable: engine.Built, Memory: backend.MachineMemory(), Cores: runtime.NumCPU()}
	if !engine.Built {
		cpu.Reason = "this program was built without cgo"
	} else if _, err := Library(library.CPU); err != nil {
		cpu.Usable, cpu.Reason = false, err.Error()
	}
	return append(out, cpu), nil
}

const noDriver = "there is no NVIDIA device on this machine, or its driver is not loaded: /dev holds no nvidia0"

// cudaCards are the numbers of the NVIDIA devices that the driver shows.
func cudaCards() []int {
	paths, _ := filepath.Glob("/dev/nvidia[0-9]*")
	var out []int
	for _, p := range paths {
		if n, err := strconv.Atoi(strings.TrimPrefix(p, "/dev/nvidia")); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	for i := range out { // CUDA counts from 0 whatever the driver's numbers are
		out[i] = i
	}
	return out
}

// cardName is the maker's name where the driver tells it.
func cardName(n int) string {
	files, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	slices.Sort(files)
	if n < len(files) {
		text, _ := os.ReadFile(files[n])
		if _, rest, ok := strings.Cut(string(text), "Model:"); ok {
			name, _, _ := strings.Cut(rest, "\n")
			return strings.TrimSpace(name)
		}
	}
	return "NVIDIA"
}

// choose gives the library and the number of the device that a session is opened on.
func (x *XLA) choose(ctx context.Context, o backend.OpenOptions) (engine.Library, int, error) {
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
		cards := cudaCards()
		if err != nil || n < 0 {
			return none, 0, backend.Errorf(backend.Unavailable, "open", "device %q, want cpu or cuda:N", wanted[0])
		}
		if len(cards) == 0 {
			return none, 0, backend.Errorf(backend.Unavailable, "open", "device %s: %s", wanted[0], noDriver)
		}
		if n >= len(cards) {
			return none, 0, backend.Errorf(backend.Unavailable, "open", "device %s: this machine has %d NVIDIA devices, counted from cuda:0", wanted[0], len(cards))
		}
		found, err := Library(library.CUDA)
		return engine.Library{Path: found.Path, CUDA: true, TF32: o.TF32}, n, err
	}
	return none, 0, backend.Errorf(backend.Unavailable, "open", "the xla backend computes on cpu or cuda:N, not on %s", wanted[0])
}
