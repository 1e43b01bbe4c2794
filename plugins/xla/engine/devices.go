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

// Sum adds nodes of one type over the devices, in the order of their ranks, so that every device has the same sums and
// every run has the same bits. The order of summation of a library's all-reduce is not documented, and NVIDIA's depends on
// how the cards are connected. The all-reduce therefore only moves numbers here: each device puts its numbers into its row
// of zeros, and adding zeros is exact in any order. The nodes are packed, so that one all-reduce is enough for all of them.
func (b *Builder) Sum(nodes ...*G.Node) []*G.Node {
	n := len(b.client.devices)
	if n == 1 {
		return nodes
	}
	flat := make([]*G.Node, len(nodes))
	for i, node := range nodes {
		flat[i] = G.Reshape(node, node.Shape().Size())
	}
	packed := G.Concatenate(flat, 0)
	size := packed.Shape().Size()
	rank := b.Parameter(rankArray, shapes.Make(dtypes.Int32, n), false)
	here := G.BroadcastToDims(G.Reshape(G.Equal(rank, G.OnesLike(rank)), n, 1), n, size)
	rows := G.BroadcastToDims(G.Reshape(packed, 1, size), n, size)
	rows = b.Graph.Distributed().AllReduceOne(G.Where(here, rows, G.ZerosLike(rows)), compute.ReduceOpSum)

	sum := G.Reshape(G.SliceAxis(rows, 0, G.AxisElem(0)), size)
	for i := 1; i < n; i++ {
		sum = G.Add(sum, G.Reshape(G.SliceAxis(rows, 0, G.AxisElem(i)), size))
	}
	out, from := make([]*G.Node, len(nodes)), 0
	for i, node := range nodes {
		to := from + node.Shape().Size()
		out[i] = G.Reshape(G.SliceAxis(sum, 0, G.AxisRange(from, to)), node.Shape().Dimensions...)
		from = to
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
	c.rank, err = c.Split(flat, shapes.Make(dtypes.Int32, n), 0)
	return c.rank, err
}

// Devices returns the number of devices that share the work.
func (c *Client) Devices() int { return len(c.devices) }

// Split copies a flat Go slice to the devices: each device receives the next part, which has the given shape. A part that
// the slice does not fill is filled with repeats of the slice's first unit elements, or with zeros if unit is 0.
func (c *Client) Split(flat any, shape shapes.Shape, unit int) (Buffer, error) {
	switch all := flat.(type) {
	case []float32:
		return split(c, all, shape, unit)
	case []float64:
		return split(c, all, shape, unit)
	case []int32:
		return split(c, all, shape, unit)
	}
	return nil, backend.Errorf(backend.Internal, "transfer", "cannot split an array of type %T", flat)
}

func split[T int32 | float32 | float64](c *Client, all []T, shape shapes.Shape, unit int) (Buffer, error) {
	size, filler := shape.Size(), []T{0}
	if unit > 0 {
		filler = all[:unit]
	}
	return c.each(shape, func(i int) any {
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

// each uploads an array for each device. If one upload fails, each frees the others.
func (c *Client) each(shape shapes.Shape, flat func(i int) any) (Buffer, error) {
	out := make(Buffer, len(c.devices))
	for i, d := range c.devices {
		b, err := c.compute.BufferFromFlatData(d, flat(i), shape)
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
