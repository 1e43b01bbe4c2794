package wire

import (
	"encoding/json"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/printable"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// maxParamText is how many times as long as the program's own the list of parameters may be, as JSON of another encoder.
const maxParamText = 8

// checkOpened looks at the head of an opened session, before the parameters behind it are read.
func checkOpened(m *pb.Opened, p *program.Program) error {
	const op = "open"
	own, err := json.Marshal(p.Params)
	if err != nil {
		return backend.Errorf(backend.Invalid, op, "parameters: %w", err)
	}
	shape, most := m.GetParams().GetShape(), int64(maxParamText*len(own)+chunkSize)
	switch {
	case m.GetSession() == 0:
		return breach(op, "session", "is 0, expected a number above it")
	case m.GetParams() == nil || m.GetParams().GetDtype() != pb.DType(tensor.Uint8):
		return breach(op, "params", "has element type %d, expected %v", int32(m.GetParams().GetDtype()), tensor.Uint8)
	case len(shape) != 1 || shape[0] < 0 || shape[0] > most:
		return breach(op, "params", "has shape %s, expected one axis of at most %d bytes", shapeText(shape), most)
	}
	return nil
}

// checkParams compares the parameters of a session with those of the program that it was opened with.
func checkParams(raw []byte, p *program.Program) error {
	const op = "open"
	var got []program.ParamSpec
	if err := json.Unmarshal(raw, &got); err != nil {
		return breach(op, "params", "is not a list of parameters (%s)", printable.Name(err.Error()))
	}
	if len(got) != len(p.Params) {
		return breach(op, "params", "has %d parameters, expected the %d of the program", len(got), len(p.Params))
	}
	for i, want := range p.Params {
		q := got[i]
		switch {
		case q.Name != want.Name:
			return breach(op, "params", "has %s as parameter %d, expected %q", quoted(q.Name), i, want.Name)
		case !slices.Equal(q.Shape, want.Shape) || q.Kind != want.Kind:
			return breach(op, "params", "has %s of kind %s and %d axes, expected %s %v", want.Name, quoted(string(q.Kind)), len(q.Shape), want.Kind, want.Shape)
		case q.Trainable != want.Trainable || q.Group != want.Group:
			return breach(op, "params", "has %s in group %s, trainable %v; expected group %q, trainable %v", want.Name, quoted(q.Group), q.Trainable, want.Group, want.Trainable)
		}
	}
	return nil
}

const (
	// maxEvents is how many events a session may have: a compilation has a few for each function, of which there are tens.
	maxEvents = 100_000
	// maxEventSeconds is what one phase may have taken, ten years.
	maxEventSeconds = 10 * 365 * 24 * 3600
)

// eventIn gives an event with its message made printable. seen are the events of the session so far.
func eventIn(m *pb.Event, seen int) (backend.Event, error) {
	const op = "event"
	var e backend.Event
	switch {
	case m == nil:
		return e, malformed("an event or the opened session was expected")
	case seen >= maxEvents:
		return e, breach(op, "events", "number more than %d in one session", maxEvents)
	case !word.MatchString(m.GetPhase()):
		return e, breach(op, "phase", "is %s, expected a lower-case word", quoted(m.GetPhase()))
	case m.GetDone() < 0 || m.GetTotal() < 0 || m.GetTotal() > 0 && m.GetDone() > m.GetTotal():
		return e, breach(op, "done", "is %d of a total of %d, expected 0 to the total", m.GetDone(), m.GetTotal())
	case !(m.GetSeconds() >= 0 && m.GetSeconds() <= maxEventSeconds):
		return e, breach(op, "seconds", "is %v, expected 0 to %d", m.GetSeconds(), maxEventSeconds)
	}
	return backend.Event{Phase: m.GetPhase(), Message: printable.Line(m.GetMessage(), maxText), Done: m.GetDone(), Total: m.GetTotal(), Seconds: m.GetSeconds()}, nil
}

// maxDatasetID bounds the name that a plugin gives a dataset.
const maxDatasetID = 200

// checkDatasetID looks at the name of a dataset that was just bound, beside those that are bound already, and notes it.
func checkDatasetID(id string, bound map[backend.DatasetID]bool, to *backend.DatasetID) error {
	switch {
	case id == "" || printable.Line(id, maxDatasetID) != id:
		return breach("bind", "dataset", "is %s, expected 1 to %d printable characters", quoted(id), maxDatasetID)
	case bound[backend.DatasetID(id)]:
		return breach("bind", "dataset", "is %s, which is bound already", quoted(id))
	}
	*to = backend.DatasetID(id)
	bound[*to] = true
	return nil
}
