// Package engine is an XLA client with the functions compiled for it. It alone touches GoMLX's executables and buffers;
// what goes wrong there comes back as an error of the contract.
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

// Client is an XLA client on one or more devices. Calls come one at a time.
type Client struct {
	compute compute.Backend
	devices []compute.DeviceNum // by rank
	rank    Buffer              // of each device, once a function asks for it
}

// Buffer is an array on the devices of a client: one part on each, all alike or the shards of a larger array.
type Buffer []compute.Buffer

// Upload copies a flat Go slice to every device.
func (c *Client) Upload(flat any, shape shapes.Shape) (Buffer, error) {
	return c.each(shape, func(int) any { return flat })
}

// Download copies a buffer, which is alike on all devices, into a flat Go slice of its type and size.
func (c *Client) Download(b Buffer, flat any) error {
	if err := b[0].ToFlatData(flat); err != nil {
		return failure("transfer", err)
	}
	return nil
}

// Free gives back the memory of buffers; nil ones are passed over.
func Free(buffers ...Buffer) {
	for _, b := range buffers {
		for _, part := range b {
			if part != nil {
				part.Finalize() //nolint:errcheck // nothing is left to do with it
			}
		}
	}
}

// Close frees what the client holds on its devices. The library stays loaded.
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

// Builder makes a Function.
type Builder struct {
	Graph   *G.Graph
	client  *Client
	in      []Array
	donate  []bool
	out     []Array
	results []*G.Node
}

// Parameter adds an input. A donated one is gone after a call: the result takes its memory.
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
		if r := recover(); r != nil { // GoMLX panics on what it does not expect
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

// Call runs the function. Inputs are found by name; what the function does not read may be there too. Donated inputs
// are gone afterwards, also after a failure.
func (f *Function) Call(ctx context.Context, in func(Array) Buffer) (map[Array]Buffer, error) {
	if ctx.Err() != nil {
		return nil, backend.Errorf(backend.Cancelled, "compute", "%w", ctx.Err())
	}
	devices := len(f.client.devices)
	buffers := make([]compute.Buffer, devices*len(f.in)) // device by device
	for i, a := range f.in {
		parts, err := in(a), error(nil)
		if a == rankArray {
			parts, err = f.client.ranks()
		}
		if err != nil {
			return nil, err
		}
		if len(parts) != devices {
			return nil, backend.Errorf(backend.Internal, "compute", "%s of %s was not given", a.Part, a.Name)
		}
		for d, part := range parts {
			buffers[d*len(f.in)+i] = part
		}
	}
	results, err := f.execute(buffers)
	if err != nil {
		return nil, failure("compute", err)
	}
	out := make(map[Array]Buffer, len(f.out))
	for i, a := range f.out {
		out[a] = make(Buffer, devices)
		for d := range devices {
			out[a][d] = results[d*len(f.out)+i]
		}
	}
	return out, nil
}

func (f *Function) execute(in []compute.Buffer) (out []compute.Buffer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	donate := slices.Repeat(f.donate, len(f.client.devices))
	return f.graph.Executable().Execute(in, donate, f.client.devices[0]) // the last argument counts on one device alone
}

// Close frees the compiled code.
func (f *Function) Close() { f.graph.Finalize() }

// failure is an error of XLA as one of the contract, by its text: PJRT's codes do not survive GoMLX.
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

// opened are the clients of this process: a library is loaded once and never unloaded.
var opened struct {
	sync.Mutex
	clients map[string]compute.Backend
}

// Open gives a client for devices of a library that has been verified: loading a damaged one ends the process. The
// library is loaded once for the same settings.
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

	Toolkit  string  // folder of the CUDA toolkit, "" if XLA has to find it
	Fraction float64 // share of a GPU's memory that may be taken, 0 for XLA's own (0.75)
}

// config is the library in GoMLX's words. The path is absolute, so that GoMLX neither searches nor downloads.
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
