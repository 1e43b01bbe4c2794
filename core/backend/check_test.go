package backend

import (
	"strings"
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
		"negative threads":       {OpenOptions{Program: simple(), Threads: -1}, Invalid},
		"negative workers":       {OpenOptions{Program: simple(), Workers: -1}, Invalid},
		"a negative prefetch":    {OpenOptions{Program: simple(), Prefetch: -1}, Invalid},
		"negative memory":        {OpenOptions{Program: simple(), MemoryLimit: -1}, Invalid},
		"no program":             {OpenOptions{}, Invalid},
		"a wrong program":        {OpenOptions{Program: wrong}, Invalid},
		"a precision not listed": {OpenOptions{Program: simple(), DType: tensor.Float64}, Unsupported},
	} {
		if err := c.o.Check(info); KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestOpenOptions_RejectsUnlistedOperations opens a program of two operations with a backend that lists fewer.
func TestOpenOptions_RejectsUnlistedOperations(t *testing.T) {
	p := simple()
	p.Inputs = []program.Input{{Name: "x", Type: program.Type{Kind: program.Real, Shape: program.Shape{2}}}}
	p.Ops = []program.Op{{Kind: program.ReLU, Out: "y", In: []string{"x"}}, {Kind: program.Tanh, Out: "z", In: []string{"y"}}}
	both := []program.OpKind{program.Tanh, program.ReLU}
	if err := (OpenOptions{Program: p}).Check(Info{Name: "b", Operations: both}); err != nil {
		t.Errorf("both operations are listed: %v", err)
	}
	err := OpenOptions{Program: p}.Check(Info{Name: "b", Operations: both[:1]})
	if KindOf(err) != Unsupported || !strings.Contains(err.Error(), "operation relu, which computes y in simple") {
		t.Errorf("%v, want an unsupported operation relu", err)
	}
}
