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

// One program runs on all devices of a client (SPMD). A device differs from another one by the shards that it was given
// and by its rank, an input of the program. Nothing else of a graph knows how many devices there are.

// rankArray is the input [devices] of a program that is 1 at the device's own rank and 0 elsewhere.
var rankArray = Array{Part: "device", Name: "rank"}

// spread prepares a graph for all devices of the client. On one device the graph stays as it is.
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
// every run has the same bits. The order in which a library's own reduction adds is not documented, and NVIDIA's depends
// on how the cards are connected. It therefore only moves numbers here: each device puts its own into a row of zeros,
// and adding zeros is exact in any order. The nodes are packed, so that one exchange is enough for all of them.
func (b *Builder) Sum(nodes ...*G.Node) []*G.Node {
	n := len(b.client.devices)
	if n == 1 {
		return nodes
	}
	flat := make([]*G.Node, len(nodes))
	for i, node := range nodes {
		flat[i] = G.Reshape(node, node.Shape().Size())
	}
	own := G.Concatenate(flat, 0)
	size := own.Shape().Size()
	rank := b.Parameter(rankArray, shapes.Make(dtypes.Int32, n), false)
	here := G.BroadcastToDims(G.Reshape(G.Equal(rank, G.OnesLike(rank)), n, 1), n, size)
	rows := G.BroadcastToDims(G.Reshape(own, 1, size), n, size)
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

// ranks gives the buffer of rankArray.
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

// Devices is the number of devices that share the work.
func (c *Client) Devices() int { return len(c.devices) }

// Split copies a flat Go slice to the devices, each of which receives the next part of that shape. A part that the slice
// does not fill ends with the first unit elements of the slice, again and again, or with zeros if unit is 0.
func (c *Client) Split(flat any, shape shapes.Shape, unit int) (Buffer, error) {
	switch all := flat.(type) {
	case []float32:
		return split(c, all, shape, unit)
	case []float64:
		return split(c, all, shape, unit)
	case []int32:
		return split(c, all, shape, unit)
	}
	return nil, backend.Errorf(backend.Internal, "transfer", "no array of %T is ever split", flat)
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

// each uploads an array for each device. Where one upload fails, nothing is left on any device.
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

// Join copies the parts of a buffer that Split would make into a flat Go slice of its type, without what fills them up.
// size is the number of elements of a part.
func (c *Client) Join(b Buffer, flat any, size int) error {
	switch all := flat.(type) {
	case []float32:
		return join(b, all, size)
	case []float64:
		return join(b, all, size)
	case []int32:
		return join(b, all, size)
	}
	return backend.Errorf(backend.Internal, "transfer", "no array of %T is ever joined", flat)
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
			return nil, backend.Errorf(backend.Unavailable, "open", "there is no device number %d: %s shows %s", n, path, count(shown))
		case slices.Contains(out, d):
			return nil, backend.Errorf(backend.Invalid, "open", "device number %d is named twice; each device can take one part of a batch", n)
		default:
			out = append(out, d)
		}
	}
	return out, nil
}

// count says how many devices there are, and how they are numbered.
func count(n int) string {
	if n == 1 {
		return "1 device, number 0"
	}
	return fmt.Sprintf("%d devices, numbers 0 to %d", n, n-1)
}
