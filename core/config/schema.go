package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of a settings file, for editors and validators. It covers single
// settings; rules that join settings are checked by the factories. It requires numbers as numbers, although File also
// reads quoted ones.
func Schema() ([]byte, error) {
	bodies := map[Section]map[string]any{}
	others := map[Section]map[string]any{}
	for _, s := range table {
		if bodies[s.Section] == nil {
			bodies[s.Section], others[s.Section] = map[string]any{}, map[string]any{}
		}
		bodies[s.Section][s.Name] = s.schema()
		if also := s.furtherPattern(); also != "" {
			others[s.Section][also] = map[string]any{"$ref": "#/$defs/" + string(s.Section) + "/properties/" + s.Name}
		}
	}
	defs, properties := map[string]any{}, map[string]any{}
	for section, body := range bodies {
		d := map[string]any{"type": []string{"object", "null"}, "additionalProperties": false, "properties": body}
		if len(others[section]) > 0 {
			d["patternProperties"] = others[section]
		}
		defs[string(section)] = d
		properties[string(section)] = map[string]any{"$ref": "#/$defs/" + string(section)}
	}
	b, err := json.MarshalIndent(map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "Settings of ptycho",
		"description":          "A file for --config: sections with settings, all optional.",
		"type":                 []string{"object", "null"},
		"additionalProperties": false,
		"properties":           properties,
		"$defs":                defs,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("config: schema: %w", err)
	}
	return append(b, '\n'), nil
}

// furtherPattern matches the other spellings of the name that a file may use, "" if there are none. Editors accept a
// pattern but do not suggest it.
func (s Setting) furtherPattern() string {
	var forms []string
	for _, name := range s.Spellings() {
		form := strings.ReplaceAll(regexp.QuoteMeta(name), "-", "[-_]")
		if name != s.Name || form != name {
			forms = append(forms, form)
		}
	}
	if len(forms) == 0 {
		return ""
	}
	return "^(" + strings.Join(forms, "|") + ")$"
}

func (s Setting) schema() map[string]any {
	about := s.Meaning
	if s.Unit != "" {
		about += " (" + s.Unit + ")"
	}
	if s.Why != "none" {
		about += "; default: " + s.Why
	}
	out := map[string]any{"description": about}
	if !s.Required {
		out["default"] = s.Default
	}
	switch s.Type() {
	case "yes/no":
		out["type"] = "boolean"
	case "duration":
		out["default"] = s.DefaultText()
		out["type"] = []string{"string", "integer"} // 0 is a duration too
		out["pattern"] = `^(0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+)$`
		out["maximum"], out["minimum"] = 0, 0
	case "list":
		out["type"], out["pattern"] = "string", s.listPattern()
		if s.Epochs {
			out["type"], out["minimum"], out["maximum"] = []string{"string", "integer"}, 1, maxEpochs
		}
	case "integer":
		out["type"] = "integer"
		s.bound(out)
	case "number":
		out["type"] = "number"
		s.bound(out)
	default:
		out["type"] = "string"
		if s.Required {
			out["minLength"] = 1
		}
	}
	if len(s.Enum) > 0 && !s.List {
		delete(out, "type")
		out["enum"] = s.choices()
	}
	return out
}

// choices returns the values of Enum and their other spellings, each in its type.
func (s Setting) choices() []any {
	var out []any
	for _, v := range append(slices.Clone(s.Enum), slices.Sorted(maps.Keys(s.Values))...) {
		if n, err := strconv.Atoi(v); err == nil {
			out = append(out, n)
			if s.Type() == "integer" {
				continue
			}
		}
		out = append(out, v)
	}
	return out
}

// listPattern matches the items of a list joined by commas.
func (s Setting) listPattern() string {
	if s.Epochs {
		return `^([0-9]+( *, *[0-9]+)*)?$`
	}
	names := append(slices.Clone(s.Enum), slices.Sorted(maps.Keys(s.Values))...)
	for i := range names {
		names[i] = regexp.QuoteMeta(names[i])
	}
	item := "(" + strings.Join(names, "|") + ")"
	return "^" + item + "( *, *" + item + ")*$"
}

func (s Setting) bound(out map[string]any) {
	if len(s.Enum) > 0 {
		return
	}
	low := "minimum"
	if s.Above {
		low = "exclusiveMinimum"
	}
	out[low] = s.Min
	if s.Max > 0 {
		out["maximum"] = s.Max
	}
}
