package backend

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// session is an open program on one or more devices. Every device holds an equal copy of the state. A step donates the buffers
// of the state and returns new ones. Calls must not be concurrent, except Stop.
type session struct {
	*feed.Session
	program   *program.Program
	types     map[string]program.Type
	client    *engine.Client
	dtype     dtypes.DType // of reals on the device
	precision tensor.DType // the same, for the host
	state     buffers
	steps     int64
	functions map[string]*engine.Function
	limit     int64 // bytes of memory
	shards    bool  // batches are cut into shards, see cut
	ownMemory bool  // each device has its own memory; the virtual devices of a CPU share the machine's memory
	progress  func(backend.Event)
}

var (
	_ backend.Session   = &session{}
	_ backend.Inspector = &session{}
)

func newSession(o backend.OpenOptions, types map[string]program.Type, client *engine.Client) *session {
	s := &session{
		program: o.Program, types: types, client: client,
		dtype: dtypes.Float32, precision: tensor.Float32,
		functions: map[string]*engine.Function{},
		limit:     o.MemoryLimit,
		shards:    o.Strategy == dataParallel || client.Devices() > 1,
		progress:  o.Progress,
	}
	if s.progress == nil {
		s.progress = func(backend.Event) {}
	}
	if o.DType == tensor.Float64 {
		s.dtype, s.precision = dtypes.Float64, tensor.Float64
	}
	s.Session = feed.NewSession(o.Program, feed.Asked(o, s.precision))
	return s
}

// Close frees the session's memory on the devices, and the datasets.
func (s *session) Close() error {
	s.freeState()
	for _, f := range s.functions {
		f.Close()
	}
	clear(s.functions)
	s.client.Close()
	return s.CloseAll()
}

// freeState frees the state.
func (s *session) freeState() {
	for _, b := range s.state {
		engine.Free(b)
	}
	s.state = nil
}

// stored returns the shape of a value on the device.
func (s *session) stored(name string, groups int) shapes.Shape {
	return storedShape(s.types[name], groups, s.dtype)
}

// upload copies a tensor to every device in the session's precision.
func (s *session) upload(t tensor.Tensor, shape shapes.Shape) (engine.Buffer, error) {
	return s.transfer(t, shape, func(flat any) (engine.Buffer, error) { return s.client.Upload(flat, shape) })
}

// transfer converts the elements of a tensor to their type on a device and passes them to upload. shape is that of the whole
// tensor.
func (s *session) transfer(t tensor.Tensor, shape shapes.Shape, upload func(flat any) (engine.Buffer, error)) (engine.Buffer, error) {
	switch {
	case shape.DType == dtypes.Int32:
		data, err := tensor.Data[int32](t)
		if err != nil {
			return nil, backend.Errorf(backend.Internal, "transfer", "%w", err)
		}
		return upload(data)
	case s.precision == tensor.Float64:
		return transfer[float64](t, shape.Size(), upload)
	}
	return transfer[float32](t, shape.Size(), upload)
}

func transfer[T float32 | float64](t tensor.Tensor, size int, upload func(flat any) (engine.Buffer, error)) (engine.Buffer, error) {
	real, pair := tensor.Of[T](), tensor.Complex64
	if real == tensor.Float64 {
		pair = tensor.Complex128
	}
	if t.DType() == real || t.DType() == pair { // the same type: no copy is needed
		flat, err := tensor.FromBytes(real, t.Bytes(), size)
		if err == nil {
			data, _ := tensor.Data[T](flat)
			return upload(data)
		}
	}
	data := make([]T, size)
	if err := tensor.Flatten(data, t); err != nil {
		return nil, backend.Errorf(backend.Invalid, "transfer", "%w", err)
	}
	return upload(data)
}

// element returns the type of a value's elements on the host.
func (s *session) element(k program.Kind) tensor.DType {
	switch {
	case k == program.Index:
		return tensor.Int32
	case k == program.Real:
		return s.precision
	case s.precision == tensor.Float64:
		return tensor.Complex128
	}
	return tensor.Complex64
}

// download copies a value of the program to the host, for a batch with a number of groups.
func (s *session) download(b engine.Buffer, name string, groups int) (tensor.Tensor, error) {
	t := s.types[name]
	out, err := tensor.Zeros(s.element(t.Kind), t.Shape.At(groups)...)
	if err != nil {
		return out, backend.Errorf(backend.Internal, "transfer", "%s: %w", name, err)
	}
	fetch := func(flat any) error { return s.client.Download(b, flat) }
	if s.sharded(name) {
		fetch = func(flat any) error { return s.client.Join(b, flat, s.stored(name, s.cut(groups).groups).Size()) }
	}
	if t.Kind == program.Index {
		data, _ := tensor.Data[int32](out)
		return out, fetch(data)
	}
	flat, err := tensor.FromBytes(s.precision, out.Bytes(), s.stored(name, groups).Size())
	if err != nil {
		return out, backend.Errorf(backend.Internal, "transfer", "%s: %w", name, err)
	}
	if s.precision == tensor.Float64 {
		data, _ := tensor.Data[float64](flat)
		return out, fetch(data)
	}
	data, _ := tensor.Data[float32](flat)
	return out, fetch(data)
}
