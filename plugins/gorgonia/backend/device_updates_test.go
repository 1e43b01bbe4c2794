package backend

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/arch"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/optim"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/fixture"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/fake"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
)

// lengths are those of vectors that begin and end at the limits of blocks, or within one.
var lengths = []int{1, 3, 1023, 1024, 1025, 255, 4099}

// vectors draws vectors on a device.
type vectors[T float] struct {
	t   *testing.T
	d   *device[T]
	rng *rand.Rand
}

func newVectors[T float](t *testing.T) *vectors[T] {
	t.Helper()
	l, err := driver.Open(cudaLibrary)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDevice[T](context.Background(), l, driver.Device{Major: 9}, false)
	if err != nil {
		t.Fatal(err)
	}
	return &vectors[T]{t, d, rand.New(rand.NewPCG(3, 4))}
}

// draw returns a vector of each length on the device, and copies on the host.
func (v *vectors[T]) draw() (list []*vector[T], copies [][]T) {
	v.t.Helper()
	for _, n := range lengths {
		one := &vector[T]{data: make([]T, n)}
		for i := range one.data {
			one.data[i] = T(v.rng.NormFloat64())
		}
		copies = append(copies, append([]T(nil), one.data...))
		if err := v.d.adopt(one); err != nil {
			v.t.Fatal(err)
		}
		list = append(list, one)
	}
	return list, copies
}

// equal fails the test unless the vectors have the bits of the copies.
func (v *vectors[T]) equal(what string, list []*vector[T], want [][]T) {
	v.t.Helper()
	for i, one := range list {
		if err := v.d.fetch(one); err != nil {
			v.t.Fatal(err)
		}
		if !bytes.Equal(raw(one.data), raw(want[i])) {
			v.t.Errorf("%s: the %s of length %d differs", v.t.Name(), what, len(want[i]))
		}
	}
}

// close fails the test if a kernel wrote beyond its vectors.
func (v *vectors[T]) close() {
	v.t.Helper()
	if err := v.d.close(); err != nil {
		v.t.Error(err)
	}
}

// on returns the gradients of a step whose values are already on the device.
func (v *vectors[T]) on(weights, grads []*vector[T]) *deviceGradients[T] {
	q := v.d.gradients(weights, 1).(*deviceGradients[T])
	for i, g := range grads {
		q.table.Rows[i].Gradient = uint64(g.at)
	}
	return q
}

var optimisers = map[string]backend.Optimiser{
	"adam":     {Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-5, WeightDecay: 0.1},
	"adamw":    {Kind: backend.AdamW, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-5, WeightDecay: 0.1},
	"sgd":      {Kind: backend.SGD, WeightDecay: 0.1},
	"momentum": {Kind: backend.SGD, Momentum: 0.7},
	"nesterov": {Kind: backend.SGD, Momentum: 0.7, Nesterov: true},
}

// TestUpdates_SameBitsAsCoreOptim makes two steps of every rule on vectors of several lengths and two learning rates.
func TestUpdates_SameBitsAsCoreOptim(t *testing.T) {
	fixture.Long(t)
	onFake(t, fake.Build(t))
	for name, o := range optimisers {
		for _, decay := range []float64{0, 0.9} {
			t.Run(fmt.Sprintf("%s-%v-float32", name, decay), func(t *testing.T) { updates[float32](t, o, decay) })
			t.Run(fmt.Sprintf("%s-%v-float64", name, decay), func(t *testing.T) { updates[float64](t, o, decay) })
		}
	}
}

func updates[T float](t *testing.T, o backend.Optimiser, decay float64) {
	v := newVectors[T](t)
	defer v.close()
	weights, w := v.draw()
	grads, g := v.draw()
	averages, average := v.draw()
	var states [][]*vector[T]
	var state [][][]T
	for range optim.Slots(o) {
		list, copies := v.draw()
		for i, s := range list { // second moments are not negative
			for j := range copies[i] {
				copies[i][j] *= copies[i][j]
			}
			copy(s.data, copies[i])
			if err := v.d.ctx.Do(func() error { return v.d.write(s.at, raw(s.data)) }); err != nil {
				t.Fatal(err)
			}
		}
		states, state = append(states, list), append(state, copies)
	}
	for step := range int64(2) {
		var all []update[T]
		for i := range weights {
			u := update[T]{optimiser: o, step: step + 1, rate: []float64{0.1, 0.03}[i%2], decay: decay}
			var part [][]T
			for j := range states {
				u.state, part = append(u.state, states[j][i]), append(part, state[j][i])
			}
			optim.Update(optim.At(o, u.step, u.rate), w[i], g[i], part...)
			if decay > 0 {
				u.average = averages[i]
				optim.Average(average[i], w[i], decay)
			}
			all = append(all, u)
		}
		if err := v.on(weights, grads).update(all); err != nil {
			t.Fatal(err)
		}
	}
	v.equal("weights", weights, w)
	v.equal("average", averages, average)
	for j := range states {
		v.equal("state", states[j], state[j])
	}
}

// TestClip_SameBitsAsCoreOptim clips by value and by a norm that is given.
func TestClip_SameBitsAsCoreOptim(t *testing.T) {
	fixture.Long(t)
	onFake(t, fake.Build(t))
	for _, c := range []struct {
		clip backend.Clip
		norm float64
	}{{backend.Clip{Kind: backend.ClipNorm, Limit: 3}, 7}, {backend.Clip{Kind: backend.ClipNorm, Limit: 8}, 7}, {backend.Clip{Kind: backend.ClipValue, Limit: 0.5}, 7}, {backend.Clip{Kind: backend.ClipValue, Limit: 50}, 7}} {
		v := newVectors[float32](t)
		weights, w := v.draw()
		grads, g := v.draw()
		changed, err := v.on(weights, grads).clip(c.clip, c.norm)
		if want := optim.Bound(c.clip, c.norm, w, g); err != nil || changed != want {
			t.Errorf("%+v: changed is %t, want %t (%v)", c.clip, changed, want, err)
		}
		v.equal("gradient", grads, g)
		v.close()
	}
}

// TestSegments_SumsOfAVectorDoNotDependOnOthers sums squares of all vectors in one launch, and of each alone.
func TestSegments_SumsOfAVectorDoNotDependOnOthers(t *testing.T) {
	fixture.Long(t)
	onFake(t, fake.Build(t))
	v := newVectors[float32](t)
	defer v.close()
	weights, w := v.draw()
	grads, g := v.draw()
	q := v.on(weights, grads)
	if _, err := q.norm(); err != nil {
		t.Fatal(err)
	}
	for i := range weights {
		one := v.on(weights[i:i+1], grads[i:i+1])
		norm, err := one.norm()
		if err != nil || one.squares[0] != q.squares[i] {
			t.Errorf("length %d: the sum is %v alone and %v with others (%v)", len(w[i]), one.squares[0], q.squares[i], err)
		}
		if want := optim.Norm(g[i]); norm < want*(1-1e-12) || norm > want*(1+1e-12) {
			t.Errorf("length %d: the norm is %v, want %v", len(w[i]), norm, want)
		}
	}
	if err := v.d.exchange(weights, grads); err != nil {
		t.Fatal(err)
	}
	v.equal("exchanged weight", weights, g)
	v.equal("exchanged gradient", grads, w)
}

// TestStep_LaunchesOnceForAllParameters counts the launches of steps after the first. The runs of the network are one recorded graph.
func TestStep_LaunchesOnceForAllParameters(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	tr := newTrial(t, arch.Config{N: 16, FiltersScale: 1, BaseWidth: 2, Gridsize: 1}, 1)
	s, ref := tr.openOn(t, "cuda:0", tensor.Float32, 1)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	parameters := len(tr.program.Trainable())
	if parameters < 10 {
		t.Fatalf("the network has %d parameters, want more", parameters)
	}
	for _, c := range []struct {
		what         string
		clip         backend.Clip
		ema          float64
		microBatches int
		want         int
	}{
		{"norm, update", backend.Clip{}, 0, 1, 2},
		{"norm, update with average", backend.Clip{}, 0.9, 1, 2},
		{"norm, scale, update", backend.Clip{Kind: backend.ClipNorm, Limit: 1e-9}, 0.9, 1, 3},
		{"norm, clip, update", backend.Clip{Kind: backend.ClipValue, Limit: 1e-9}, 0.9, 1, 3},
		{"norms of gradients and weights, scale, update", backend.Clip{Kind: backend.ClipAdaptive, Limit: 1e-9}, 0.9, 1, 4},
		{"copy, add, norm, update", backend.Clip{}, 0.9, 2, 4},
	} {
		plan := tr.plan(ref.Dataset, 2)
		plan.Clip, plan.EMADecay = c.clip, c.ema
		for i := range plan.Steps {
			for len(plan.Steps[i].Batches) < c.microBatches {
				plan.Steps[i].Batches = append(plan.Steps[i].Batches, tr.batch)
			}
		}
		var counts []int
		failed := s.Step(context.Background(), plan, func(backend.StepResult) error {
			counts = append(counts, d.Calls("cuLaunchKernel"))
			return nil
		})
		if failed != nil {
			t.Fatal(failed)
		}
		if got := counts[1] - counts[0]; got != c.want {
			t.Errorf("%s: a step of %d parameters has %d launches, want %d", c.what, parameters, got, c.want)
		}
	}
}

// TestTabulate_SendsATableOnce counts the copies to the GPU of equal and different tables.
func TestTabulate_SendsATableOnce(t *testing.T) {
	fixture.Long(t)
	d := onFake(t, fake.Build(t))
	v := newVectors[float32](t)
	defer v.close()
	d.Fail("", 0, 0)
	table, larger := kernels.NewSegments(5, 6), kernels.NewSegments(lengths...)
	for i, one := range []kernels.Segments{table, table, larger, larger, table} {
		if err := v.d.ctx.Do(func() error {
			_, err := v.d.tabulate(one)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got, want := d.Calls("cuMemcpyHtoDAsync_v2"), []int{1, 1, 2, 2, 3}[i]; got != want {
			t.Errorf("after table %d, %d copies were sent, want %d", i, got, want)
		}
	}
}
