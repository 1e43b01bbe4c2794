// Package wire carries the contract of core/backend over gRPC. Client is a backend.Backend that forwards its calls over a
// connection. Server serves a backend.Backend. The protocol is ../proto/ptycho/plugin/v1/plugin.proto. Its generated code
// is internal: both sides use only the types of core.
package wire

import (
	"encoding/binary"
	"errors"

	"google.golang.org/grpc"
)

const (
	// chunkSize is the size of the chunks of arrays by value: 1 GiB takes 1.1 s in chunks of 1 MiB and over 6 s as one
	// message.
	chunkSize = 1 << 20

	// inlineSize limits the bytes of small arrays that a head itself contains, in total. The rows, offsets and weights of a
	// usual batch (under 10 kB) then need no messages of their own.
	inlineSize = 256 << 10

	// maxMessage limits a message that either side accepts. The largest message is a head: inlineSize plus the names and
	// shapes of its arrays, about 100 bytes for each of at most thousands. gRPC's own limit of 4 MiB is enough for chunks,
	// but not for a plan step of very many micro-batches.
	maxMessage = 16 << 20

	// maxStreams limits the concurrent calls. One session has at most two, a plan and its Stop.
	maxStreams = 256
)

// DialOptions returns the limits of a client: the largest message, and windows for whole chunks.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		// The initial windows of HTTP/2, 64 KiB, would block every chunk many times.
		grpc.WithInitialWindowSize(4 * chunkSize),
		grpc.WithInitialConnWindowSize(8 * chunkSize),
	}
}

// serverLimits returns the limits of the server.
func serverLimits() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.InitialWindowSize(4 * chunkSize),
		grpc.InitialConnWindowSize(8 * chunkSize),
	}
}

// CheckMachine fails on big-endian machines: arrays are sent in the machine's byte order, which must be little-endian.
func CheckMachine() error {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return errors.New("wire: this machine is big-endian, the protocol is little-endian")
	}
	return nil
}
