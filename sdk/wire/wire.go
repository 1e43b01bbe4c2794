// Package wire carries the contract of core/backend over gRPC: Client is a backend.Backend whose work is done behind a
// connection, Server puts a backend.Backend behind one. The protocol is ../proto/ptycho/plugin/v1/plugin.proto; its
// generated code is internal, both sides see core types alone.
package wire

import (
	"encoding/binary"
	"errors"

	"google.golang.org/grpc"
)

const (
	// chunkSize of arrays by value: 1 GiB takes 1.1 s in chunks of 1 MiB and over 6 s as one message.
	chunkSize = 1 << 20

	// inlineSize is how many bytes of small arrays a head carries in itself, in all. The rows, offsets and weights of
	// a usual batch (under 10 kB) so need no messages of their own.
	inlineSize = 256 << 10

	// maxMessage bounds what either side takes in one message. The largest is a head: inlineSize and the names and
	// shapes of its arrays, some 100 bytes for each of at most thousands. gRPC's own 4 MiB would do for chunks, but
	// not for a plan step of very many micro-batches.
	maxMessage = 16 << 20

	// maxStreams bounds the calls that are open at once. One session has two at most, a plan and its Stop.
	maxStreams = 256
)

// DialOptions are the limits of a client: the largest message, and windows that take whole chunks.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		// The initial windows of HTTP/2, 64 KiB, would stop every chunk many times.
		grpc.WithInitialWindowSize(4 * chunkSize),
		grpc.WithInitialConnWindowSize(8 * chunkSize),
	}
}

// serverLimits are the server's.
func serverLimits() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.InitialWindowSize(4 * chunkSize),
		grpc.InitialConnWindowSize(8 * chunkSize),
	}
}

// CheckMachine fails on big-endian machines: arrays cross in the machine's order, which must be little-endian.
func CheckMachine() error {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return errors.New("wire: this machine is big-endian, the protocol is little-endian")
	}
	return nil
}
