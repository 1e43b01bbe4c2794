package wire

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// Server serves a backend over gRPC.
type Server struct {
	pb.UnimplementedBackendServer
	backend backend.Backend
	log     *slog.Logger
	ended   func() // called after Shutdown has answered

	mu       sync.Mutex
	last     uint64
	sessions map[uint64]*session
	opening  map[*context.CancelFunc]struct{}
	closing  bool
}

// NewServer wraps b. ended is called after the host has requested the end and everything is closed.
func NewServer(b backend.Backend, log *slog.Logger, ended func()) *Server {
	return &Server{
		backend:  b,
		log:      log,
		ended:    ended,
		sessions: map[uint64]*session{},
		opening:  map[*context.CancelFunc]struct{}{},
	}
}

// Options returns the options that the gRPC server needs: limits, and interceptors that convert errors and turn a panic of
// the backend into an error of the call.
func (s *Server) Options() []grpc.ServerOption {
	return append(serverLimits(),
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (resp any, err error) {
			defer func() { err = s.outcome(info.FullMethod, info.Server, err, recover()) }()
			return h(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) (err error) {
			defer func() { err = s.outcome(info.FullMethod, srv, err, recover()) }()
			return h(srv, ss)
		}),
	)
}

func (s *Server) outcome(method string, srv any, err error, panicked any) error {
	if panicked != nil {
		s.log.Error("panic in a call of the backend", "method", method, "panic", panicked, "stack", string(debug.Stack()))
		err = backend.Errorf(backend.Internal, method, "the backend panicked: %v", panicked)
	}
	if srv != any(s) { // health, stdio and others keep their own errors
		return err
	}
	return toStatus(err)
}

// Register adds the service to g, which must have been created with Options.
func (s *Server) Register(g *grpc.Server) { pb.RegisterBackendServer(g, s) }

// Info describes the engine. The version of the protocol is set here, not by the backend.
func (s *Server) Info(context.Context, *pb.InfoRequest) (*pb.InfoResponse, error) {
	i := s.backend.Info()
	m := &pb.InfoResponse{
		Name:          i.Name,
		Version:       i.Version,
		Engine:        i.Engine,
		ProtocolMajor: backend.ProtocolMajor,
		ProtocolMinor: backend.ProtocolMinor,
	}
	for _, c := range i.Capabilities {
		m.Capabilities = append(m.Capabilities, string(c))
	}
	for _, d := range i.DTypes {
		m.Dtypes = append(m.Dtypes, pb.DType(d))
	}
	for _, o := range i.Operations {
		m.Operations = append(m.Operations, string(o))
	}
	return m, nil
}

// Devices lists the devices.
func (s *Server) Devices(ctx context.Context, _ *pb.DevicesRequest) (*pb.DevicesResponse, error) {
	list, err := s.backend.Devices(ctx)
	if err != nil {
		return nil, err
	}
	m := &pb.DevicesResponse{}
	for _, d := range list {
		m.Devices = append(m.Devices, &pb.Device{
			Id: d.ID, Name: d.Name, Usable: d.Usable, Reason: d.Reason, Memory: d.Memory, Cores: int32(d.Cores),
		})
	}
	return m, nil
}

// Open compiles a program.
func (s *Server) Open(stream grpc.BidiStreamingServer[pb.OpenRequest, pb.OpenResponse]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	o, err := openOptions(chunked(stream.Recv), m.GetHead())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	if err := s.admit(&cancel); err != nil {
		return err
	}
	defer s.leave(&cancel)

	var sending sync.Mutex // engines may report progress late and from several goroutines
	compiling, later := true, &events{}
	o.Progress = func(e backend.Event) {
		sending.Lock()
		defer sending.Unlock()
		if !compiling {
			later.put(e)
			return
		}
		// A host that has ended cancels the call by its context.
		_ = stream.Send(&pb.OpenResponse{Part: &pb.OpenResponse_Event{Event: eventOut(e)}})
	}
	opened, err := s.backend.Open(ctx, o)
	sending.Lock()
	compiling = false
	sending.Unlock()
	if err != nil {
		return err
	}
	id, err := s.add(opened, later)
	if err != nil {
		return err
	}
	if err := sendOpened(stream, id, opened); err != nil || ctx.Err() != nil {
		s.drop(context.Background(), id)
		return err
	}
	return nil
}

func openOptions(in *inbox, m *pb.OpenHead) (backend.OpenOptions, error) {
	if m == nil {
		return backend.OpenOptions{}, malformed("open starts without a head")
	}
	raw, err := flat[uint8](in, m.GetProgram())
	if err != nil {
		return backend.OpenOptions{}, err
	}
	p, err := program.Decode(raw)
	if err != nil {
		return backend.OpenOptions{}, backend.Errorf(backend.Invalid, "open", "%w", err)
	}
	return backend.OpenOptions{
		Program:       p,
		Devices:       m.GetDevices(),
		DType:         tensor.DType(m.GetDtype()),
		Threads:       int(m.GetThreads()),
		Workers:       int(m.GetWorkers()),
		Prefetch:      int(m.GetPrefetch()),
		Persistent:    m.GetPersistent(),
		PinMemory:     m.GetPinMemory(),
		Strategy:      m.GetStrategy(),
		MemoryLimit:   m.GetMemoryLimit(),
		TF32:          m.GetTf32(),
		Deterministic: m.GetDeterministic(),
		Train:         m.GetTrain(),
	}, nil
}

func sendOpened(stream grpc.BidiStreamingServer[pb.OpenRequest, pb.OpenResponse], id uint64, opened backend.Session) error {
	params, err := json.Marshal(opened.Params())
	if err != nil {
		return backend.Errorf(backend.Internal, "open", "parameters: %w", err)
	}
	var out outbox
	_, inspects := opened.(backend.Inspector)
	head := &pb.Opened{Session: id, Params: vector(&out, params), Inspects: inspects}
	if err := stream.Send(&pb.OpenResponse{Part: &pb.OpenResponse_Opened{Opened: head}}); err != nil {
		return err
	}
	return out.flush(func(c []byte) error {
		return stream.Send(&pb.OpenResponse{Part: &pb.OpenResponse_Chunk{Chunk: c}})
	})
}

// shutdownGrace limits how long Shutdown waits for cancelled calls before it closes their sessions anyway. A compiler or a
// device may take a second or two to react.
const shutdownGrace = 3 * time.Second

// Shutdown cancels running calls, closes all sessions and ends the server.
func (s *Server) Shutdown(context.Context, *pb.ShutdownRequest) (*pb.ShutdownResponse, error) {
	s.mu.Lock()
	s.closing = true
	for cancel := range s.opening {
		(*cancel)()
	}
	var ids []uint64
	for id := range s.sessions {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() { s.drop(ctx, id) })
	}
	all.Wait()
	go s.ended()
	return &pb.ShutdownResponse{}, nil
}

func (s *Server) admit(cancel *context.CancelFunc) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return backend.Errorf(backend.Cancelled, "open", "the plugin is shutting down")
	}
	s.opening[cancel] = struct{}{}
	return nil
}

func (s *Server) leave(cancel *context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.opening, cancel)
}

func (s *Server) add(b backend.Session, e *events) (uint64, error) {
	s.mu.Lock()
	closing := s.closing
	if !closing {
		s.last++
		s.sessions[s.last] = newSession(b, e)
	}
	id := s.last
	s.mu.Unlock()
	if closing {
		if err := b.Close(); err != nil {
			s.log.Warn("closing a session failed", "error", err)
		}
		return 0, backend.Errorf(backend.Cancelled, "open", "the plugin is shutting down")
	}
	return id, nil
}

// drop closes a session; ctx limits the wait for its running calls.
func (s *Server) drop(ctx context.Context, id uint64) {
	if sess, err := s.remove(id); err == nil {
		if err := sess.close(ctx); err != nil {
			s.log.Warn("closing a session failed", "error", err)
		}
	}
}

func (s *Server) remove(id uint64) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, ok := s.sessions[id]
	if !ok {
		return nil, backend.Errorf(backend.NotFound, "session", "session %d is not open", id)
	}
	delete(s.sessions, id)
	return sess, nil
}

func (s *Server) session(id uint64) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sess, ok := s.sessions[id]; ok {
		return sess, nil
	}
	return nil, backend.Errorf(backend.NotFound, "session", "session %d is not open", id)
}
