package config

import (
	"encoding/json"
	"errors"
	"slices"
)

// Difference is a setting with different values in two configurations.
type Difference struct {
	Key string `json:"key"`
	A   Side   `json:"a"`
	B   Side   `json:"b"`
}

// Side is a setting's value in one of two configurations, with its origin.
type Side struct {
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Compare lists the settings that differ, in the order of the table. A setting that only one of the two has, because
// the other belongs to another command, is skipped.
func Compare(a, b []Value) []Difference {
	out := []Difference{}
	for _, x := range a {
		i := slices.IndexFunc(b, func(y Value) bool { return y.Setting.Key() == x.Setting.Key() })
		if i < 0 || x.Text == b[i].Text {
			continue
		}
		y := b[i]
		out = append(out, Difference{x.Setting.Key(), Side{x.Text, x.Origin.String()}, Side{y.Text, y.Origin.String()}})
	}
	return out
}

// Read returns the values of a configuration on disk: the config.json of a run, or a file of settings, which read
// interprets, completed by the defaults of all commands. Its error is an *Error that lists every violation.
func Read(path string, read func(name string, contents []byte) Source) ([]Value, error) {
	contents, err := ReadFile(path)
	if err != nil {
		return nil, NewError([]Violation{{Rule: err.Error(), Origin: Origin{FileLayer, path}}})
	}
	if isStored(contents) {
		o, err := recordedJSON(path, contents)
		if err != nil {
			return nil, err
		}
		return o.Values(), nil
	}
	source := read(path, contents)
	var found []Violation
	var values []Value
	for _, c := range []Command{Train, Infer} {
		o, err := Sketch(c, source)
		var wrong *Error
		if errors.As(err, &wrong) {
			found = append(found, wrong.Violations...)
			continue
		}
		for _, v := range o.values {
			if !slices.ContainsFunc(values, func(w Value) bool { return w.Setting.Key() == v.Setting.Key() }) {
				values = append(values, v)
			}
		}
	}
	if len(found) > 0 {
		return nil, NewError(found)
	}
	order := func(v Value) int {
		return slices.IndexFunc(table, func(s Setting) bool { return s.Key() == v.Setting.Key() })
	}
	slices.SortStableFunc(values, func(a, b Value) int { return order(a) - order(b) })
	return values, nil
}

// isStored reports whether contents claim to be a stored configuration, valid or not.
func isStored(contents []byte) bool {
	var head struct{ Format string }
	return json.Unmarshal(contents, &head) == nil && head.Format == storedFormat
}
