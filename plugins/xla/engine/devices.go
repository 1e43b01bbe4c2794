package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/backend"
)

// One program runs on all devices of a client (SPMD). Devices differ only in their shards of the data and in their rank,
// which is an input of the program. Nothing else in a graph depends on the number of devices.

// rankArray is the input [devices] of a program that is 1 at the device's own rank and 0 elsewhere.
var rankArray = Array{Part: "device", Name: "rank"}

// spread prepares a graph for all devices of the client. It does not change a graph for one device.
func (c *Client) spread(g *G.Graph) error {
	if len(c.devices) == 1 {
		return nil
	}
	mesh, err := distributed.NewDeviceMesh([]int{len(c.devices)}, []string{"data"})
	if err != nil {
		return err
	}
	if err := g.SetSPMD(mesh); err != nil {
		return err
	}
	return g.SetDeviceAssignment(c.devices)
}

// Sum adds the shards' nodes in the order of the shards, so that every device has the same sums, and any number of devices has
// the same bits. rounds[r] holds the nodes of this device's shard of round r, of one type. The device of rank d computes the
// shard r·devices + d in round r. Only the first shards are added; the rest is filling.
func (b *Builder) Sum(shards int, rounds ...[]*G.Node) []*G.Node {
	all := b.exchange(rounds)
	sums := slices.Clone(all[0])
	for _, shard := range all[1:shards] {
		for i, node := range shard {
			sums[i] = G.Add(sums[i], node)
		}
	}
	return sums
}

// exchange returns the nodes of all shards, in order. The order of summation of a library's all-reduce is not documented, and
// NVIDIA's depends on how the cards are connected. The all-reduce therefore only moves bits here: each device writes its
// numbers, as integers, into its rows of a matrix of zeros, and the sum of integers is exact in any order. The nodes are
// packed, so that one all-reduce is enough for all of them.
func (b *Builder) exchange(rounds [][]*G.Node) [][]*G.Node {
	n := len(b.client.devices)
	if n == 1 {
		return rounds
	}
	rows := make([]*G.Node, len(rounds))
	for r, nodes := range rounds {
		flat := make([]*G.Node, len(nodes))
		for i, node := range nodes {
			flat[i] = G.Reshape(node, node.Shape().Size())
		}
		rows[r] = G.Concatenate(flat, 0)
	}
	size, real, whole := rows[0].Shape().Size(), rows[0].DType(), dtypes.Int32
	if real == dtypes.Float64 {
		whole = dtypes.Int64
	}
	bits := G.Bitcast(G.Reshape(G.Concatenate(rows, 0), len(rounds), 1, size), whole)
	rank := b.Parameter(rankArray, shapes.Make(dtypes.Int32, n), false)
	here := G.BroadcastToDims(G.Reshape(G.Equal(rank, G.OnesLike(rank)), 1, n, 1), len(rounds), n, size)
	bits = G.BroadcastToDims(bits, len(rounds), n, size)
	bits = b.Graph.Distributed().AllReduceOne(G.Where(here, bits, G.ZerosLike(bits)), compute.ReduceOpSum)
	matrix := G.Reshape(G.Bitcast(bits, real), len(rounds)*n, size)

	out := make([][]*G.Node, len(rounds)*n)
	for shard := range out {
		row, from := G.Reshape(G.SliceAxis(matrix, 0, G.AxisElem(shard)), size), 0
		for _, node := range rounds[0] {
			to := from + node.Shape().Size()
			out[shard] = append(out[shard], G.Reshape(G.SliceAxis(row, 0, G.AxisRange(from, to)), node.Shape().Dimensions...))
			from = to
		}
	}
	return out
}

// ranks returns the buffer of rankArray.
func (c *Client) ranks() (Buffer, error) {
	if c.rank != nil {
		return c.rank, nil
	}
	n := len(c.devices)
	flat := make([]int32, n*n)
	for i := range n {
		flat[i*n+i] = 1
	}
	var err error
	c.rank, err = c.Split(flat, shapes.Make(dtypes.Int32, n), 0, 1)
	return c.rank, err
}

// Devices returns the number of devices that share the work.
func (c *Client) Devices() int { return len(c.devices) }

// Split copies a flat Go slice to the devices: in each round each device receives the next part, which has the given shape. A
// part that the slice does not fill is filled with repeats of the slice's first unit elements, or with zeros if unit is 0.
func (c *Client) Split(flat any, shape shapes.Shape, unit, rounds int) (Buffer, error) {
	switch all := flat.(type) {
	case []float32:
		return split(c, all, shape, unit, rounds)
	case []float64:
		return split(c, all, shape, unit, rounds)
	case []int32:
		return split(c, all, shape, unit, rounds)
	}
	return nil, backend.Errorf(backend.Internal, "transfer", "cannot split an array of type %T", flat)
}

func split[T int32 | float32 | float64](c *Client, all []T, shape shapes.Shape, unit, rounds int) (Buffer, error) {
	size, filler := shape.Size(), []T{0}
	if unit > 0 {
		filler = all[:unit]
	}
	return c.each(shape, rounds, func(i int) any {
		part := all[min(i*size, len(all)):min((i+1)*size, len(all))]
		if len(part) == size {
			return part
		}
		part = slices.Clone(part)
		for len(part) < size {
			part = append(part, filler...)
		}
		return part[:size]
	})
}

// each uploads an array for each device, round after round. If one upload fails, each frees the others.
func (c *Client) each(shape shapes.Shape, rounds int, flat func(i int) any) (Buffer, error) {
	out := make(Buffer, rounds*len(c.devices))
	for i := range out {
		b, err := c.compute.BufferFromFlatData(c.devices[i%len(c.devices)], flat(i), shape)
		if err != nil {
			Free(out)
			return nil, failure("transfer", err)
		}
		out[i] = b
	}
	return out, nil
}

// Join copies the parts of a buffer made by Split into a flat Go slice of its type, without the filling. size is the number
// of elements of a part.
func (c *Client) Join(b Buffer, flat any, size int) error {
	switch all := flat.(type) {
	case []float32:
		return join(b, all, size)
	case []float64:
		return join(b, all, size)
	case []int32:
		return join(b, all, size)
	}
	return backend.Errorf(backend.Internal, "transfer", "cannot join an array of type %T", flat)
}

func join[T int32 | float32 | float64](b Buffer, all []T, size int) error {
	for i := 0; i < len(b) && i*size < len(all); i++ {
		into := all[i*size:]
		if len(into) >= size {
			if err := b[i].ToFlatData(into[:size]); err != nil {
				return failure("transfer", err)
			}
			continue
		}
		part := make([]T, size)
		if err := b[i].ToFlatData(part); err != nil {
			return failure("transfer", err)
		}
		copy(into, part)
	}
	return nil
}

// numbered checks the numbers of devices against those that a library shows.
func numbered(path string, numbers []int, shown int) ([]compute.DeviceNum, error) {
	var out []compute.DeviceNum
	for _, n := range numbers {
		switch d := compute.DeviceNum(n); {
		case n < 0 || n >= shown:
			return nil, backend.Errorf(backend.Unavailable, "open", "device number %d does not exist: %s shows %s", n, path, count(shown))
		case slices.Contains(out, d):
			return nil, backend.Errorf(backend.Invalid, "open", "device number %d is named twice; name each device once", n)
		default:
			out = append(out, d)
		}
	}
	return out, nil
}

// count describes a number of devices and their numbering.
func count(n int) string {
	if n == 1 {
		return "1 device, number 0"
	}
	return fmt.Sprintf("%d devices, numbers 0 to %d", n, n-1)
}
