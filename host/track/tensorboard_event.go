package track

import (
	"bytes"
	"fmt"
	"image/png"
	"maps"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The field numbers of Event, Summary, Summary.Value, Summary.Image, SummaryMetadata, its PluginData, TensorProto and SessionLog.
const (
	eventWallTime, eventStep, eventFileVersion, eventSummary, eventSessionLog = 1, 2, 3, 5, 7

	summaryValue                                              = 1
	valueTag, valueSimple, valueImage, valueTensor, valueMeta = 1, 2, 4, 8, 9

	imageHeight, imageWidth, imageColours, imageData = 1, 2, 3, 4

	metaPlugin, pluginName                 = 1, 1
	tensorType, tensorShape, tensorStrings = 1, 2, 8
	typeString                             = 7 // DT_STRING

	sessionStatus, statusStart = 1, 1 // SessionLog.START
)

// fileVersion begins every file. From this version on, readers drop events of later steps at the start of a session.
const fileVersion = "brain.Event:2"

// colours is the number of channels of our pictures, RGBA.
const colours = 4

// event is one encoded record of a file.
type event []byte

// header returns the first event of a file.
func header(at time.Time) event {
	b := begin(at, 0)
	b = protowire.AppendTag(b, eventFileVersion, protowire.BytesType)
	return protowire.AppendString(b, fileVersion)
}

// start returns the event of a session that begins at a step. Readers drop their events of this step and of later steps.
func start(at time.Time, step int) event {
	var session []byte
	session = protowire.AppendTag(session, sessionStatus, protowire.VarintType)
	session = protowire.AppendVarint(session, statusStart)
	return message(begin(at, step), eventSessionLog, session)
}

// scalarsEvent returns the event of values at a step, by tag. The file holds float32, the type of the field that every reader knows.
func scalarsEvent(at time.Time, step int, values map[string]float64) event {
	var summary []byte
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		value := named(tag)
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(float32(values[tag])))
		summary = message(summary, summaryValue, value)
	}
	return message(begin(at, step), eventSummary, summary)
}

// imageEvent returns the event of a picture at a step. data is a PNG file.
func imageEvent(at time.Time, step int, tag string, data []byte) (event, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("picture %s: %w", tag, err)
	}
	var image []byte
	for _, f := range []struct {
		field protowire.Number
		value int
	}{{imageHeight, c.Height}, {imageWidth, c.Width}, {imageColours, colours}} {
		image = protowire.AppendTag(image, f.field, protowire.VarintType)
		image = protowire.AppendVarint(image, uint64(f.value))
	}
	image = message(image, imageData, data)
	return message(begin(at, step), eventSummary, message(nil, summaryValue, message(named(tag), valueImage, image))), nil
}

// textEvent returns the event of a Markdown text at a step.
func textEvent(at time.Time, step int, tag, text string) event {
	value := message(named(tag), valueMeta, message(nil, metaPlugin, message(nil, pluginName, []byte("text"))))
	var tensor []byte
	tensor = protowire.AppendTag(tensor, tensorType, protowire.VarintType)
	tensor = protowire.AppendVarint(tensor, typeString)
	tensor = message(tensor, tensorShape, nil) // no dimensions: one value
	tensor = message(tensor, tensorStrings, []byte(text))
	return message(begin(at, step), eventSummary, message(nil, summaryValue, message(value, valueTensor, tensor)))
}

// begin returns the encoded time and step of an event.
func begin(at time.Time, step int) []byte {
	b := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(at.UnixMicro())/1e6))
	b = protowire.AppendTag(b, eventStep, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(step))
}

// named returns an encoded value with its tag.
func named(tag string) []byte { return message(nil, valueTag, []byte(tag)) }

// message appends a field of bytes.
func message(b []byte, field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), content)
}

// Step returns the step of an event. An event without the field has step 0.
func (e event) Step() (int, error) {
	step := uint64(0)
	for b := []byte(e); len(b) > 0; {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, errTorn
		}
		b = b[n:]
		if field == eventStep && kind == protowire.VarintType {
			if step, n = protowire.ConsumeVarint(b); n < 0 {
				return 0, errTorn
			}
		} else if n = protowire.ConsumeFieldValue(field, kind, b); n < 0 {
			return 0, errTorn
		}
		b = b[n:]
	}
	return int(int64(step)), nil //nolint:gosec // the field is an int64
}

// has reports whether an event contains a field.
func (e event) has(wanted protowire.Number) bool {
	for b := []byte(e); len(b) > 0; {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		if field == wanted {
			return true
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(field, kind, b); n < 0 {
			return false
		}
		b = b[n:]
	}
	return false
}
