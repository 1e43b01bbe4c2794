package wire

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// remote is a session on the other side.
type remote struct {
	client *Client
	id     uint64
	params []program.ParamSpec

	expected      *expectation
	history       *history
	bound         map[backend.DatasetID]bool
	events        int                   // received so far, first by Open and then by the stream of events
	broken        atomic.Pointer[error] // the fault found in the stream of events
	stopRequested atomic.Bool           // Stop was called since the last plan ended
	// unlisten waits for the last events of the session after it is closed; nil if the stream was never opened.
	unlisten func()
}

// inspector is a remote session that implements backend.Inspector.
type inspector struct{ *remote }

var (
	_ backend.Session   = (*remote)(nil)
	_ backend.Inspector = (*inspector)(nil)
)

func (s *remote) Params() []program.ParamSpec { return slices.Clone(s.params) }

// call runs a call of the client, or returns the fault found in the events so far.
func (s *remote) call(ctx context.Context, op string, f func(ctx context.Context) error) error {
	return s.client.call(ctx, op, func(ctx context.Context) error {
		if err := s.broken.Load(); err != nil {
			return *err
		}
		return f(ctx)
	})
}

func (s *remote) SetState(ctx context.Context, st backend.State) error {
	err := s.call(ctx, "set state", func(ctx context.Context) error {
		stream, err := s.client.rpc.SetState(ctx)
		if err != nil {
			return err
		}
		var out outbox
		head := out.state(s.id, st)
		err = stream.Send(&pb.SetStateRequest{Part: &pb.SetStateRequest_Head{Head: head}})
		if err == nil {
			err = out.flush(func(c []byte) error {
				return stream.Send(&pb.SetStateRequest{Part: &pb.SetStateRequest_Chunk{Chunk: c}})
			})
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		_, err = stream.CloseAndRecv()
		return err
	})
	if err == nil {
		s.history.replaced(st)
	}
	return err
}

func (s *remote) State(ctx context.Context) (st backend.State, err error) {
	err = s.call(ctx, "state", func(ctx context.Context) error {
		stream, err := s.client.rpc.State(ctx, &pb.StateRequest{Session: s.id})
		if err != nil {
			return err
		}
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if m.GetHead() == nil {
			return malformed("the state starts without a head")
		}
		if err := s.expected.checkStateHead(m.GetHead(), s.id, s.history); err != nil {
			return err
		}
		if st, err = chunked(stream.Recv).state(m.GetHead()); err != nil {
			return err
		}
		if err := finish(stream.Recv); err != nil {
			return err
		}
		return s.history.checkState(st)
	})
	if err != nil {
		return backend.State{}, err
	}
	return st, nil
}

func (s *remote) Bind(ctx context.Context, d backend.Dataset) (id backend.DatasetID, err error) {
	if err := checkStored(s.client.info, d); err != nil {
		return "", err
	}
	var out outbox
	head, err := out.dataset(s.id, d)
	if err != nil {
		return "", err
	}
	err = s.call(ctx, "bind", func(ctx context.Context) error {
		stream, err := s.client.rpc.Bind(ctx)
		if err != nil {
			return err
		}
		err = stream.Send(&pb.BindRequest{Part: &pb.BindRequest_Head{Head: head}})
		if err == nil {
			err = out.flush(func(c []byte) error {
				return stream.Send(&pb.BindRequest{Part: &pb.BindRequest_Chunk{Chunk: c}})
			})
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		m, err := stream.CloseAndRecv()
		if err != nil {
			return err
		}
		return checkDatasetID(m.GetDataset(), s.bound, &id)
	})
	return id, err
}

func (s *remote) Step(ctx context.Context, p backend.StepPlan, emit func(backend.StepResult) error) error {
	before := *s.history
	s.history.requested(p)
	defer s.stopRequested.Store(false)
	results, last := 0, int64(0)
	err := s.call(ctx, "step", func(ctx context.Context) error {
		stream, err := s.client.rpc.Step(ctx)
		if err != nil {
			return err
		}
		send := func() error {
			if err := stream.Send(&pb.StepRequest{Part: &pb.StepRequest_Head{Head: stepHead(s.id, p)}}); err != nil {
				return err
			}
			for _, st := range p.Steps {
				var out outbox
				if err := stream.Send(&pb.StepRequest{Part: &pb.StepRequest_Step{Step: out.step(st)}}); err != nil {
					return err
				}
				err := out.flush(func(c []byte) error {
					return stream.Send(&pb.StepRequest{Part: &pb.StepRequest_Chunk{Chunk: c}})
				})
				if err != nil {
					return err
				}
			}
			return nil
		}
		if err := sent(send(), stream.CloseSend); err != nil {
			return err
		}
		err = each(ctx, stream.Recv, func(m *pb.StepResponse) error {
			if err := s.expected.checkStep(m, results, p); err != nil {
				return err
			}
			results, last = results+1, m.GetNumber()
			return deliver(emit, stepResultIn(m))
		})
		if err != nil {
			return err
		}
		return checkEnd("step", results, len(p.Steps), s.stopRequested.Load())
	})
	if err == nil {
		s.history.done(p, before, last)
	}
	return err
}

// each reads a stream to its end and passes each message to f. At the end of ctx it stops, even if all messages have arrived.
func each[M any](ctx context.Context, recv func() (M, error), f func(M) error) error {
	for {
		m, err := recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := f(m); err != nil {
			return err
		}
	}
}

func deliver[R any](emit func(R) error, r R) error {
	if err := emit(r); err != nil {
		return emitError{err}
	}
	return nil
}

// sendBatches sends the batches of a plan one after the other.
func sendBatches(batches []backend.Batch, batch func(*pb.Batch) error, chunk func([]byte) error) error {
	for _, b := range batches {
		var out outbox
		if err := batch(out.batch(b)); err != nil {
			return err
		}
		if err := out.flush(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (s *remote) Evaluate(ctx context.Context, p backend.EvalPlan, emit func(backend.EvalResult) error) error {
	defer s.stopRequested.Store(false)
	return s.call(ctx, "evaluate", func(ctx context.Context) error {
		stream, err := s.client.rpc.Evaluate(ctx)
		if err != nil {
			return err
		}
		head := &pb.EvaluateHead{Session: s.id, Dataset: string(p.Dataset), Ema: p.EMA}
		err = stream.Send(&pb.EvaluateRequest{Part: &pb.EvaluateRequest_Head{Head: head}})
		if err == nil {
			err = sendBatches(p.Batches, func(b *pb.Batch) error {
				return stream.Send(&pb.EvaluateRequest{Part: &pb.EvaluateRequest_Batch{Batch: b}})
			}, func(c []byte) error {
				return stream.Send(&pb.EvaluateRequest{Part: &pb.EvaluateRequest_Chunk{Chunk: c}})
			})
		}
		if err := sent(err, stream.CloseSend); err != nil {
			return err
		}
		results := 0
		err = each(ctx, stream.Recv, func(m *pb.EvaluateResult) error {
			if err := s.expected.checkEvaluation(m, results, p); err != nil {
				return err
			}
			results++
			return deliver(emit, evalResultIn(m))
		})
		if err != nil {
			return err
		}
		return checkEnd("evaluate", results, len(p.Batches), s.stopRequested.Load())
	})
}

func (s *remote) Reconstruct(ctx context.Context, p backend.ReconPlan, emit func(backend.Patches) error) error {
	defer s.stopRequested.Store(false)
	return s.call(ctx, "reconstruct", func(ctx context.Context) error {
		stream, err := s.client.rpc.Reconstruct(ctx)
		if err != nil {
			return err
		}
		head := &pb.ReconstructHead{Session: s.id, Dataset: string(p.Dataset), Ema: p.EMA}
		err = stream.Send(&pb.ReconstructRequest{Part: &pb.ReconstructRequest_Head{Head: head}})
		if err == nil {
			err = sendBatches(p.Batches, func(b *pb.Batch) error {
				return stream.Send(&pb.ReconstructRequest{Part: &pb.ReconstructRequest_Batch{Batch: b}})
			}, func(c []byte) error {
				return stream.Send(&pb.ReconstructRequest{Part: &pb.ReconstructRequest_Chunk{Chunk: c}})
			})
		}
		if err := sent(err, stream.CloseSend); err != nil {
			return err
		}
		return s.patches(ctx, stream.Recv, p, emit)
	})
}

// patches receives the patches of a plan.
func (s *remote) patches(ctx context.Context, recv func() (*pb.ReconstructResponse, error), p backend.ReconPlan, emit func(backend.Patches) error) error {
	in, results := chunked(recv), 0
	err := each(ctx, recv, func(m *pb.ReconstructResponse) error {
		if m.GetPatches() == nil {
			return malformed("patches were expected")
		}
		if err := s.expected.checkPatches(m.GetPatches(), results, p); err != nil {
			return err
		}
		data, err := in.tensor(m.GetPatches().GetData())
		if err != nil {
			return err
		}
		if err := finitePatches(data, results, p.Batches[results]); err != nil {
			return err
		}
		results++
		return deliver(emit, backend.Patches{Batch: int(m.GetPatches().GetBatch()), Data: data})
	})
	if err != nil {
		return err
	}
	return checkEnd("reconstruct", results, len(p.Batches), s.stopRequested.Load())
}

func (s *remote) Stop(ctx context.Context) error {
	s.stopRequested.Store(true)
	return s.client.call(ctx, "stop", func(ctx context.Context) error {
		_, err := s.client.rpc.Stop(ctx, &pb.StopRequest{Session: s.id})
		return err
	})
}

// closeWait limits Close, which has no context: a plugin that hangs must not block the end of the host.
const closeWait = 10 * time.Second

func (s *remote) Close() error {
	ctx, cancel := s.client.hurried(context.Background(), closeWait)
	defer cancel()
	err := s.client.call(ctx, "close", func(ctx context.Context) error {
		_, err := s.client.rpc.CloseSession(ctx, &pb.CloseSessionRequest{Session: s.id})
		return err
	})
	if s.unlisten != nil {
		s.unlisten()
	}
	return err
}

func (s *inspector) Forward(ctx context.Context, b backend.BatchRef, taps ...string) (map[string]tensor.Tensor, error) {
	_, t, err := s.inspect(ctx, "forward", s.client.rpc.Forward, b, taps)
	return t, err
}

func (s *inspector) Gradient(ctx context.Context, b backend.BatchRef, params ...string) (backend.Loss, map[string]tensor.Tensor, error) {
	return s.inspect(ctx, "gradient", s.client.rpc.Gradient, b, params)
}
