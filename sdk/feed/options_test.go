package feed

import (
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
)

func TestCheckCPU_RejectsOtherDevicesAndTF32(t *testing.T) {
	info := backend.Info{Name: "b", DTypes: []tensor.DType{tensor.Float32}}
	p := &program.Program{Name: "simple", N: 8, Group: 1}
	for name, c := range map[string]struct {
		o    backend.OpenOptions
		want backend.Kind
	}{
		"no program":                 {backend.OpenOptions{}, backend.Invalid},
		"TF32 on the CPU":            {backend.OpenOptions{Program: p, TF32: true}, backend.Unsupported},
		"another device than cpu":    {backend.OpenOptions{Program: p, Devices: []string{"cuda:0"}}, backend.Unavailable},
		"another device next to cpu": {backend.OpenOptions{Program: p, Devices: []string{"cpu", "cuda:0"}}, backend.Unsupported},
	} {
		if err := CheckCPU(c.o, info); backend.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, o := range []backend.OpenOptions{{Program: p}, {Program: p, DType: tensor.Float32, Devices: []string{"cpu"}}} {
		if err := CheckCPU(o, info); err != nil {
			t.Errorf("%+v is rejected: %v", o, err)
		}
	}
}
