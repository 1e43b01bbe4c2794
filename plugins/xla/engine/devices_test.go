package engine_test

import (
	"context"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/library"
)

// client opens the library for the CPU on the given virtual devices.
func client(t *testing.T, numbers ...int) *engine.Client {
	t.Helper()
	if !engine.Built {
		t.Skip("this test was built without cgo, which XLA needs")
	}
	found, err := library.Find(library.CPU, 0, func(string) error { return nil })
	if err != nil {
		t.Skip(err)
	}
	c, err := engine.Open(engine.Library{Path: found.Path}, numbers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// summed returns, for each device, the Sum of rows, one for each shard. The last round may hold filling, which is not added.
func summed(t *testing.T, c *engine.Client, rows [][]float32) [][]float32 {
	t.Helper()
	n, size := c.Devices(), len(rows[0])
	rounds := (len(rows) + n - 1) / n
	x := func(round int) engine.Array { return engine.Array{Part: "test", Name: strconv.Itoa(round)} }
	y := engine.Array{Part: "test", Name: "y"}
	f, err := c.Compile("sum", func(b *engine.Builder) error {
		nodes := make([][]*G.Node, rounds)
		for r := range nodes {
			row := b.Parameter(x(r), shapes.Make(dtypes.Float32, size), false)
			nodes[r] = []*G.Node{row, G.ReduceAllSum(row)} // two nodes of different shapes in one all-reduce
		}
		b.Result(y, b.Sum(len(rows), nodes...)[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := c.Split(slices.Concat(rows...), shapes.Make(dtypes.Float32, size), size, rounds)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Free(in)
	results, err := f.Call(context.Background(), 1, func(a engine.Array) engine.Buffer {
		for r := range rounds {
			if a == x(r) {
				return in[r*n:][:n]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Free(results[y])
	flat := make([]float32, size*n)
	if err := c.Join(results[y], flat, size); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(flat, size))
}

// In float32 these numbers have a different sum in any other order. Four shards take four rounds on one device, and two rounds
// on three devices, with two shards of filling.
func TestSum_AddsInTheOrderOfTheShards(t *testing.T) {
	rows := [][]float32{{1e8, 1, 3}, {1, 1e8, -1e-3}, {-1e8, 1, 1e5}, {3, -1e8, -1e5}}
	want := slices.Clone(rows[0])
	for _, row := range rows[1:] {
		for i := range want {
			want[i] += row[i]
		}
	}
	for n := 1; n <= len(rows); n++ {
		for d, got := range summed(t, client(t, []int{0, 1, 2, 3}[:n]...), rows) {
			if !slices.Equal(got, want) {
				t.Errorf("%d devices: device %d has the sum %v, in the order of the shards it is %v", n, d, got, want)
			}
		}
	}
}

// A value that is not finite on one device must reach all devices, at its own index only, and so must the sign of a zero.
func TestSum_KeepsWhatIsNotFiniteAndSignsOfZeros(t *testing.T) {
	inf, zero := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	rows := [][]float32{{1, 1, 1, zero}, {inf, 2, float32(math.NaN()), zero}, {1, 3, 1, zero}}
	for n := 1; n <= len(rows); n++ {
		for d, got := range summed(t, client(t, []int{0, 1, 2}[:n]...), rows) {
			if got[0] != inf || got[1] != 6 || !math.IsNaN(float64(got[2])) || got[3] != 0 || !math.Signbit(float64(got[3])) {
				t.Errorf("%d devices: device %d has %v, want [+Inf 6 NaN -0]", n, d, got)
			}
		}
	}
}

func TestSplit_FillsPartsAndJoinDropsFilling(t *testing.T) {
	c := client(t, 0, 1, 2)
	given := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10} // 5 units of 2, 2 units on each device
	for unit, filled := range map[int][]float32{2: {1, 2}, 0: {0, 0}} {
		b, err := c.Split(given, shapes.Make(dtypes.Float32, 2, 2), unit, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Free(b)
		whole := make([]float32, 12)
		if err := c.Join(b, whole, 4); err != nil {
			t.Fatal(err)
		}
		if want := slices.Concat(given, filled); !slices.Equal(whole, want) {
			t.Errorf("unit %d: the devices hold %v, want %v", unit, whole, want)
		}
		back := make([]float32, len(given))
		if err := c.Join(b, back, 4); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back, given) {
			t.Errorf("unit %d: joined are %v, want %v", unit, back, given)
		}
	}
	// If a batch is smaller than the number of devices, some devices hold only filling.
	b, err := c.Split([]float32{7, 8}, shapes.Make(dtypes.Float32, 1, 2), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Free(b)
	whole := make([]float32, 6)
	if err := c.Join(b, whole, 2); err != nil {
		t.Fatal(err)
	}
	if want := []float32{7, 8, 7, 8, 7, 8}; !slices.Equal(whole, want) {
		t.Errorf("the devices hold %v, want %v", whole, want)
	}
}

func TestOpen_RefusesMissingDevices(t *testing.T) {
	client(t, 0)
	found, err := library.Find(library.CPU, 0, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		numbers []int
		kind    backend.Kind
	}{"too high": {[]int{0, 64}, backend.Unavailable}, "negative": {[]int{-1}, backend.Unavailable}, "twice": {[]int{1, 1}, backend.Invalid}} {
		if _, err := engine.Open(engine.Library{Path: found.Path}, c.numbers...); backend.KindOf(err) != c.kind {
			t.Errorf("%s: error %v, want kind %s", name, err, c.kind)
		}
	}
}
