package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/printable"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// maxWhat bounds an error's text: it travels in a trailer, whose size HTTP/2 peers limit.
const maxWhat = 4 << 10

// kinds pairs the kinds with their wire form and with the status code for those who do not read details.
var kinds = []struct {
	kind backend.Kind
	wire pb.ErrorKind
	code codes.Code
}{
	{backend.Internal, pb.ErrorKind_ERROR_KIND_INTERNAL, codes.Internal},
	{backend.Invalid, pb.ErrorKind_ERROR_KIND_INVALID, codes.InvalidArgument},
	{backend.NotFound, pb.ErrorKind_ERROR_KIND_NOT_FOUND, codes.NotFound},
	{backend.Unsupported, pb.ErrorKind_ERROR_KIND_UNSUPPORTED, codes.Unimplemented},
	{backend.Unavailable, pb.ErrorKind_ERROR_KIND_UNAVAILABLE, codes.FailedPrecondition},
	{backend.Exhausted, pb.ErrorKind_ERROR_KIND_EXHAUSTED, codes.ResourceExhausted},
	{backend.Numeric, pb.ErrorKind_ERROR_KIND_NUMERIC, codes.OutOfRange},
	{backend.Cancelled, pb.ErrorKind_ERROR_KIND_CANCELLED, codes.Canceled},
	{backend.Crashed, pb.ErrorKind_ERROR_KIND_CRASHED, codes.Aborted},
}

// toStatus makes err cross the boundary. A nil error stays nil.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	d := &pb.ErrorDetail{What: err.Error()}
	kind := backend.KindOf(err)
	var known *backend.Error
	switch {
	case errors.As(err, &known):
		if known.Error() == err.Error() { // else the layers around it are part of the text
			d.Op, d.What = known.Op, known.What
		}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		kind = backend.Cancelled
	default:
		// An error of gRPC itself: a stream that broke off.
		if st, ok := status.FromError(err); ok && (st.Code() == codes.Canceled || st.Code() == codes.DeadlineExceeded) {
			kind, d.What = backend.Cancelled, st.Message()
		}
	}
	if len(d.What) > maxWhat {
		d.What = d.What[:maxWhat] + " …"
	}
	d.What, d.Op = strings.ToValidUTF8(d.What, "�"), strings.ToValidUTF8(d.Op, "�")
	code := codes.Internal
	for _, k := range kinds {
		if k.kind == kind {
			d.Kind, code = k.wire, k.code
		}
	}
	st := status.New(code, d.What)
	if with, err := st.WithDetails(d); err == nil {
		st = with
	}
	return st.Err()
}

// tooLarge is what gRPC says of a message above the limit, that of the receiver or of the sender.
const tooLarge = "message larger than max"

// said makes what a plugin says of an error fit to be shown.
func said(what string) string {
	if what = printable.Line(what, maxSaid); what == "" {
		return "the plugin reported an error without a description"
	}
	return what
}

// maxSaid is how many characters of an error's text are shown: a compiler's complaint with its context.
const maxSaid = 1000

// named puts the plugin's name before an error that does not have it, and makes what breaks the protocol the plugin's fault.
func (c *Client) named(e *backend.Error) *backend.Error {
	out := *e
	if out.Op == protocolOp {
		out.Kind = backend.Internal
	}
	name := c.info.Name
	if name == "" {
		name = c.o.Name
	}
	if name != "" && !strings.Contains(out.Error(), name) {
		out.Backend = name
	}
	return &out
}

// uncancelled makes a cancellation that nobody asked for an error of the plugin: the host would end as if the user had stopped it.
func (c *Client) uncancelled(e *backend.Error) *backend.Error {
	if e.Kind == backend.Cancelled && !c.ending.Load() {
		e.Kind, e.Err = backend.Internal, nil
		e.What += " (the plugin cancelled a call that nobody else had cancelled)"
	}
	return e
}

// fromStatus is the inverse. lost is true when the connection broke: then nobody on the other side made the error.
func fromStatus(op string, err error) (e *backend.Error, lost bool) {
	st, ok := status.FromError(err)
	if !ok {
		return &backend.Error{Kind: backend.Internal, Op: op, What: err.Error(), Err: err}, false
	}
	for _, detail := range st.Details() {
		d, ok := detail.(*pb.ErrorDetail)
		if !ok {
			continue
		}
		e = &backend.Error{Kind: backend.Internal, Op: printable.Name(d.Op), What: said(d.What)}
		for _, k := range kinds {
			if k.wire == d.Kind {
				e.Kind = k.kind
			}
		}
		return e, false
	}
	// A status without a detail: from gRPC, or from a plugin that was not made with this package.
	e = &backend.Error{Kind: backend.Internal, Op: op, What: said(st.Message())}
	if st.Code() == codes.ResourceExhausted && strings.Contains(st.Message(), tooLarge) { // made by this side's gRPC
		e.What = fmt.Sprintf("the plugin sent a message larger than %d MiB, the limit for one message; update or replace the plugin", maxMessage>>20)
		return e, false
	}
	for _, k := range kinds {
		if k.code == st.Code() {
			e.Kind = k.kind
		}
	}
	if st.Code() == codes.DeadlineExceeded {
		e.Kind = backend.Cancelled
	}
	return e, st.Code() == codes.Unavailable
}
