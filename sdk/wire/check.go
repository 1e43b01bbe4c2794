package wire

import (
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/words"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// The files check_*.go compare a plugin's answer with the request before the host uses it. A plugin may be faulty or
// hostile, and the host indexes, allocates and saves by these answers, so everything that can be checked is checked. An
// answer that violates the contract is an error of kind Internal that names the field, its value and the expected value. A
// number that is not finite, where a diverging network can produce one, is an error of kind Numeric.

// breach returns an error about a field of an answer that violates the contract.
func breach(op, field, format string, args ...any) error {
	return backend.Errorf(backend.Internal, op, "the plugin's answer breaks the contract: %s %s; update or replace the plugin", words.Name(field), fmt.Sprintf(format, args...))
}

// diverged returns an error about a number that is not finite.
func diverged(op, format string, args ...any) error {
	return backend.Errorf(backend.Numeric, op, format, args...)
}

// quoted formats text of a plugin for a message.
func quoted(s string) string { return fmt.Sprintf("%q", words.Name(s)) }

// largest limits the losses, norms and scalars of an answer. It is far above the range of float32, and sums of squares of
// such values are still finite, so that everything the host computes from them can be written as JSON.
const largest = 1e150

func finite(x float64) bool { return math.Abs(x) <= largest }

// word matches the names that the contract defines now or may define in a later minor version.
var word = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// expectation holds what the answers of a session must match.
type expectation struct {
	program *program.Program
	types   map[string]program.Type
	dtype   tensor.DType // of the session: Float32, Float64, or Invalid where the backend chooses
}

func newExpectation(p *program.Program, d tensor.DType) *expectation {
	types, err := p.Types()
	if err != nil { // the backend rejects the program too, with the same error for every client
		types = map[string]program.Type{}
	}
	return &expectation{p, types, d}
}

// element returns the types that a value of the program may have in the session's precision.
func (e *expectation) element(k program.Kind) []tensor.DType {
	single, double := tensor.Float32, tensor.Float64
	switch k {
	case program.Index:
		return []tensor.DType{tensor.Int32}
	case program.Complex:
		single, double = tensor.Complex64, tensor.Complex128
	}
	switch e.dtype {
	case tensor.Float32:
		return []tensor.DType{single}
	case tensor.Float64:
		return []tensor.DType{double}
	}
	return []tensor.DType{single, double}
}

// array compares the description of an array with the expected one, before its bytes are read.
func array(op, field string, m *pb.Tensor, allowed []tensor.DType, shape []int) error {
	switch {
	case m == nil:
		return breach(op, field, "is missing, expected %v %v", allowed, shape)
	case !slices.ContainsFunc(allowed, func(d tensor.DType) bool { return m.GetDtype() == pb.DType(d) }):
		return breach(op, field, "has element type %d, expected %v", int32(m.GetDtype()), allowed)
	case !slices.Equal(m.GetShape(), extents(shape)):
		return breach(op, field, "has shape %s, expected %v", shapeText(m.GetShape()), shape)
	}
	return nil
}

// shapeText formats a shape, shortened because a hostile one can have millions of axes.
func shapeText(shape []int64) string {
	const shown = 8
	if len(shape) > shown {
		return fmt.Sprintf("%v… of %d axes", shape[:shown], len(shape))
	}
	return fmt.Sprint(shape)
}

// firstNotFinite finds the first number of t that is not finite. keep selects the elements that count; nil: all.
func firstNotFinite(t tensor.Tensor, keep func(i int) bool) (index int, value string, found bool) {
	switch t.DType() {
	case tensor.Float32:
		s, _ := tensor.Data[float32](t)
		return findNotFinite(s, keep, func(v float32) bool { return v-v == 0 })
	case tensor.Float64:
		s, _ := tensor.Data[float64](t)
		return findNotFinite(s, keep, func(v float64) bool { return v-v == 0 })
	case tensor.Complex64:
		s, _ := tensor.Data[complex64](t)
		return findNotFinite(s, keep, func(v complex64) bool { r, i := real(v), imag(v); return r-r == 0 && i-i == 0 })
	case tensor.Complex128:
		s, _ := tensor.Data[complex128](t)
		return findNotFinite(s, keep, func(v complex128) bool { r, i := real(v), imag(v); return r-r == 0 && i-i == 0 })
	}
	return 0, "", false
}

func findNotFinite[T any](s []T, keep func(int) bool, ok func(T) bool) (int, string, bool) {
	for i, v := range s {
		if !ok(v) && (keep == nil || keep(i)) {
			return i, fmt.Sprint(v), true
		}
	}
	return 0, "", false
}
