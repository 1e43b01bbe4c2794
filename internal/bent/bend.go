// Package bent corrupts the answers of a backend: a seeded interceptor between its server and the host changes fields,
// drops, doubles and reorders messages, and invents errors. The tests run the host's commands against it: for any answer of
// a plugin, a command must end without a panic or a hang, with a documented exit code and an error that names the plugin.
// Connect also serves tests that need the protocol without another process.
//
// It is a package of its own because it only has tests, of several commands and packages.
package bent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Change describes one corruption of an answer.
type Change struct {
	Where string // message and field, or only the message: "StepResponse.number"
	How   string // "field", "dropped", "doubled", "reordered", "added", "error"
}

// Bender corrupts answers at random. The same seed makes the same changes to the same answers.
type Bender struct {
	mu      sync.Mutex
	random  *rand.Rand
	rate    float64 // fraction of the answers that is corrupted
	changes []Change
}

// New returns a Bender that corrupts the given fraction of all answers.
func New(seed uint64, rate float64) *Bender {
	return &Bender{random: rand.New(rand.NewPCG(seed, 1)), rate: rate}
}

// Changes lists the changes so far.
func (b *Bender) Changes() []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Change(nil), b.changes...)
}

// ours reports whether a method belongs to the backend; go-plugin's methods are not changed.
func ours(method string) bool { return strings.HasPrefix(method, "/ptycho.") }

// Options returns the interceptors. They come before those of the server, so that its errors are corrupted too.
func (b *Bender) Options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
			out, err := h(ctx, req)
			if !ours(info.FullMethod) {
				return out, err
			}
			if e := b.failure(info.FullMethod, err); e != nil {
				return nil, e
			}
			if m, ok := out.(proto.Message); ok && err == nil {
				return b.message(m), nil
			}
			return out, err
		}),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) error {
			if !ours(info.FullMethod) {
				return h(srv, ss)
			}
			s := &stream{ServerStream: ss, bender: b}
			err := h(srv, s)
			if held := s.held; held != nil { // it was to swap places with the next message, which did not come
				_ = s.ServerStream.SendMsg(held)
			}
			if e := b.failure(info.FullMethod, err); e != nil {
				return e
			}
			return err
		}),
	}
}

// stream corrupts sent messages.
type stream struct {
	grpc.ServerStream
	bender *Bender
	held   proto.Message // waits for the next message, which is sent first
}

func (s *stream) SendMsg(message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return s.ServerStream.SendMsg(message)
	}
	list := s.bender.stretch(m)
	if s.held != nil {
		list, s.held = append(list, s.held), nil
	} else if len(list) == 1 && s.bender.chance(m, "reordered", 1.0/16) {
		s.held = proto.Clone(list[0])
		return nil
	}
	for _, m := range list {
		if err := s.ServerStream.SendMsg(m); err != nil {
			return err
		}
	}
	return nil
}

// chance decides at random whether to make a change, and records it.
func (b *Bender) chance(m proto.Message, how string, share float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.random.Float64() >= b.rate*share {
		return false
	}
	b.note(name(m), how)
	return true
}

func (b *Bender) note(where, how string) { b.changes = append(b.changes, Change{where, how}) }

func name(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

// stretch returns the messages to send in place of one.
func (b *Bender) stretch(m proto.Message) []proto.Message {
	m = b.message(m)
	switch {
	case b.chance(m, "dropped", 1.0/16):
		return nil
	case b.chance(m, "doubled", 1.0/16):
		return []proto.Message{m, m}
	case b.chance(m, "added", 1.0/16):
		return []proto.Message{m, m.ProtoReflect().New().Interface()}
	}
	return []proto.Message{m}
}

// message corrupts a field.
func (b *Bender) message(m proto.Message) proto.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.random.Float64() >= b.rate {
		return m
	}
	c := proto.Clone(m)
	path := b.bend(c.ProtoReflect(), 0)
	b.note(name(m)+path, "field")
	return c
}

// failure returns an invented error in place of an answer, or nil.
func (b *Bender) failure(method string, real error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	share := 1.0 / 16
	if real != nil {
		share = 0.5
	}
	if b.random.Float64() >= b.rate*share {
		return nil
	}
	b.note(method[strings.LastIndex(method, "/")+1:], "error")
	st := status.New(codes.Code(b.random.IntN(20)), b.text())
	if st.Code() == codes.OK {
		st = status.New(codes.Unknown, st.Message())
	}
	if strings.ContainsAny(st.Message(), "\xff") {
		return st.Err()
	}
	switch b.random.IntN(4) {
	case 0: // a detail of an unexpected type
		if with, err := st.WithDetails(durationpb.New(-1)); err == nil {
			return with.Err()
		}
	case 1: // a detail that cannot be decoded
		p := st.Proto()
		p.Details = append(p.Details, &anypb.Any{TypeUrl: "type.googleapis.com/ptycho.plugin.v1.ErrorDetail", Value: []byte{0xff, 0xff, 0xff}})
		return status.ErrorProto(p)
	case 2: // our detail with a wrong kind and wrong text; its fields are varint 1, string 2, string 3
		p := st.Proto()
		text := b.text()
		value := fmt.Appendf([]byte{8, byte(b.random.IntN(100)), 0x12, byte(min(len(text), 100))}, "%s", text[:min(len(text), 100)])
		p.Details = append(p.Details, &anypb.Any{TypeUrl: "type.googleapis.com/ptycho.plugin.v1.ErrorDetail", Value: value})
		return status.ErrorProto(p)
	}
	return st.Err()
}
