package wire

import (
	"encoding/json"
	"slices"

	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/tensor"
	"github.com/ptychogo/ptycho/internal/words"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

// maxParamText limits the received list of parameters, as a multiple of the size of the program's own list: another encoder
// may write longer JSON.
const maxParamText = 8

// checkOpened checks the head of an opened session before the parameters after it are read.
func checkOpened(m *pb.Opened, p *program.Program) error {
	const op = "open"
	want, err := json.Marshal(p.Params)
	if err != nil {
		return backend.Errorf(backend.Invalid, op, "parameters: %w", err)
	}
	shape, most := m.GetParams().GetShape(), int64(maxParamText*len(want)+chunkSize)
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

// checkParams compares the parameters of a session with those of its program.
func checkParams(raw []byte, p *program.Program) error {
	const op = "open"
	var got []program.ParamSpec
	if err := json.Unmarshal(raw, &got); err != nil {
		return breach(op, "params", "is not a list of parameters (%s)", words.Name(err.Error()))
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
	// maxEvents limits the events of a session: a compilation has a few for each of its tens of functions.
	maxEvents = 100_000
	// maxEventSeconds limits the reported duration of one phase to ten years.
	maxEventSeconds = 10 * 365 * 24 * 3600
)

// eventIn returns an event with its message made printable. seen is the number of earlier events of the session.
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
	return backend.Event{Phase: m.GetPhase(), Message: words.Line(m.GetMessage(), maxText), Done: m.GetDone(), Total: m.GetTotal(), Seconds: m.GetSeconds()}, nil
}

// maxDatasetID limits the length of a dataset's identifier.
const maxDatasetID = 200

// checkDatasetID checks the identifier of a new dataset against those that are already bound, and stores it in to.
func checkDatasetID(id string, bound map[backend.DatasetID]bool, to *backend.DatasetID) error {
	switch {
	case id == "" || words.Line(id, maxDatasetID) != id:
		return breach("bind", "dataset", "is %s, expected 1 to %d printable characters", quoted(id), maxDatasetID)
	case bound[backend.DatasetID(id)]:
		return breach("bind", "dataset", "is %s, which is bound already", quoted(id))
	}
	*to = backend.DatasetID(id)
	bound[*to] = true
	return nil
}
