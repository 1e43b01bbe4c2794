package reference_test

import (
	"math"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/reference"
)

// readVectors reads the arrays of testdata files by name.
func readVectors(t *testing.T, files ...string) map[string]*reference.Value {
	t.Helper()
	out := map[string]*reference.Value{}
	for _, file := range files {
		r, err := npz.Open("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, key := range r.Keys() {
			h := r.Header(key)
			name, v := strings.TrimSuffix(key, ".npy"), &reference.Value{Shape: h.Descr.Shape}
			if v.Shape == nil {
				v.Shape = []int{}
			}
			if strings.HasSuffix(h.Descr.Type, "c16") {
				v.Kind = program.Complex
				err = r.Read(key, &v.Complex)
			} else {
				v.Kind = program.Real
				err = r.Read(key, &v.Real)
			}
			if err != nil {
				t.Fatalf("%s: %s: %v", file, key, err)
			}
			out[name] = v
		}
	}
	return out
}

// TestPrograms_AgreeWithPyTorch compares the reference with PyTorch: forward, loss and gradients of a small network of each
// architecture.
//
// Long: one table of the arrays that each file compares.
func TestPrograms_AgreeWithPyTorch(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  []string
		config arch.Config
		groups int
	}{
		{"unet", []string{"unet.npz", "unet_gradients.npz"}, arch.Config{Arch: "unet", N: 16, BaseWidth: 4, FiltersScale: 1, Gridsize: 2}, 2},
		{"cnn", []string{"cnn.npz", "cnn_values.npz", "cnn_gradients.npz"}, arch.Config{Arch: "cnn", N: 64, BaseWidth: 6, FiltersScale: 1, Gridsize: 2, Canvas: 80, PadObject: true, ProbeBig: true}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			vectors := readVectors(t, c.files...)
			if v, ok := vectors["value.canvas"]; ok {
				c.config.Canvas = v.Shape[len(v.Shape)-1]
			}
			p, err := arch.Build(c.config)
			if err != nil {
				t.Fatal(err)
			}
			m, err := reference.New(p)
			if err != nil {
				t.Fatal(err)
			}
			given := map[string]*reference.Value{}
			for name, v := range vectors {
				for _, prefix := range []string{"input.", "buffer.", "param."} {
					if rest, ok := strings.CutPrefix(name, prefix); ok {
						given[rest] = v
					}
				}
			}
			values, err := m.Forward(c.groups, given)
			if err != nil {
				t.Fatal(err)
			}
			// The vectors' loss of the CNN is the NLL: its gradient is half that of the deviance.
			seedScale := map[string]float64{"unet": 1, "cnn": 0.5}[c.name]
			_, seeds := m.LossSeeds(values, map[string]float64{arch.Deviance: seedScale}, nil, 0)
			grads := m.Backward(values, seeds)
			checked := 0
			for name, want := range vectors {
				var got *reference.Value
				if rest, ok := strings.CutPrefix(name, "value."); ok {
					got = values[rest]
				} else if rest, ok := strings.CutPrefix(name, "grad."); ok {
					got = grads[rest]
				}
				if got == nil || program.Count(got.Shape) != program.Count(want.Shape) {
					continue
				}
				checked++
				if d := distance(got, want); !(d < 1e-10) {
					t.Errorf("%s: relative error %.2g", name, d)
				}
			}
			if checked < len(p.Params)+3 {
				t.Errorf("only %d arrays were compared", checked)
			}
		})
	}
}

// distance returns the relative L2 error of got.
func distance(got, want *reference.Value) float64 {
	d, n := 0.0, 1e-300
	for i, w := range want.Real {
		d += (got.Real[i] - w) * (got.Real[i] - w)
		n += w * w
	}
	for i, w := range want.Complex {
		e := got.Complex[i] - w
		d += real(e)*real(e) + imag(e)*imag(e)
		n += real(w)*real(w) + imag(w)*imag(w)
	}
	return math.Sqrt(d / n)
}
