package backend

import (
	"testing"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

// simple returns a program that any backend accepts.
func simple() *program.Program { return &program.Program{Name: "simple", N: 8, Group: 1} }

func TestOpenOptions_RejectsUnlisted(t *testing.T) {
	for name, c := range map[string]struct {
		o     OpenOptions
		needs Capability
	}{
		"workers that stay": {OpenOptions{Persistent: true}, CanPersist},
		"pinned memory":     {OpenOptions{PinMemory: true}, CanPin},
		"two devices":       {OpenOptions{Devices: []string{"cuda:0", "cuda:1"}}, CanDevices},
		"a strategy":        {OpenOptions{Strategy: "ddp"}, CanStrategy},
	} {
		c.o.Program = simple()
		all := []Capability{CanTrain, CanPersist, CanPin, CanDevices, CanStrategy}
		if err := c.o.Check(Info{Name: "b", Capabilities: all}); err != nil {
			t.Errorf("%s is listed but rejected: %v", name, err)
		}
		var others []Capability
		for _, have := range all {
			if have != c.needs {
				others = append(others, have)
			}
		}
		if err := c.o.Check(Info{Name: "b", Capabilities: others}); KindOf(err) != Unsupported {
			t.Errorf("%s is not listed: %v, want unsupported", name, err)
		}
	}
	if err := (OpenOptions{Program: simple(), Devices: []string{"cuda:0"}}).Check(Info{}); err != nil {
		t.Errorf("one device: %v", err)
	}
}

func TestOpenOptions_RejectsInvalid(t *testing.T) {
	info := Info{DTypes: []tensor.DType{tensor.Float32}}
	wrong := simple()
	wrong.Ops = []program.Op{{Kind: "abacus"}}
	for name, c := range map[string]struct {
		o    OpenOptions
		want Kind
	}{
		"negative threads":           {OpenOptions{Program: simple(), Threads: -1}, Invalid},
		"negative workers":           {OpenOptions{Program: simple(), Workers: -1}, Invalid},
		"a negative prefetch":        {OpenOptions{Program: simple(), Prefetch: -1}, Invalid},
		"negative memory":            {OpenOptions{Program: simple(), MemoryLimit: -1}, Invalid},
		"no program":                 {OpenOptions{}, Invalid},
		"a wrong program":            {OpenOptions{Program: wrong}, Invalid},
		"a precision not listed":     {OpenOptions{Program: simple(), DType: tensor.Float64}, Unsupported},
		"TF32 on the CPU":            {OpenOptions{Program: simple(), TF32: true}, Unsupported},
		"another device than cpu":    {OpenOptions{Program: simple(), Devices: []string{"cuda:0"}}, Unavailable},
		"another device next to cpu": {OpenOptions{Program: simple(), Devices: []string{"cpu", "cuda:0"}}, Unsupported},
	} {
		if err := c.o.CheckCPU(info); KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, o := range []OpenOptions{{Program: simple()}, {Program: simple(), DType: tensor.Float32, Devices: []string{"cpu"}}} {
		if err := o.CheckCPU(info); err != nil {
			t.Errorf("%+v is rejected: %v", o, err)
		}
	}
}
