package backend

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
)

// cudaLibrary is the driver's library; tests replace it.
var cudaLibrary = driver.Name

// cudaDevices lists the GPUs, or one entry with the reason why there are none.
func cudaDevices(ctx context.Context) []backend.Device {
	if !driver.Present(cudaLibrary) {
		return listDevices(cudaLibrary) // which loads nothing
	}
	return probe(ctx, cudaLibrary)
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
func openCUDA[T float](ctx context.Context, number int, tf32 bool) (engine[T], string, error) {
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
	d, err := newDevice[T](ctx, l, found[number], tf32)
	if err != nil {
		return nil, "", err
	}
	return d, d.String(), nil
}
