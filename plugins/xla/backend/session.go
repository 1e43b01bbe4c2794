package backend

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/plugins/xla/engine"
	"github.com/ptychogo/ptycho/plugins/xla/lower"
	"github.com/ptychogo/ptycho/sdk/feed"
)

// session is an open program on a device. Its state lives there: a step takes the buffers of the state and gives the new
// ones. Its calls come one at a time, but for Stop.
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

// Close frees what the session holds on the device, and the datasets.
func (s *session) Close() error {
	s.forget()
	for _, f := range s.functions {
		f.Close()
	}
	clear(s.functions)
	return s.CloseAll()
}

// forget frees the state.
func (s *session) forget() {
	for _, b := range s.state {
		engine.Free(b)
	}
	s.state = nil
}

// stored is the shape of a value on the device.
func (s *session) stored(name string, groups int) shapes.Shape {
	return lower.Stored(s.types[name], groups, s.dtype)
}

// upload copies a tensor to the device in the session's precision.
func (s *session) upload(t tensor.Tensor, shape shapes.Shape) (engine.Buffer, error) {
	if shape.DType == dtypes.Int32 {
		data, err := tensor.Data[int32](t)
		if err != nil {
			return nil, backend.Errorf(backend.Internal, "transfer", "%w", err)
		}
		return s.client.Upload(data, shape)
	}
	if s.precision == tensor.Float64 {
		return upload[float64](s, t, shape)
	}
	return upload[float32](s, t, shape)
}

func upload[T float32 | float64](s *session, t tensor.Tensor, shape shapes.Shape) (engine.Buffer, error) {
	own, pair := tensor.Of[T](), tensor.Complex64
	if own == tensor.Float64 {
		pair = tensor.Complex128
	}
	if t.DType() == own || t.DType() == pair { // as it is, without a copy
		flat, err := tensor.FromBytes(own, t.Bytes(), shape.Size())
		if err == nil {
			data, _ := tensor.Data[T](flat)
			return s.client.Upload(data, shape)
		}
	}
	data := make([]T, shape.Size())
	if err := tensor.Flatten(data, t); err != nil {
		return nil, backend.Errorf(backend.Invalid, "transfer", "%w", err)
	}
	return s.client.Upload(data, shape)
}

// element is the type in which a value leaves.
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

// download copies a value of the program out.
func (s *session) download(b engine.Buffer, name string, groups int) (tensor.Tensor, error) {
	t := s.types[name]
	out, err := tensor.Zeros(s.element(t.Kind), t.Shape.At(groups)...)
	if err != nil {
		return out, backend.Errorf(backend.Internal, "transfer", "%s: %w", name, err)
	}
	if t.Kind == program.Index {
		data, _ := tensor.Data[int32](out)
		return out, s.client.Download(b, data)
	}
	flat, err := tensor.FromBytes(s.precision, out.Bytes(), s.stored(name, groups).Size())
	if err != nil {
		return out, backend.Errorf(backend.Internal, "transfer", "%s: %w", name, err)
	}
	if s.precision == tensor.Float64 {
		data, _ := tensor.Data[float64](flat)
		return out, s.client.Download(b, data)
	}
	data, _ := tensor.Data[float32](flat)
	return out, s.client.Download(b, data)
}
