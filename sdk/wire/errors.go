package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/words"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// maxWhat limits the text of an error: it is sent in a trailer, whose size HTTP/2 peers limit.
const maxWhat = 4 << 10

// kinds maps the kinds to their wire form and to the status code for clients that do not read details.
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

// toStatus converts err for the wire. A nil error stays nil.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	d := &pb.ErrorDetail{What: err.Error()}
	kind := backend.KindOf(err)
	var known *backend.Error
	switch {
	case errors.As(err, &known):
		if known.Error() == err.Error() { // otherwise the wrapping errors are part of the text
			d.Op, d.What = known.Op, known.What
		}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		kind = backend.Cancelled
	default:
		// An error of gRPC itself: a stream was interrupted.
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

// tooLarge is part of gRPC's error for a message above the limit, of the receiver or of the sender.
const tooLarge = "message larger than max"

// cleanText prepares the text of a plugin's error for display.
func cleanText(what string) string {
	if what = words.Line(what, maxErrorText); what == "" {
		return "the plugin reported an error without a description"
	}
	return what
}

// maxErrorText limits the displayed characters of an error's text: enough for a compiler's error with its context.
const maxErrorText = 1000

// named adds the backend's name to an error that does not say "backend NAME" or "plugin NAME", and reports protocol
// violations as the plugin's fault.
func (c *Client) named(e *backend.Error) *backend.Error {
	out := *e
	if out.Op == protocolOp {
		out.Kind = backend.Internal
	}
	name := c.info.Name
	if name == "" {
		name = c.o.Name
	}
	text := strings.ReplaceAll(out.Error(), `"`, "")
	if name != "" && !strings.Contains(text, "backend "+name) && !strings.Contains(text, "plugin "+name) {
		out.Backend = name
	}
	return &out
}

// uncancelled turns a cancellation that nobody requested into an error of the plugin. Otherwise the host would end as if
// the user had stopped it.
func (c *Client) uncancelled(e *backend.Error) *backend.Error {
	if e.Kind == backend.Cancelled && !c.ending.Load() {
		e.Kind, e.Err = backend.Internal, nil
		e.What += " (the plugin cancelled the call by itself)"
	}
	return e
}

// fromStatus reverts toStatus. lost is true when the connection broke, so that the error does not come from the
// other side.
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
		e = &backend.Error{Kind: backend.Internal, Op: words.Name(d.Op), What: cleanText(d.What)}
		for _, k := range kinds {
			if k.wire == d.Kind {
				e.Kind = k.kind
			}
		}
		return e, false
	}
	// A status without details: from gRPC, or from a plugin that was not built with this package.
	e = &backend.Error{Kind: backend.Internal, Op: op, What: cleanText(st.Message())}
	if st.Code() == codes.ResourceExhausted && strings.Contains(st.Message(), tooLarge) { // created by this side's gRPC
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
