package backend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"unsafe"

	G "gorgonia.org/gorgonia"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/driver"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/kernels"
	"github.com/ptychogo/ptycho/plugins/gorgonia/cuda/nvrtc"
)

// device is the engine on a GPU. Weights, moments and results stay in the GPU's memory; the host sends batches and reads the outputs
// of a run, the norm of the gradients and, when asked, the state.
type device[T float] struct {
	ctx      *driver.Context
	arena    driver.Address // results, then scratch memory; shared by all runners
	bytes    int            // of the arena
	arenas   int            // that there have been: a runner records its graph again for another one
	tables   map[string]driver.Address
	staging  []byte         // pinned; for the state and for sums
	partial  driver.Address // sums of blocks
	partials int            // that it has room for
	sum      block          // gradients that are not used where they are computed
	segments segmentTable
	updated  kernels.Segments // of the last step
	tf32     bool             // convolutions may use the kernels of TF32
	free     int64            // bytes of the GPU that were free when the session was opened
}

// leastTF32 is the least major compute capability of a GPU with TF32.
const leastTF32 = 8

// newDevice opens a GPU with the kernels of the precision, and those of TF32 if it is allowed; float64 does not use it.
func newDevice[T float](c context.Context, l *driver.Library, gpu driver.Device, tf32 bool) (*device[T], error) {
	if tf32 && gpu.Major < leastTF32 {
		return nil, backend.Errorf(backend.Unsupported, "open", "%s has compute capability %d.%d, but --tf32 needs %d.0 or later", gpu.Name, gpu.Major, gpu.Minor, leastTF32)
	}
	ctx, err := retain(c, l, gpu, sizeOf[T]())
	if err != nil {
		return nil, err
	}
	d := &device[T]{ctx: ctx, tables: map[string]driver.Address{}, tf32: tf32 && sizeOf[T]() == 4}
	err = ctx.Do(func() error {
		if d.tf32 {
			ptx, err := kernels.PTXOfTF32()
			if err != nil {
				return backend.Errorf(backend.Internal, "open", "the embedded CUDA kernels: %w", err)
			}
			if err := ctx.Load(ptx, kernels.KernelsOfTF32()...); err != nil {
				return err
			}
		}
		d.free, err = ctx.FreeMemory()
		return err
	})
	if err != nil {
		return nil, errors.Join(err, ctx.Close())
	}
	return d, nil
}

// retain opens a GPU with kernels for elements of size bytes: those that an installed NVRTC compiles for it, else the embedded ones.
func retain(c context.Context, l *driver.Library, gpu driver.Device, size int) (*driver.Context, error) {
	image, from, err := nvrtc.Kernels(c, gpu.Major, gpu.Minor, size)
	if c.Err() != nil {
		return nil, backend.Errorf(backend.Cancelled, "open", "%w", c.Err())
	}
	if err == nil && len(image) > 0 {
		var ctx *driver.Context
		if ctx, err = l.Retain(gpu.Number, image); err == nil {
			slog.Info("CUDA kernels: " + from)
			return ctx, nil
		}
	}
	if err != nil {
		slog.Warn("CUDA kernels: the embedded ones are used", "gpu", gpu.Name, "reason", err.Error())
	}
	ptx, err := kernels.PTX(size)
	if err != nil {
		return nil, backend.Errorf(backend.Internal, "open", "the embedded CUDA kernels: %w", err)
	}
	return l.Retain(gpu.Number, ptx)
}

func (d *device[T]) beside() bool  { return true }
func (d *device[T]) memory() int64 { return d.free }
func (d *device[T]) held() int64   { return int64(d.bytes) }
func (d *device[T]) close() error  { return d.ctx.Close() }

// alloc allocates a vector.
func (d *device[T]) alloc(elements int) (driver.Address, error) {
	return d.ctx.Alloc(elements * sizeOf[T]())
}

// reserve enlarges the arena. Its content is lost.
func (d *device[T]) reserve(bytes int) error {
	if bytes <= d.bytes {
		return nil
	}
	if d.arena != 0 {
		old := d.arena
		d.arena, d.bytes = 0, 0
		if err := errors.Join(d.ctx.Synchronise(), d.ctx.Free(old)); err != nil {
			return err
		}
	}
	a, err := d.ctx.Alloc(bytes)
	if err != nil {
		return err
	}
	d.arena, d.bytes = a, bytes
	d.arenas++
	return nil
}

// leastStaging holds most parameters, so that the memory is allocated once whatever their order.
const leastStaging = 1 << 20

// stage returns pinned memory of at least n bytes. The stream must have nothing to do with the last one.
func (d *device[T]) stage(n int) ([]byte, error) {
	if len(d.staging) < n {
		if d.staging != nil {
			old := d.staging
			d.staging = nil
			if err := d.ctx.FreeHost(old); err != nil {
				return nil, err
			}
		}
		b, err := d.ctx.AllocHost(max(n, leastStaging))
		if err != nil {
			return nil, err
		}
		d.staging = b
	}
	return d.staging[:n], nil
}

// write copies bytes to the GPU and read reads them, both before they return.
func (d *device[T]) write(to driver.Address, from []byte) error {
	b, err := d.stage(len(from))
	if err != nil {
		return err
	}
	copy(b, from)
	if err := d.ctx.Upload(to, b); err != nil {
		return err
	}
	return d.ctx.Synchronise()
}

func (d *device[T]) read(to []byte, from driver.Address) error {
	b, err := d.stage(len(to))
	if err != nil {
		return err
	}
	if err := d.ctx.Download(b, from); err != nil {
		return err
	}
	if err := d.ctx.Synchronise(); err != nil {
		return err
	}
	copy(to, b)
	return nil
}

// raw returns the bytes of a vector.
func raw[T float](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*sizeOf[T]())
}

func (d *device[T]) adopt(v *vector[T]) error {
	return d.ctx.Do(func() (err error) {
		if v.at, err = d.alloc(len(v.data)); err != nil {
			return err
		}
		if err := d.write(v.at, raw(v.data)); err != nil {
			at := v.at
			v.at = 0
			return errors.Join(err, d.ctx.Free(at))
		}
		return nil
	})
}

func (d *device[T]) fetch(v *vector[T]) error {
	return d.ctx.Do(func() error { return d.read(raw(v.data), v.at) })
}

func (d *device[T]) release(v *vector[T]) error {
	if v.at == 0 {
		return nil
	}
	return d.ctx.Do(func() error {
		at := v.at
		v.at = 0
		return errors.Join(d.ctx.Synchronise(), d.ctx.Free(at))
	})
}

func (d *device[T]) copy(to, from *vector[T]) error {
	return d.ctx.Do(func() error { return d.ctx.Copy(to.at, from.at, len(to.data)*sizeOf[T]()) })
}

// launch runs a launch whose operands are the given addresses.
func (d *device[T]) launch(l kernels.Launch, operands ...driver.Address) error {
	args := l.Args(func(r kernels.Ref) uint64 { return uint64(operands[r.Index]) })
	return d.ctx.Launch(l.Kernel, l.Grid, kernels.Threads, l.Shared, args[:])
}

// table returns the address of constant data, which is uploaded once.
func (d *device[T]) table(t kernels.Table) (driver.Address, error) {
	if at, ok := d.tables[t.Key]; ok {
		return at, nil
	}
	var b []byte
	for _, v := range t.Data() {
		if t.Wide || sizeOf[T]() == 8 {
			b = binary.NativeEndian.AppendUint64(b, math.Float64bits(v))
		} else {
			b = binary.NativeEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
	}
	at, err := d.ctx.Alloc(len(b))
	if err != nil {
		return 0, err
	}
	if err := d.write(at, b); err != nil {
		return 0, errors.Join(err, d.ctx.Free(at))
	}
	d.tables[t.Key] = at
	return at, nil
}

// build returns the launches of a step.
func (d *device[T]) build(st step[T]) (kernels.Plan, error) {
	if st.op == nil {
		return kernels.Sum(st.out.size), nil
	}
	p, err := kernels.Build(st.op.Call, st.op.Gradient, sizeOf[T](), d.tf32)
	if err != nil {
		return p, backend.Errorf(backend.Unsupported, "compile", "%s: %w", st.name, err)
	}
	return p, nil
}

// operand returns the number of the step's operand that a reference names, or -1.
func operand[T float](st step[T], r kernels.Ref) int {
	if st.op == nil || st.op.Gradient == kernels.Forward {
		return r.Index
	}
	reads := st.op.Reads
	switch r.Source {
	case kernels.Operand:
		for i, j := range reads {
			if j == r.Index {
				return i
			}
		}
	case kernels.Result:
		if st.op.ReadsResult {
			return len(reads)
		}
	case kernels.Incoming:
		return len(st.in) - 1
	}
	return -1
}

// check rejects a launch that reads what the graph does not keep for it.
func check[T float](st step[T], l kernels.Launch) error {
	for _, r := range l.P {
		switch r.Source {
		case kernels.Operand, kernels.Result, kernels.Incoming:
			if i := operand(st, r); i < 0 || i >= len(st.in) {
				return backend.Errorf(backend.Internal, "compile", "%s: the kernel %s reads a value that the graph does not provide", st.name, l.Kernel)
			}
		}
	}
	return nil
}

func (d *device[T]) runner(p *planned[T], outputs []*G.Node) (runner[T], error) {
	r := &deviceRunner[T]{planned: p, d: d, inputs: map[string]*deviceInput[T]{}, outputs: map[*G.Node][]T{}}
	scratch := int64(0)
	for _, st := range p.steps {
		plan, err := d.build(st)
		if err != nil {
			return nil, err
		}
		for _, l := range plan.Launches {
			if err := check(st, l); err != nil {
				return nil, err
			}
		}
		r.launches = append(r.launches, plan.Launches)
		scratch = max(scratch, plan.Scratch)
	}
	if int64(p.elements) > math.MaxInt64/16-scratch {
		return nil, backend.Errorf(backend.Exhausted, "compile", "the batch needs more memory than a GPU has: use smaller batches")
	}
	r.scratch = int(scratch)
	for _, n := range outputs {
		r.order = append(r.order, n)
		r.outputs[n] = nil
	}
	return r, nil
}

// String names the device.
func (d *device[T]) String() string {
	return fmt.Sprintf("cuda:%d (%s)", d.ctx.Device().Number, d.ctx.Device().Name)
}
