package wire

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// ClientOptions describe the process behind a Client's connection.
type ClientOptions struct {
	// Name names the plugin in errors until Info has returned the backend's own name.
	Name string
	// Gone is closed when the process has ended, which ends its calls too. Nil: never.
	Gone <-chan struct{}
	// Lost returns the error for a call whose connection broke. Nil: the error of the connection, as Crashed.
	Lost func(op string, err error) error
	// Silence configures the reaction to a process that does not answer.
	Silence Silence
	// Hurry is closed when a user waits for the end of the run: closing a session is then limited to a moment.
	Hurry <-chan struct{}
}

// Client is a backend behind a connection.
type Client struct {
	rpc  pb.BackendClient
	o    ClientOptions
	info backend.Info

	ending atomic.Bool  // Shutdown was called
	beats  atomic.Int64 // messages of the other side
}

var _ backend.Backend = (*Client)(nil)

// NewClient requests the Info of the other side once and keeps it.
func NewClient(ctx context.Context, conn grpc.ClientConnInterface, o ClientOptions) (*Client, error) {
	c := &Client{o: o}
	c.rpc = pb.NewBackendClient(heartbeat{conn, &c.beats})
	err := c.call(ctx, "info", func(ctx context.Context) error {
		m, err := c.rpc.Info(ctx, &pb.InfoRequest{
			ProtocolMajor: backend.ProtocolMajor,
			ProtocolMinor: backend.ProtocolMinor,
		})
		if err != nil {
			return err
		}
		if err := checkInfo(m); err != nil {
			return err
		}
		c.info = infoIn(m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func infoIn(m *pb.InfoResponse) backend.Info {
	i := backend.Info{
		Name:          m.GetName(),
		Version:       m.GetVersion(),
		Engine:        m.GetEngine(),
		ProtocolMajor: int(m.GetProtocolMajor()),
		ProtocolMinor: int(m.GetProtocolMinor()),
	}
	for _, c := range m.GetCapabilities() {
		i.Capabilities = append(i.Capabilities, backend.Capability(c))
	}
	for _, d := range m.GetDtypes() {
		i.DTypes = append(i.DTypes, tensor.DType(d))
	}
	for _, o := range m.GetOperations() {
		i.Operations = append(i.Operations, program.OpKind(o))
	}
	return i
}

// emitError marks an error of the caller's own emit function: it is returned unchanged.
type emitError struct{ err error }

func (e emitError) Error() string { return e.err.Error() }

// call runs f with a context that ends when the process ends or f returns, and translates its error.
func (c *Client) call(ctx context.Context, op string, f func(ctx context.Context) error) error {
	// The deadline stays on this side: otherwise the other side's clock could end the call before this side gives the
	// reason.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	if c.o.Gone != nil {
		go func() {
			select {
			case <-c.o.Gone:
				cancel()
			case <-inner.Done():
			}
		}()
	}
	err := c.watched(inner, op, f)
	if err == nil {
		return nil
	}
	var mine emitError
	var known *backend.Error
	switch {
	case errors.As(err, &mine):
		return mine.err
	case ctx.Err() != nil:
		cause := context.Cause(ctx)
		return &backend.Error{Kind: backend.Cancelled, Op: op, What: cause.Error(), Err: cause}
	case errors.As(err, &known):
		return c.named(known)
	case errors.Is(err, io.EOF):
		return c.named(backend.Errorf(backend.Internal, op, "the plugin's answer ended too early"))
	}
	e, lost := fromStatus(op, err)
	if lost || c.gone() {
		if c.o.Lost != nil {
			return c.o.Lost(op, errors.New(e.What))
		}
		e.Kind = backend.Crashed
	}
	if e.Kind == backend.Cancelled {
		e.Err = context.Canceled
	}
	return c.named(c.uncancelled(e))
}

func (c *Client) gone() bool {
	select {
	case <-c.o.Gone:
		return true
	default:
		return false
	}
}

// Info returns what the other side reported when the Client was created.
func (c *Client) Info() backend.Info { return c.info }

// Devices lists the devices.
func (c *Client) Devices(ctx context.Context) (out []backend.Device, err error) {
	err = c.call(ctx, "devices", func(ctx context.Context) error {
		m, err := c.rpc.Devices(ctx, &pb.DevicesRequest{})
		if err == nil {
			out, err = devicesIn(m)
		}
		return err
	})
	return out, err
}

// Open compiles a program on the other side. The Session implements backend.Inspector if the other side's session does.
func (c *Client) Open(ctx context.Context, o backend.OpenOptions) (backend.Session, error) {
	if o.Program == nil {
		return nil, backend.Errorf(backend.Invalid, "open", "the program is missing")
	}
	raw, err := o.Program.Encode()
	if err != nil {
		return nil, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	var opened *pb.Opened
	s := &remote{client: c, params: slices.Clone(o.Program.Params), expected: newExpectation(o.Program, o.DType), history: newHistory(), bound: map[backend.DatasetID]bool{}}
	err = c.call(ctx, "open", func(ctx context.Context) error {
		stream, err := c.rpc.Open(ctx)
		if err != nil {
			return err
		}
		if err := sendOpen(stream, o, raw); err != nil {
			return err
		}
		for opened == nil {
			m, err := stream.Recv()
			if err != nil {
				return err
			}
			if opened = m.GetOpened(); opened == nil {
				if err := s.event(m.GetEvent(), o.Progress); err != nil {
					return err
				}
			}
		}
		if err := checkOpened(opened, o.Program); err != nil {
			return err
		}
		params, err := flat[uint8](chunked(stream.Recv), opened.GetParams())
		if err != nil {
			return err
		}
		if err := checkParams(params, o.Program); err != nil {
			return err
		}
		return finish(stream.Recv)
	})
	if err != nil {
		return nil, err
	}
	s.id = opened.GetSession()
	if err := s.listen(ctx, o.Progress); err != nil {
		return nil, err
	}
	if opened.GetInspects() {
		return &inspector{s}, nil
	}
	return s, nil
}

func sendOpen(stream grpc.BidiStreamingClient[pb.OpenRequest, pb.OpenResponse], o backend.OpenOptions, prog []byte) error {
	var out outbox
	err := stream.Send(&pb.OpenRequest{Part: &pb.OpenRequest_Head{Head: out.openHead(o, prog)}})
	if err == nil {
		err = out.flush(func(b []byte) error {
			return stream.Send(&pb.OpenRequest{Part: &pb.OpenRequest_Chunk{Chunk: b}})
		})
	}
	return sent(err, stream.CloseSend)
}

func (o *outbox) openHead(options backend.OpenOptions, prog []byte) *pb.OpenHead {
	return &pb.OpenHead{
		Program:       vector(o, prog),
		Devices:       options.Devices,
		Dtype:         pb.DType(options.DType),
		Threads:       int32(options.Threads),
		Workers:       int32(options.Workers),
		Prefetch:      int32(options.Prefetch),
		Persistent:    options.Persistent,
		PinMemory:     options.PinMemory,
		Strategy:      options.Strategy,
		MemoryLimit:   options.MemoryLimit,
		Tf32:          options.TF32,
		Deterministic: options.Deterministic,
		Train:         options.Train,
	}
}

// sent closes the sending half of a stream. An error io.EOF, meaning that the other side has already answered, is left to
// the receiving half.
func sent(err error, closeSend func() error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return closeSend()
}

// finish reads the end of a stream, so that the status after the last message is not missed.
func finish[M any](recv func() (M, error)) error {
	switch _, err := recv(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return malformed("the answer continues after its end")
}

// Shutdown asks the other side to close its sessions and to end.
func (c *Client) Shutdown(ctx context.Context) error {
	c.ending.Store(true)
	return c.call(ctx, "shutdown", func(ctx context.Context) error {
		_, err := c.rpc.Shutdown(ctx, &pb.ShutdownRequest{})
		return err
	})
}
