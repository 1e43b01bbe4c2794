package config

import "slices"

// Outline is a read-only configuration: the values that the sources give, with origins, even if a setting that a run
// needs is missing. It cannot start a run.
type Outline struct{ resolution }

// Sketch resolves sources as Check does, but allows a required setting to be missing. Its error is an *Error that lists
// every violation.
func Sketch(c Command, sources ...Source) (*Outline, error) {
	r, found := resolveAll(c, sources)
	found = slices.DeleteFunc(found, func(v Violation) bool {
		row, ok := Lookup(v.Key)
		return ok && row.Required && v.Value == "" && v.Origin.Layer == DefaultLayer
	})
	if len(found) > 0 {
		return nil, NewError(found)
	}
	return &Outline{*r}, nil
}

// Recorded reads the config.json of a run: every value with its origin then and the values that it overrode. To resume
// the run, use Stored.
func Recorded(path string) (*Outline, error) {
	b, err := ReadFile(path)
	if err != nil {
		return nil, NewError([]Violation{{Rule: err.Error(), Origin: Origin{FileLayer, path}}})
	}
	return recordedJSON(path, b)
}

// recordedJSON reads the contents of a file, as Recorded does.
func recordedJSON(name string, contents []byte) (*Outline, error) {
	o := &Outline{}
	var found []Violation
	wrong := func(key, value, rule string) {
		found = append(found, Violation{key, value, rule, Origin{FileLayer, name}})
	}
	c, err := decodeStored(contents)
	if err != nil {
		wrong("", "", err.Error())
		return nil, NewError(found)
	}
	o.start = c.Directory
	switch c.Command {
	case Train.String():
		o.command = Train
	case Infer.String():
		o.command = Infer
	default:
		wrong("", "", "has the unknown command "+c.Command)
		return nil, NewError(found)
	}
	values := recorded(c.Settings, o.command, wrong)
	if len(found) > 0 {
		return nil, NewError(found)
	}
	for _, row := range Settings(o.command) {
		v, ok := values[row.Key()]
		if !ok {
			v = Value{Setting: row, Text: row.DefaultText(), value: row.Default, Origin: Origin{Where: "default, not stored"}}
		}
		o.values = append(o.values, v)
		row.store(&o.sections, v.value)
	}
	return o, nil
}

// recorded returns the stored settings of a command by key.
func recorded(stored []storedSetting, command Command, wrong func(key, value, rule string)) map[string]Value {
	values := map[string]Value{}
	for _, s := range stored {
		row, known := Lookup(s.Key)
		layer := slices.Index(layers, s.Layer)
		written, ok := s.text()
		value, valid := any(nil), false
		if known && ok {
			value, valid = row.parse(written)
		}
		_, twice := values[row.Key()]
		switch {
		case !known || row.Commands&command == 0:
			wrong(s.Key, written, "is not a setting"+suggestion(s.Key, command))
		case layer < 0:
			wrong(s.Key, written, "has the unknown layer "+s.Layer)
		case !valid:
			wrong(s.Key, written, row.broken(written))
		case twice:
			wrong(s.Key, written, "is stored twice")
		default:
			v := Value{Setting: row, Text: row.public(text(value)), Origin: Origin{Layer(layer), s.Origin}, Explicit: s.Explicit, value: value}
			for _, over := range s.Overrode {
				v.Overrode = append(v.Overrode, Overridden{row.public(over.Value), Origin{Where: over.Origin}})
			}
			values[row.Key()] = v
		}
	}
	return values
}
