package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
)

// The GPUs are listed by another process: a driver that crashes or hangs while it is loaded must not end the backend, which may
// only be asked to compute on the CPU.

// probeVariable makes a program with this package print the GPUs of the driver that it names as JSON, and end.
const probeVariable = "PTYCHO_GORGONIA_PROBE"

// probePatience is how long the driver may take to list its GPUs. Without the persistence mode it starts them first, which takes
// seconds for each.
const probePatience = time.Minute

func init() {
	library := os.Getenv(probeVariable)
	if library == "" {
		return
	}
	if err := json.NewEncoder(os.Stdout).Encode(listDevices(library)); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// listDevices loads the driver and lists the GPUs, or returns one entry with the reason why there are none.
func listDevices(library string) []backend.Device {
	l, err := driver.Open(library)
	var found []driver.Device
	if err == nil {
		found, err = l.Devices()
	}
	if err != nil {
		return noDevices(sentence(err))
	}
	var out []backend.Device
	for _, d := range found {
		e := backend.Device{ID: fmt.Sprintf("cuda:%d", d.Number), Name: fmt.Sprintf("%s, compute capability %d.%d", d.Name, d.Major, d.Minor), Usable: true, Memory: d.Memory}
		if err := d.Usable(); err != nil {
			e.Usable, e.Reason = false, sentence(err)
		}
		out = append(out, e)
	}
	return out
}

func noDevices(reason string) []backend.Device {
	return []backend.Device{{ID: "cuda:0", Name: "NVIDIA", Reason: reason}}
}

// probe lists the GPUs in a process of its own.
func probe(ctx context.Context, library string) []backend.Device {
	limited, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return noDevices(fmt.Sprintf("the program cannot start itself to list the GPUs: %v", err))
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(limited, self)
	cmd.Env = append(os.Environ(), probeVariable+"="+library)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &said, time.Second
	err = cmd.Run()
	var list []backend.Device
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return noDevices(fmt.Sprintf("the NVIDIA driver does not list its GPUs within %v: run nvidia-smi, and restart the driver if that hangs too", probePatience))
	case err != nil:
		return noDevices(fmt.Sprintf("the NVIDIA driver ended the process that lists the GPUs (%v): run nvidia-smi, or update the driver", err))
	case json.Unmarshal(out.Bytes(), &list) != nil || len(list) == 0:
		return noDevices("the process that lists the GPUs printed no list: run nvidia-smi, or update the driver")
	}
	return list
}
