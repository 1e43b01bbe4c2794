// Package engine implements an XLA client and its compiled functions. Only this package uses GoMLX's executables and buffers.
// It returns their failures as errors of the contract.
package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	G "github.com/gomlx/gomlx/core/graph"

	"github.com/ptychogo/ptycho/core/backend"
)

// Array names an input or a result of a function: a slot of the state with the parameter's name, or another part.
type Array struct{ Part, Name string }

// Client is an XLA client on one or more devices. It must not be called concurrently.
type Client struct {
	compute compute.Backend
	devices []compute.DeviceNum // by rank
	rank    Buffer              // of each device, nil until a function needs it
}

// Buffer is an array on the devices of a client: an equal copy on each, or the shards of a larger array in order, one on each
// device for each round.
type Buffer []compute.Buffer

// Upload copies a flat Go slice to every device.
func (c *Client) Upload(flat any, shape shapes.Shape) (Buffer, error) {
	return c.each(shape, 1, func(int) any { return flat })
}

// Download copies a buffer that is equal on all devices into a flat Go slice of its type and size.
func (c *Client) Download(b Buffer, flat any) error {
	if err := b[0].ToFlatData(flat); err != nil {
		return failure("transfer", err)
	}
	return nil
}

// Free frees the memory of buffers and ignores nil buffers.
func Free(buffers ...Buffer) {
	for _, b := range buffers {
		for _, part := range b {
			if part != nil {
				part.Finalize() //nolint:errcheck // there is nothing to do about a failure
			}
		}
	}
}

// Close frees the client's memory on its devices. The library stays loaded.
func (c *Client) Close() {
	Free(c.rank)
	c.rank = nil
}

// Function is a compiled graph.
type Function struct {
	client *Client
	graph  *G.Graph
	in     []Array
	donate []bool
	out    []Array
}

// Builder builds the graph of a Function.
type Builder struct {
	Graph   *G.Graph
	client  *Client
	in      []Array
	donate  []bool
	out     []Array
	results []*G.Node
}

// Parameter adds an input. A donated input cannot be used after a call: the result takes its memory.
func (b *Builder) Parameter(a Array, shape shapes.Shape, donate bool) *G.Node {
	b.in, b.donate = append(b.in, a), append(b.donate, donate)
	return G.Parameter(b.Graph, fmt.Sprintf("p%d", len(b.in)), shape)
}

// Result adds a result.
func (b *Builder) Result(a Array, n *G.Node) {
	b.out, b.results = append(b.out, a), append(b.results, n)
}

// Compile builds a graph and compiles it, which takes seconds.
func (c *Client) Compile(name string, build func(b *Builder) error) (f *Function, err error) {
	defer func() {
		if r := recover(); r != nil { // GoMLX reports errors of a graph as panics
			f, err = nil, failure("compile", fmt.Errorf("%s: %v", name, r))
		}
	}()
	b := &Builder{Graph: G.NewGraph(c.compute, name), client: c}
	if err := c.spread(b.Graph); err != nil {
		b.Graph.Finalize()
		return nil, failure("compile", fmt.Errorf("%s: %w", name, err))
	}
	if err := build(b); err != nil {
		b.Graph.Finalize()
		return nil, backend.Errorf(backend.Internal, "compile", "%w", err)
	}
	if err := b.Graph.Compile(b.results...); err != nil {
		b.Graph.Finalize()
		return nil, failure("compile", fmt.Errorf("%s: %w", name, err))
	}
	return &Function{c, b.Graph, b.in, b.donate, b.out}, nil
}

// Call runs the function on the inputs that in returns by name, in rounds: an input that has a part for each round changes from
// round to round, and a result has a part for each round. Donated inputs cannot be used afterwards, even if Call fails.
func (f *Function) Call(ctx context.Context, rounds int, in func(Array) Buffer) (map[Array]Buffer, error) {
	out := make(map[Array]Buffer, len(f.out))
	for round := range rounds {
		if err := f.round(ctx, round, rounds, in, out); err != nil {
			for _, b := range out {
				Free(b)
			}
			return nil, err
		}
	}
	return out, nil
}

// round runs one round of a call and appends its results to out.
func (f *Function) round(ctx context.Context, round, rounds int, in func(Array) Buffer, out map[Array]Buffer) error {
	if ctx.Err() != nil {
		return backend.Errorf(backend.Cancelled, "compute", "%w", ctx.Err())
	}
	devices := len(f.client.devices)
	buffers := make([]compute.Buffer, devices*len(f.in)) // device by device
	for i, a := range f.in {
		parts, err := in(a), error(nil)
		if a == rankArray {
			parts, err = f.client.ranks()
		}
		if err != nil {
			return err
		}
		if len(parts) == rounds*devices {
			parts = parts[round*devices:][:devices]
		}
		if len(parts) != devices {
			return backend.Errorf(backend.Internal, "compute", "input %s of %s is missing", a.Part, a.Name)
		}
		for d, part := range parts {
			buffers[d*len(f.in)+i] = part
		}
	}
	results, err := f.execute(buffers)
	if err != nil {
		return failure("compute", err)
	}
	for i, a := range f.out {
		for d := range devices {
			out[a] = append(out[a], results[d*len(f.out)+i])
		}
	}
	return nil
}

func (f *Function) execute(in []compute.Buffer) (out []compute.Buffer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	donate := slices.Repeat(f.donate, len(f.client.devices))
	return f.graph.Executable().Execute(in, donate, f.client.devices[0]) // the last argument matters on one device only
}

// Close frees the compiled code.
func (f *Function) Close() { f.graph.Finalize() }

// failure converts an error of XLA to one of the contract by its text, because GoMLX drops PJRT's error codes.
func failure(op string, err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n") // a stack trace may follow
	kind := backend.Internal
	for _, sign := range []string{"Out of memory", "out of memory", "RESOURCE_EXHAUSTED", "too large"} {
		if strings.Contains(err.Error(), sign) {
			kind = backend.Exhausted
			text += ": use smaller batches"
			break
		}
	}
	return backend.Errorf(kind, op, "XLA: %s", text)
}

// opened holds the loaded libraries of this process: a library is loaded once and never unloaded.
var opened struct {
	sync.Mutex
	clients map[string]compute.Backend
}

// Open returns a client for devices of a library. The library must have been verified, because loading a damaged one ends the
// process. Open loads a library once for the same settings.
func Open(library Library, devices ...int) (*Client, error) {
	opened.Lock()
	defer opened.Unlock()
	key := library.config()
	if opened.clients[key] == nil {
		if library.CUDA {
			if err := prepareCUDA(library); err != nil {
				return nil, err
			}
		}
		c, err := load(key)
		if err != nil {
			return nil, err
		}
		if opened.clients == nil {
			opened.clients = map[string]compute.Backend{}
		}
		opened.clients[key] = c
	}
	c := opened.clients[key]
	numbers, err := numbered(library.Path, devices, c.NumDevices())
	if err != nil {
		return nil, err
	}
	return &Client{compute: c, devices: numbers}, nil
}

// Library is a PJRT library and how to use it.
type Library struct {
	Path string // absolute
	CUDA bool
	TF32 bool // allow reduced precision in matrix products of a GPU

	Toolkit  string  // folder of the CUDA toolkit, "" if XLA must find it
	Fraction float64 // share of a GPU's memory that XLA may use, 0 for XLA's default (0.75)
}

// config returns GoMLX's configuration string. The path is absolute, so that GoMLX neither searches nor downloads.
func (l Library) config() string {
	if !l.CUDA {
		return l.Path
	}
	config := fmt.Sprintf("%s,tf32=%v,preallocate=false", l.Path, l.TF32)
	if l.Fraction > 0 {
		config += fmt.Sprintf(",memory_fraction=%.6f", l.Fraction)
	}
	return config
}
