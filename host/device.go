package host

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// Admit rejects settings that a backend does not support. No setting is ever ignored.
func Admit(info backend.Info, values []config.Value) error {
	for _, v := range values {
		if s := v.Setting; s.Needs != "" && v.Text != s.DefaultText() && !info.Has(backend.Capability(s.Needs)) {
			given := "--" + s.Name + " " + v.Text
			if origin := v.Origin.String(); origin != "--"+s.Name {
				given += " (" + origin + ")"
			}
			return Failf(ExitBackend, "backend %s does not support %s: it lacks %s; remove the setting or choose another --backend", info.Name, given, s.Needs)
		}
	}
	return nil
}

// ChooseDevices returns the devices that the settings ask for. Without a device or an accelerator it returns the first
// usable device of the backend.
func ChooseDevices(ctx context.Context, b backend.Backend, x config.Execution) ([]string, error) {
	first := x.Device
	if first == "" || first == "auto" {
		list, err := b.Devices(ctx)
		if err != nil {
			return nil, err
		}
		if first, err = chooseDevice(list, x.Accelerator); err != nil {
			return nil, Failf(ExitDevice, "backend %s: %w", b.Info().Name, err)
		}
		if first == "" { // the error of opening the backend says best what is missing
			return nil, nil
		}
	}
	kind, index, numbered := strings.Cut(first, ":")
	if !numbered && kind != "cpu" {
		first, index = kind+":0", "0"
	}
	out := []string{first}
	from, _ := strconv.Atoi(index) // a device without a number is the first of its kind
	for i := 1; i < x.Devices; i++ {
		out = append(out, fmt.Sprintf("%s:%d", kind, from+i))
	}
	return out, nil
}

// chooseDevice returns the first usable device of a kind, or "" if any kind is allowed and no device is usable.
func chooseDevice(list []backend.Device, accelerator string) (string, error) {
	var why []string
	for _, d := range list {
		kind, _, _ := strings.Cut(d.ID, ":")
		switch {
		case !ofKind(kind, accelerator):
		case d.Usable:
			return d.ID, nil
		default:
			why = append(why, d.ID+": "+d.Reason)
		}
	}
	if accelerator == "" || accelerator == "auto" {
		return "", nil
	}
	return "", fmt.Errorf("--accelerator %s: no usable device%s; --accelerator cpu works everywhere", accelerator, because(why))
}

// ofKind reports whether a device of that kind, such as "cpu" or "cuda", matches --accelerator.
func ofKind(kind, accelerator string) bool {
	switch accelerator {
	case "", "auto":
		return true
	case "gpu":
		return kind != "cpu"
	}
	return kind == accelerator
}

func because(why []string) string {
	if len(why) == 0 {
		return " of this kind"
	}
	return " (" + strings.Join(why, "; ") + ")"
}

// OpenOptions returns the options of a session from the execution settings.
func (h Host) OpenOptions(x config.Execution, p *program.Program, train bool) backend.OpenOptions {
	o := backend.OpenOptions{
		Program: p, Devices: h.Devices, DType: tensor.Float32, Threads: x.Threads, Deterministic: x.Deterministic, Train: train, TF32: x.TF32,
		MemoryLimit: int64(x.MemoryLimit) << 20, Workers: x.NumWorkers, Prefetch: x.PrefetchFactor * max(x.NumWorkers, 1),
		Persistent: x.PersistentWorkers, PinMemory: x.PinMemory,
	}
	if x.Precision == "float64" {
		o.DType = tensor.Float64
	}
	if x.Strategy != "auto" {
		o.Strategy = x.Strategy
	}
	return o
}
