package backend

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/fake"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
	"github.com/ptychogo/ptycho/plugins/gorgonia/kernel"
)

// filled returns a vector on the device with normal numbers, rounded to 11 significant bits, which TF32 represents, if exact is set.
func (v *vectors[T]) filled(n int, exact bool) *vector[T] {
	v.t.Helper()
	one := &vector[T]{data: make([]T, n)}
	for i := range one.data {
		x := float32(v.rng.NormFloat64())
		if exact {
			x = math.Float32frombits(math.Float32bits(x) &^ 0x1fff)
		}
		one.data[i] = T(x)
	}
	if err := v.d.adopt(one); err != nil {
		v.t.Fatal(err)
	}
	return one
}

// computed runs the launches of an operation, and returns the result and the names of the kernels.
func (v *vectors[T]) computed(c kernel.Call, gradient int, tf32 bool, n int, operands []*vector[T], result, incoming *vector[T]) ([]T, string) {
	v.t.Helper()
	plan, err := kernels.Build(c, gradient, sizeOf[T](), tf32)
	if err != nil {
		v.t.Fatal(err)
	}
	out, scratch := v.filled(n, false), v.filled(int(plan.Scratch)/sizeOf[T]()+1, false)
	names := ""
	err = v.d.ctx.Do(func() error {
		for _, l := range plan.Launches {
			names += " " + l.Kernel
			args := l.Args(func(r kernels.Ref) uint64 {
				switch r.Source {
				case kernels.Operand:
					return uint64(operands[r.Index].at)
				case kernels.Result:
					return uint64(result.at)
				case kernels.Incoming:
					return uint64(incoming.at)
				case kernels.Scratch:
					return uint64(scratch.at) + uint64(r.Offset)
				}
				return uint64(out.at)
			})
			if err := v.d.ctx.Launch(l.Kernel, l.Grid, kernels.Threads, l.Shared, args[:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = v.d.fetch(out)
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return out.data, names
}

// apart returns the relative L2 distance of two vectors.
func apart[T float](a, b []T) float64 {
	sum, all := 0.0, 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum, all = sum+d*d, all+float64(b[i])*float64(b[i])
	}
	return math.Sqrt(sum / all)
}

// TestTF32_ConvolutionsMultiplyWithLessPrecision compares the kernels of TF32 with those of float32, in value and gradients: on operands
// that TF32 represents they agree as closely as sums of another order do, on others within the rounding of TF32.
func TestTF32_ConvolutionsMultiplyWithLessPrecision(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	v := newVectors[float32](t)
	defer v.close()
	v.loadTF32()
	for _, c := range []struct {
		images, in, out, h, w, k int
		relu                     bool
	}{{2, 17, 33, 5, 7, 3, true}, {1, 32, 64, 9, 8, 3, false}, {1, 21, 70, 4, 6, 1, false}, {3, 19, 20, 6, 5, 5, true}} {
		for _, exact := range []bool{true, false} {
			x, y := []int{c.images, c.in, c.h, c.w}, []int{c.images, c.out, c.h, c.w}
			w, bias := []int{c.out, c.in, c.k, c.k}, []int{c.out}
			call := kernel.Call{Op: program.Op{Kind: program.Conv2D}, ReLU: c.relu, Out: kernel.Operand{Kind: program.Real, Shape: y}}
			var operands []*vector[float32]
			for _, s := range [][]int{x, w, bias} {
				call.In = append(call.In, kernel.Operand{Kind: program.Real, Shape: s})
				operands = append(operands, v.filled(program.Count(s), exact))
			}
			result, incoming := v.filled(program.Count(y), exact), v.filled(program.Count(y), exact)
			for gradient, n := range map[int]int{kernels.Forward: program.Count(y), 0: program.Count(x), 1: program.Count(w)} {
				want, _ := v.computed(call, gradient, false, n, operands, result, incoming)
				got, names := v.computed(call, gradient, true, n, operands, result, incoming)
				low, high := 0.0, 1e-6
				if !exact {
					low, high = 1e-5, 1e-3
				}
				if e := apart(got, want); !(e >= low && e <= high) {
					t.Errorf("%+v, gradient %d, exact operands %t,%s: the distance is %.2g, want %.2g to %.2g", c, gradient, exact, names, e, low, high)
				}
			}
		}
	}
	if text := d.Message(); text != "" {
		t.Error(text)
	}
}

// loadTF32 loads the module of a session that allows TF32.
func (v *vectors[T]) loadTF32() {
	v.t.Helper()
	ptx, err := kernels.PTXOfTF32()
	if err == nil {
		err = v.d.ctx.Do(func() error { return v.d.ctx.Load(ptx, kernels.KernelsOfTF32()...) })
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// TestTF32_OnlyWhereItIsAllowed makes a step with and without TF32: the norms of the gradients are nearly the same. A GPU without
// TF32 and the CPU refuse it, and float64 does not use it.
func TestTF32_OnlyWhereItIsAllowed(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.BuildFast(t))
	before := d.Live()
	tr := newTrial(t, arch.Config{N: 16, FiltersScale: 1, BaseWidth: 16, Gridsize: 1}, 1)
	norms := map[string]float64{}
	for _, tf32 := range []bool{false, true} {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			ctx := context.Background()
			s, err := New().Open(ctx, backend.OpenOptions{Program: tr.program, DType: dtype, Threads: 1, Devices: []string{"cuda:0"}, TF32: tf32})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.SetState(ctx, tr.state); err != nil {
				t.Fatal(err)
			}
			id, err := s.Bind(ctx, tr.data)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Step(ctx, tr.plan(id, 1), func(r backend.StepResult) error {
				norms[fmt.Sprintf("%s-%t", dtype, tf32)] = r.GradNorm
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	full, less := norms["float32-false"], norms["float32-true"]
	if e := math.Abs(less-full) / full; !(e > 1e-6 && e < 1e-2) || norms["float64-false"] != norms["float64-true"] {
		t.Errorf("the norms of the gradients are %v", norms)
	}
	if live := d.Live(); live != before {
		t.Errorf("%d objects of the driver were not freed", live-before)
	}
	d.Capability(7)
	defer d.Capability(9)
	for _, device := range []string{"cpu", "cuda:0"} {
		_, err := New().Open(context.Background(), backend.OpenOptions{Program: tr.program, Devices: []string{device}, TF32: true})
		if backend.KindOf(err) != backend.Unsupported {
			t.Errorf("%s: the error is %v, want the kind %s", device, err, backend.Unsupported)
		}
	}
}

// TestTF32_FailingModuleFreesAll fails the calls of loading the second module.
func TestTF32_FailingModuleFreesAll(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	l, err := driver.Open(cudaLibrary)
	if err != nil {
		t.Fatal(err)
	}
	before := d.Live()
	for nth := 1; nth <= 2; nth++ {
		d.Fail("cuModuleLoadDataEx", nth, 2)
		if _, err := newDevice[float32](context.Background(), l, driver.Device{Major: 9}, true); backend.KindOf(err) != backend.Exhausted {
			t.Errorf("module %d: the error is %v, want the kind %s", nth, err, backend.Exhausted)
		}
		if live := d.Live(); live != before {
			t.Errorf("module %d: %d objects of the driver were not freed", nth, live-before)
		}
	}
}
