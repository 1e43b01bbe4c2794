package wire

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// session passes the backend one call at a time, as the contract guarantees, even if a host abandons a call and makes the
// next before the backend has noticed.
type session struct {
	backend.Session
	turn   chan struct{} // holds one token: the right to call
	events *events

	mu     sync.Mutex
	cancel context.CancelFunc // of the running call
	closed bool
}

func newSession(b backend.Session, e *events) *session {
	s := &session{Session: b, turn: make(chan struct{}, 1), events: e}
	s.turn <- struct{}{}
	return s
}

// enter waits for the session's turn. The returned context ends with the session.
func (s *session) enter(ctx context.Context) (context.Context, func(), error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.turn <- struct{}{}
		return nil, nil, backend.Errorf(backend.NotFound, "session", "the session is closed")
	}
	ctx, s.cancel = context.WithCancel(ctx)
	cancel := s.cancel
	return ctx, func() {
		cancel()
		s.turn <- struct{}{}
	}, nil
}

// close cancels the running call, waits for it until ctx ends, and closes the session.
func (s *session) close(ctx context.Context) error {
	defer s.events.close()
	s.mu.Lock()
	s.closed = true
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }() // waiting calls then find the session closed
		return s.Close()
	case <-ctx.Done():
		return backend.Errorf(backend.Internal, "close", "a cancelled call did not end")
	}
}

// in runs f as the only call of a session.
func (s *Server) in(ctx context.Context, id uint64, f func(ctx context.Context, sess *session) error) error {
	sess, err := s.session(id)
	if err != nil {
		return err
	}
	ctx, leave, err := sess.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return f(ctx, sess)
}

// SetState replaces the state.
func (s *Server) SetState(stream grpc.ClientStreamingServer[pb.SetStateRequest, pb.SetStateResponse]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	if m.GetHead() == nil {
		return malformed("set state starts without a head")
	}
	if _, err := s.session(m.GetHead().GetSession()); err != nil {
		return err
	}
	st, err := chunked(stream.Recv).state(m.GetHead())
	if err != nil {
		return err
	}
	err = s.in(stream.Context(), m.GetHead().GetSession(), func(ctx context.Context, sess *session) error {
		return sess.SetState(ctx, st)
	})
	if err != nil {
		return err
	}
	return stream.SendAndClose(&pb.SetStateResponse{})
}

// State sends a copy of the state.
func (s *Server) State(m *pb.StateRequest, stream grpc.ServerStreamingServer[pb.StateResponse]) error {
	return s.in(stream.Context(), m.GetSession(), func(ctx context.Context, sess *session) error {
		st, err := sess.State(ctx)
		if err != nil {
			return err
		}
		var out outbox
		head := out.state(m.GetSession(), st)
		if err := stream.Send(&pb.StateResponse{Part: &pb.StateResponse_Head{Head: head}}); err != nil {
			return err
		}
		return out.flush(func(c []byte) error {
			return stream.Send(&pb.StateResponse{Part: &pb.StateResponse_Chunk{Chunk: c}})
		})
	})
}

// Bind binds a dataset.
func (s *Server) Bind(stream grpc.ClientStreamingServer[pb.BindRequest, pb.BindResponse]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	if m.GetHead() == nil {
		return malformed("bind starts without a head")
	}
	if _, err := s.session(m.GetHead().GetSession()); err != nil {
		return err
	}
	d, err := chunked(stream.Recv).dataset(m.GetHead())
	if err != nil {
		return err
	}
	var id backend.DatasetID
	err = s.in(stream.Context(), m.GetHead().GetSession(), func(ctx context.Context, sess *session) error {
		id, err = sess.Bind(ctx, d)
		return err
	})
	if err != nil {
		return err
	}
	return stream.SendAndClose(&pb.BindResponse{Dataset: string(id)})
}

// Step runs optimiser steps.
func (s *Server) Step(stream grpc.BidiStreamingServer[pb.StepRequest, pb.StepResponse]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	head := m.GetHead()
	if head == nil {
		return malformed("step starts without a head")
	}
	if _, err := s.session(head.GetSession()); err != nil {
		return err
	}
	p := stepPlan(head)
	in := chunked(stream.Recv)
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if m.GetStep() == nil {
			return malformed("a step plan contains a message that is not a step")
		}
		st, err := in.step(m.GetStep())
		if err != nil {
			return err
		}
		p.Steps = append(p.Steps, st)
	}
	return s.in(stream.Context(), head.GetSession(), func(ctx context.Context, sess *session) error {
		return sess.Step(ctx, p, oneAtATime(func(r backend.StepResult) error {
			return stream.Send(stepResultOut(r))
		}))
	})
}

// oneAtATime serialises emit, so that a backend which emits from several goroutines cannot corrupt the stream.
func oneAtATime[R any](emit func(R) error) func(R) error {
	var mu sync.Mutex
	return func(r R) error {
		mu.Lock()
		defer mu.Unlock()
		return emit(r)
	}
}

// batchPart is a message of a plan of batches.
type batchPart interface {
	GetBatch() *pb.Batch
	GetChunk() []byte
}

func planBatches[M batchPart](recv func() (M, error)) ([]backend.Batch, error) {
	in := chunked(recv)
	var out []backend.Batch
	for {
		m, err := recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if m.GetBatch() == nil {
			return nil, malformed("a plan contains a message that is not a batch")
		}
		b, err := in.batch(m.GetBatch())
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
}

// Evaluate computes scalars.
func (s *Server) Evaluate(stream grpc.BidiStreamingServer[pb.EvaluateRequest, pb.EvaluateResult]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	head := m.GetHead()
	if head == nil {
		return malformed("evaluate starts without a head")
	}
	if _, err := s.session(head.GetSession()); err != nil {
		return err
	}
	p := backend.EvalPlan{Dataset: backend.DatasetID(head.GetDataset()), EMA: head.GetEma()}
	if p.Batches, err = planBatches(stream.Recv); err != nil {
		return err
	}
	return s.in(stream.Context(), head.GetSession(), func(ctx context.Context, sess *session) error {
		return sess.Evaluate(ctx, p, oneAtATime(func(r backend.EvalResult) error {
			return stream.Send(evalResultOut(r))
		}))
	})
}

// Reconstruct predicts patches.
func (s *Server) Reconstruct(stream grpc.BidiStreamingServer[pb.ReconstructRequest, pb.ReconstructResponse]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	head := m.GetHead()
	if head == nil {
		return malformed("reconstruct starts without a head")
	}
	if _, err := s.session(head.GetSession()); err != nil {
		return err
	}
	p := backend.ReconPlan{Dataset: backend.DatasetID(head.GetDataset()), EMA: head.GetEma()}
	if p.Batches, err = planBatches(stream.Recv); err != nil {
		return err
	}
	return s.in(stream.Context(), head.GetSession(), func(ctx context.Context, sess *session) error {
		return sess.Reconstruct(ctx, p, oneAtATime(func(r backend.Patches) error {
			var out outbox
			patches := &pb.Patches{Batch: int64(r.Batch), Data: out.tensor(r.Data)}
			err := stream.Send(&pb.ReconstructResponse{Part: &pb.ReconstructResponse_Patches{Patches: patches}})
			if err != nil {
				return err
			}
			return out.flush(func(c []byte) error {
				return stream.Send(&pb.ReconstructResponse{Part: &pb.ReconstructResponse_Chunk{Chunk: c}})
			})
		}))
	})
}

type inspectStream = grpc.BidiStreamingServer[pb.InspectRequest, pb.InspectResponse]

// Forward returns named intermediate values.
func (s *Server) Forward(stream inspectStream) error {
	return s.inspect(stream, func(ctx context.Context, i backend.Inspector, b backend.BatchRef, names []string) (l backend.Loss, t map[string]tensor.Tensor, err error) {
		t, err = i.Forward(ctx, b, names...)
		return l, t, err
	})
}

// Gradient returns the loss and the gradients.
func (s *Server) Gradient(stream inspectStream) error {
	return s.inspect(stream, func(ctx context.Context, i backend.Inspector, b backend.BatchRef, names []string) (backend.Loss, map[string]tensor.Tensor, error) {
		return i.Gradient(ctx, b, names...)
	})
}

func (s *Server) inspect(stream inspectStream, f func(context.Context, backend.Inspector, backend.BatchRef, []string) (backend.Loss, map[string]tensor.Tensor, error)) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	head := m.GetHead()
	if head == nil {
		return malformed("inspect starts without a head")
	}
	b, err := chunked(stream.Recv).batch(head.GetBatch())
	if err != nil {
		return err
	}
	ref := backend.BatchRef{
		Dataset:     backend.DatasetID(head.GetDataset()),
		Batch:       b,
		LossWeights: head.GetLossWeights(),
	}
	return s.in(stream.Context(), head.GetSession(), func(ctx context.Context, sess *session) error {
		i, ok := sess.Session.(backend.Inspector)
		if !ok {
			return backend.Errorf(backend.Unsupported, "inspect", "this backend does not support inspection")
		}
		loss, tensors, err := f(ctx, i, ref, head.GetNames())
		if err != nil {
			return err
		}
		var out outbox
		res := &pb.Inspected{Loss: loss.Value, Scalars: sumsOut(loss.Scalars), Tensors: out.named(tensors)}
		if err := stream.Send(&pb.InspectResponse{Part: &pb.InspectResponse_Inspected{Inspected: res}}); err != nil {
			return err
		}
		return out.flush(func(c []byte) error {
			return stream.Send(&pb.InspectResponse{Part: &pb.InspectResponse_Chunk{Chunk: c}})
		})
	})
}

// Stop asks the running call to end soon. It does not wait for the session's turn.
func (s *Server) Stop(ctx context.Context, m *pb.StopRequest) (*pb.StopResponse, error) {
	sess, err := s.session(m.GetSession())
	if err != nil {
		return nil, err
	}
	return &pb.StopResponse{}, sess.Stop(ctx)
}

// CloseSession cancels the running call of a session and closes the session.
func (s *Server) CloseSession(ctx context.Context, m *pb.CloseSessionRequest) (*pb.CloseSessionResponse, error) {
	sess, err := s.remove(m.GetSession())
	if err != nil {
		return nil, err
	}
	return &pb.CloseSessionResponse{}, sess.close(ctx)
}
