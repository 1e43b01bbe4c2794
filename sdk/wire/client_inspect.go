package wire

import (
	"context"

	"google.golang.org/grpc"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/tensor"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

type inspectCall func(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[pb.InspectRequest, pb.InspectResponse], error)

func (s *remote) inspect(ctx context.Context, op string, rpc inspectCall, b backend.BatchRef, names []string) (loss backend.Loss, tensors map[string]tensor.Tensor, err error) {
	err = s.call(ctx, op, func(ctx context.Context) error {
		stream, err := rpc(ctx)
		if err != nil {
			return err
		}
		var out outbox
		head := &pb.InspectHead{
			Session:     s.id,
			Dataset:     string(b.Dataset),
			Batch:       out.batch(b.Batch),
			LossWeights: b.LossWeights,
			Names:       names,
		}
		err = stream.Send(&pb.InspectRequest{Part: &pb.InspectRequest_Head{Head: head}})
		if err == nil {
			err = out.flush(func(c []byte) error {
				return stream.Send(&pb.InspectRequest{Part: &pb.InspectRequest_Chunk{Chunk: c}})
			})
		}
		if err := sent(err, stream.CloseSend); err != nil {
			return err
		}
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if m.GetInspected() == nil {
			return malformed("inspected values were expected")
		}
		if err := s.expected.checkInspected(op, m.GetInspected(), names, b); err != nil {
			return err
		}
		loss = backend.Loss{Value: m.GetInspected().GetLoss(), Scalars: sumsIn(m.GetInspected().GetScalars())}
		if tensors, err = chunked(stream.Recv).named(m.GetInspected().GetTensors()); err != nil {
			return err
		}
		return finish(stream.Recv)
	})
	if err != nil {
		return backend.Loss{}, nil, err
	}
	return loss, tensors, nil
}
