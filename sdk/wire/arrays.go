package wire

import (
	"errors"
	"io"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// outbox collects the arrays of a head while it is built, so that their bytes are sent after it.
type outbox struct {
	inlined int
	queue   []payload
}

// payload writes the bytes of one array.
type payload func(w io.Writer) error

// tensor describes t; nil represents the empty Tensor.
func (o *outbox) tensor(t tensor.Tensor) *pb.Tensor {
	if t.IsZero() {
		return nil
	}
	m := &pb.Tensor{Dtype: pb.DType(t.DType()), Shape: extents(t.Shape())}
	raw := t.Bytes()
	if o.inlined+len(raw) <= inlineSize {
		o.inlined += len(raw)
		m.Data = raw
		return m
	}
	o.queue = append(o.queue, func(w io.Writer) error {
		_, err := w.Write(raw)
		return err
	})
	return m
}

func (o *outbox) named(tensors map[string]tensor.Tensor) []*pb.NamedTensor {
	out := make([]*pb.NamedTensor, 0, len(tensors))
	for _, name := range sortedKeys(tensors) {
		out = append(out, &pb.NamedTensor{Name: name, Tensor: o.tensor(tensors[name])})
	}
	return out
}

// flush sends the bytes of the queued arrays as chunks. No chunk holds bytes of two arrays.
func (o *outbox) flush(send func(chunk []byte) error) error {
	for _, p := range o.queue {
		c := &chunker{send: send}
		if err := p(c); err != nil {
			return err
		}
		if err := c.rest(); err != nil {
			return err
		}
	}
	o.queue = nil
	return nil
}

// chunker splits written bytes into chunks. Long writes are sent without a copy.
type chunker struct {
	send func([]byte) error
	part []byte
}

func (c *chunker) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(c.part) == 0 && len(b) >= chunkSize {
			if err := c.send(b[:chunkSize]); err != nil {
				return 0, err
			}
			b = b[chunkSize:]
			continue
		}
		k := min(chunkSize-len(c.part), len(b))
		c.part = append(c.part, b[:k]...)
		b = b[k:]
		if len(c.part) == chunkSize {
			if err := c.rest(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (c *chunker) rest() error {
	if len(c.part) == 0 {
		return nil
	}
	err := c.send(c.part)
	c.part = c.part[:0]
	return err
}

// inbox reads the arrays of a head from the chunks after it. Read the arrays in the head's order.
type inbox struct {
	next func() ([]byte, error) // returns the bytes of the next message, nil when it is not a chunk
}

// chunked returns the inbox of a stream.
func chunked[M interface{ GetChunk() []byte }](recv func() (M, error)) *inbox {
	return &inbox{next: func() ([]byte, error) {
		m, err := recv()
		if err != nil {
			return nil, err
		}
		return m.GetChunk(), nil
	}}
}

// firstAllocation limits what is allocated from a described size alone. More is allocated as the bytes arrive.
const firstAllocation = 64 << 20

// tensor reads an array. A nil m is the empty Tensor.
func (in *inbox) tensor(m *pb.Tensor) (tensor.Tensor, error) {
	if m == nil {
		return tensor.Tensor{}, nil
	}
	d := tensor.DType(m.Dtype)
	shape, err := intExtents(m.Shape)
	if err != nil {
		return tensor.Tensor{}, err
	}
	n, err := tensor.Count(shape)
	if err != nil || d.Size() == 0 || m.Dtype > 255 {
		return tensor.Tensor{}, malformed("array of type %v and shape %v", m.Dtype, m.Shape)
	}
	size := n * d.Size()
	raw := m.Data
	if len(raw) == 0 {
		if raw, err = in.bytes(size); err != nil {
			return tensor.Tensor{}, err
		}
	}
	t, err := tensor.FromBytes(d, raw, shape...)
	if err != nil {
		return tensor.Tensor{}, malformed("%w", err)
	}
	return t, nil
}

func (in *inbox) bytes(size int) ([]byte, error) {
	var raw []byte
	for len(raw) < size {
		chunk, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil, malformed("an array ends after %d of %d bytes", len(raw), size)
		}
		if err != nil {
			return nil, err
		}
		if len(chunk) == 0 || len(chunk) > size-len(raw) {
			return nil, malformed("received a chunk of %d bytes where %d remain", len(chunk), size-len(raw))
		}
		if len(raw) == 0 && len(chunk) == size {
			return chunk, nil // not shared: decoding has allocated it
		}
		if free := cap(raw) - len(raw); free < len(chunk) {
			want := min(size, max(2*cap(raw), min(size, firstAllocation)))
			grown := make([]byte, len(raw), max(want, len(raw)+len(chunk)))
			copy(grown, raw)
			raw = grown
		}
		raw = append(raw, chunk...)
	}
	return raw, nil
}

func (in *inbox) named(list []*pb.NamedTensor) (map[string]tensor.Tensor, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make(map[string]tensor.Tensor, min(len(list), 1<<16))
	for _, m := range list {
		t, err := in.tensor(m.GetTensor())
		if err != nil {
			return nil, err
		}
		if _, ok := out[m.GetName()]; ok {
			return nil, malformed("two arrays have the name %q", m.GetName())
		}
		out[m.GetName()] = t
	}
	return out, nil
}

// flat reads an array as a slice, whatever its shape. A missing array is nil.
func flat[T tensor.Element](in *inbox, m *pb.Tensor) ([]T, error) {
	t, err := in.tensor(m)
	if err != nil || t.IsZero() {
		return nil, err
	}
	s, err := tensor.Data[T](t)
	if err != nil {
		return nil, malformed("%w", err)
	}
	return s, nil
}

// vector describes a slice; nil stays nil.
func vector[T tensor.Element](o *outbox, s []T) *pb.Tensor {
	if s == nil {
		return nil
	}
	return o.tensor(tensor.Must(s, len(s)))
}

// protocolOp is the operation named in errors about messages that violate the protocol.
const protocolOp = "protocol"

func malformed(format string, args ...any) error {
	return backend.Errorf(backend.Invalid, protocolOp, format, args...)
}

func extents(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}

func intExtents(shape []int64) ([]int, error) {
	if len(shape) > 32 { // numpy's limit; programs have at most 8
		return nil, malformed("array with %d axes", len(shape))
	}
	out := make([]int, len(shape))
	for i, d := range shape {
		if d < 0 || int64(int(d)) != d {
			return nil, malformed("array of shape %v", shape)
		}
		out[i] = int(d)
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
