package driver

import (
	"errors"
	"runtime"
	"slices"
	"unsafe"

	"github.com/ptychogo/ptycho/core/backend"
)

// Context is the primary context of a GPU with one module and two streams: one for everything, and one that copies data to the GPU
// while the first computes. It serves one caller at a time.
type Context struct {
	l      *Library
	device Device
	handle int32
	ctx    uintptr
	stream uintptr
	ahead  uintptr // the second stream
	module uintptr
	more   map[string]uintptr // modules of further kernels by name
	loaded map[string]uintptr // kernels by name
	kept   map[Address]int    // allocations with their sizes
	host   map[*byte]int      // pinned memory
	graphs map[*Graph]bool    // not closed
}

// Address is an address in the memory of a GPU.
type Address uint64

// Retain opens a GPU and loads a module: PTX, which must end with a zero byte, or machine code.
func (l *Library) Retain(number int, module []byte) (_ *Context, err error) {
	d, handle, err := l.device(number)
	if err != nil {
		return nil, err
	}
	if err := d.Usable(); err != nil {
		return nil, err
	}
	c := &Context{l: l, device: d, handle: handle, loaded: map[string]uintptr{}, kept: map[Address]int{}, host: map[*byte]int{}, graphs: map[*Graph]bool{}}
	if err := l.call(fPrimaryCtxRetain, uintptr(unsafe.Pointer(&c.ctx)), uintptr(handle)); err != nil {
		return nil, err
	}
	err = c.Do(func() error {
		const nonBlocking = 1
		for _, s := range []*uintptr{&c.stream, &c.ahead} {
			if err := l.call(fStreamCreate, uintptr(unsafe.Pointer(s)), nonBlocking); err != nil {
				return err
			}
		}
		return l.call(fModuleLoadData, uintptr(unsafe.Pointer(&c.module)), uintptr(unsafe.Pointer(&module[0])), 0, 0, 0)
	})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Load loads a further module of PTX, which must end with a zero byte, for the kernels of the given names.
func (c *Context) Load(ptx []byte, kernels ...string) error {
	var module uintptr
	if err := c.l.call(fModuleLoadData, uintptr(unsafe.Pointer(&module)), uintptr(unsafe.Pointer(&ptx[0])), 0, 0, 0); err != nil {
		return err
	}
	c.more = map[string]uintptr{}
	for _, name := range kernels {
		c.more[name] = module
	}
	return nil
}

// Device describes the GPU.
func (c *Context) Device() Device { return c.device }

// Do calls f on a thread on which the context is current. All other methods must be called within it.
func (c *Context) Do(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.l.call(fCtxSetCurrent, c.ctx); err != nil {
		return err
	}
	return f()
}

// Close frees everything. It continues after an error and returns all of them.
func (c *Context) Close() error {
	if c.ctx == 0 {
		return nil
	}
	var failed []error
	note := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 2 { // without the context nothing can be freed, so try again
		err := c.l.call(fCtxSetCurrent, c.ctx)
		if note(err); err == nil {
			break
		}
	}
	for _, s := range []uintptr{c.ahead, c.stream} {
		if s != 0 {
			note(c.l.call(fStreamSynchronize, s))
		}
	}
	for g := range c.graphs {
		note(g.Close())
	}
	for a := range c.kept {
		note(c.Free(a))
	}
	for p, n := range c.host {
		note(c.FreeHost(unsafe.Slice(p, n)))
	}
	modules := []uintptr{c.module}
	for _, m := range c.more {
		if !slices.Contains(modules, m) {
			modules = append(modules, m)
		}
	}
	for _, m := range modules {
		if m != 0 {
			note(c.l.call(fModuleUnload, m))
		}
	}
	for _, s := range []uintptr{c.ahead, c.stream} {
		if s != 0 {
			note(c.l.call(fStreamDestroy, s))
		}
	}
	note(c.l.call(fPrimaryCtxRelease, uintptr(c.handle)))
	c.ctx, c.stream, c.ahead, c.module, c.more = 0, 0, 0, 0, nil
	return errors.Join(failed...)
}

// FreeMemory returns the bytes of the GPU's memory that are not in use.
func (c *Context) FreeMemory() (int64, error) {
	var available, all uint64
	if err := c.l.call(fMemGetInfo, uintptr(unsafe.Pointer(&available)), uintptr(unsafe.Pointer(&all))); err != nil {
		return 0, err
	}
	return int64(min(available, 1<<62)), nil
}

// Alloc allocates memory of the GPU; its content is unknown.
func (c *Context) Alloc(bytes int) (Address, error) {
	var a Address
	if err := c.l.call(fMemAlloc, uintptr(unsafe.Pointer(&a)), uintptr(max(bytes, 1))); err != nil {
		return 0, err
	}
	c.kept[a] = bytes
	return a, nil
}

// Free frees memory from Alloc.
func (c *Context) Free(a Address) error {
	delete(c.kept, a)
	return c.l.call(fMemFree, uintptr(a))
}

// AllocHost allocates memory of the host that a GPU reads and writes directly.
func (c *Context) AllocHost(bytes int) ([]byte, error) {
	var p unsafe.Pointer
	if err := c.l.call(fMemHostAlloc, uintptr(unsafe.Pointer(&p)), uintptr(max(bytes, 1)), 0); err != nil {
		return nil, err
	}
	b := unsafe.Slice((*byte)(p), max(bytes, 1))
	c.host[&b[0]] = len(b)
	return b, nil
}

// FreeHost frees memory from AllocHost.
func (c *Context) FreeHost(b []byte) error {
	delete(c.host, &b[0])
	return c.l.call(fMemFreeHost, uintptr(unsafe.Pointer(&b[0])))
}

// Upload copies pinned memory to the GPU when the stream gets there.
func (c *Context) Upload(to Address, from []byte) error {
	if len(from) == 0 {
		return nil
	}
	return c.l.call(fMemcpyHtoD, uintptr(to), uintptr(unsafe.Pointer(&from[0])), uintptr(len(from)), c.stream)
}

// UploadAhead is Upload on the second stream, which may run before, after or beside what the first stream does.
func (c *Context) UploadAhead(to Address, from []byte) error {
	return c.l.call(fMemcpyHtoD, uintptr(to), uintptr(unsafe.Pointer(&from[0])), uintptr(len(from)), c.ahead)
}

// Download copies memory of the GPU to pinned memory when the stream gets there.
func (c *Context) Download(to []byte, from Address) error {
	if len(to) == 0 {
		return nil
	}
	return c.l.call(fMemcpyDtoH, uintptr(unsafe.Pointer(&to[0])), uintptr(from), uintptr(len(to)), c.stream)
}

// Copy copies memory of the GPU when the stream gets there.
func (c *Context) Copy(to, from Address, bytes int) error {
	return c.l.call(fMemcpyDtoD, uintptr(to), uintptr(from), uintptr(bytes), c.stream)
}

// Synchronise waits until the stream has done everything.
func (c *Context) Synchronise() error { return c.l.call(fStreamSynchronize, c.stream) }

// SynchroniseAhead waits until the second stream has done everything.
func (c *Context) SynchroniseAhead() error { return c.l.call(fStreamSynchronize, c.ahead) }

// staticShared is the shared memory that a block may have without asking.
const staticShared = 48 << 10

// Launch runs a kernel of the module when the stream gets there. args is its parameter, which the driver copies.
func (c *Context) Launch(kernel string, grid [3]int, threads, shared int, args []byte) error {
	f, ok := c.loaded[kernel]
	if !ok {
		name, module := append([]byte(kernel), 0), c.module
		if m, ok := c.more[kernel]; ok {
			module = m
		}
		if err := c.l.call(fModuleGetFunction, uintptr(unsafe.Pointer(&f)), module, uintptr(unsafe.Pointer(&name[0]))); err != nil {
			return err
		}
		c.loaded[kernel] = f
	}
	if shared > staticShared {
		const maxDynamicShared = 8
		if shared > c.device.Shared {
			return backend.Errorf(backend.Unsupported, "cuda", "the kernel %s needs %d KiB of shared memory, but %s has %d KiB", kernel, shared>>10, c.device.Name, c.device.Shared>>10)
		}
		if err := c.l.call(fFuncSetAttribute, f, maxDynamicShared, uintptr(shared)); err != nil {
			return err
		}
	}
	params := [1]unsafe.Pointer{unsafe.Pointer(&args[0])}
	var pin runtime.Pinner
	pin.Pin(params[0])
	defer pin.Unpin()
	return c.l.call(fLaunchKernel, f, uintptr(grid[0]), uintptr(grid[1]), uintptr(grid[2]), uintptr(threads), 1, 1, uintptr(shared), c.stream, uintptr(unsafe.Pointer(&params[0])), 0)
}

// Graph is a recorded sequence of launches and copies.
type Graph struct {
	c    *Context
	exec uintptr
}

// Record records what f submits instead of running it.
func (c *Context) Record(f func() error) (*Graph, error) {
	const threadLocal = 1
	if err := c.l.call(fStreamBeginCapture, c.stream, threadLocal); err != nil {
		return nil, err
	}
	failed := f()
	var graph uintptr
	if err := c.l.call(fStreamEndCapture, c.stream, uintptr(unsafe.Pointer(&graph))); err != nil {
		return nil, errors.Join(failed, err)
	}
	g := &Graph{c: c}
	if failed == nil {
		failed = c.l.call(fGraphInstantiate, uintptr(unsafe.Pointer(&g.exec)), graph, 0)
	}
	if g.exec != 0 {
		c.graphs[g] = true
	}
	if err := errors.Join(failed, c.l.call(fGraphDestroy, graph)); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// Launch runs the graph when the stream gets there.
func (g *Graph) Launch() error { return g.c.l.call(fGraphLaunch, g.exec, g.c.stream) }

// Close frees the graph.
func (g *Graph) Close() error {
	if g.exec == 0 {
		return nil
	}
	exec := g.exec
	g.exec = 0
	delete(g.c.graphs, g)
	return g.c.l.call(fGraphExecDestroy, exec)
}
