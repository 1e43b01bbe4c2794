package backend

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
)

// cudaLibrary is the driver's library; tests replace it.
var cudaLibrary = driver.Name

// cudaDevices lists the GPUs, or one entry with the reason why there are none.
func cudaDevices() []backend.Device {
	l, err := driver.Open(cudaLibrary)
	var found []driver.Device
	if err == nil {
		found, err = l.Devices()
	}
	if err != nil {
		return []backend.Device{{ID: "cuda:0", Name: "NVIDIA", Reason: sentence(err)}}
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

// sentence returns the text of an error without the call that found it.
func sentence(err error) string {
	if e := (*backend.Error)(nil); errors.As(err, &e) {
		return e.What
	}
	return err.Error()
}

// cudaNumber returns the number of the GPU that the options ask for. ok is false for the CPU.
func cudaNumber(devices []string) (number int, ok bool, err error) {
	if len(devices) == 0 || devices[0] == "cpu" {
		return 0, false, nil
	}
	name := devices[0]
	if name == "cuda" {
		return 0, true, nil
	}
	if text, found := strings.CutPrefix(name, "cuda:"); found {
		if number, err := strconv.Atoi(text); err == nil && number >= 0 && strconv.Itoa(number) == text {
			return number, true, nil
		}
	}
	return 0, false, backend.Errorf(backend.Unavailable, "open", "backend \"gorgonia\" supports the devices cpu and cuda:N, not %s", name)
}

// openCUDA returns the engine on a GPU.
func openCUDA[T float](number int) (engine[T], string, error) {
	l, err := driver.Open(cudaLibrary)
	if err != nil {
		return nil, "", err
	}
	found, err := l.Devices()
	if err != nil {
		return nil, "", err
	}
	if number >= len(found) {
		return nil, "", backend.Errorf(backend.Unavailable, "open", "device cuda:%d does not exist: the NVIDIA driver shows %d", number, len(found))
	}
	d, err := newDevice[T](l, number)
	if err != nil {
		return nil, "", err
	}
	return d, d.String(), nil
}
