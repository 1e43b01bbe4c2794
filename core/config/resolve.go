package config

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Overridden is a value that was replaced by a value of a higher layer.
type Overridden struct {
	Text   string
	Origin Origin
}

// Value is a resolved value.
type Value struct {
	Setting  Setting
	Text     string // the value as written in a file
	Origin   Origin
	Explicit bool         // chosen by a person
	Overrode []Overridden // nearest first
	value    any          // includes the credentials of an address
}

// stored returns the value as files keep it.
func (v Value) stored() any {
	switch x := v.value.(type) {
	case time.Duration:
		return x.String()
	case string:
		return v.Setting.public(x)
	}
	return v.value
}

// resolution holds the fields that both kinds of configuration share.
type resolution struct {
	command  Command
	sections sections
	values   []Value  // in the order of the table
	notices  []string // replacements of older spellings
	start    string   // base of relative paths; "": the working directory
}

// Notices returns sentences about older spellings that were used, with their replacements.
func (r *resolution) Notices() []string { return slices.Clone(r.notices) }

// Values returns every value in the order of the table.
func (r *resolution) Values() []Value {
	out := slices.Clone(r.values)
	for i := range out {
		out[i].Overrode = slices.Clone(out[i].Overrode)
	}
	return out
}

// Lookup finds a value by its full key.
func (r *resolution) Lookup(key string) (Value, bool) {
	if i := r.index(canonical(key)); i >= 0 {
		return r.Values()[i], true
	}
	return Value{}, false
}

func (r *resolution) index(key string) int {
	return slices.IndexFunc(r.values, func(v Value) bool { return v.Setting.Key() == key })
}

// at returns the value of a key that is in the table.
func (r *resolution) at(key string) *Value { return &r.values[r.index(key)] }

// resolve does the work of the factories. described says that the data, or the model, has been described.
func resolve(c Command, sources []Source, described bool) (*resolution, error) {
	r, found := resolveAll(c, sources)
	if described && r.sections.model.N == 0 {
		found = append(found, Violation{Key: "model.n", Rule: "is unknown: the data must be described first"})
	}
	if len(found) > 0 {
		return nil, NewError(found)
	}
	return r, nil
}

// resolveAll returns the resolved values of the sources, and every violation.
func resolveAll(c Command, sources []Source) (*resolution, []Violation) {
	r := &resolution{command: c}
	var found []Violation
	given := map[string][]entry{} // by key, lowest precedence first
	ordered := slices.Clone(sources)
	slices.SortStableFunc(ordered, func(a, b Source) int { return int(a.layer) - int(b.layer) })
	force := forced(ordered)
	for _, s := range ordered {
		found = append(found, s.violations...)
		for _, n := range s.notices {
			if !slices.Contains(r.notices, n) {
				r.notices = append(r.notices, n)
			}
		}
		for _, e := range s.entries {
			row, known := Lookup(e.key)
			switch {
			case !known:
				found = append(found, Violation{e.key, e.text, "is not a setting" + suggestion(e.key, c), e.origin})
			case row.Commands&c == 0 && !s.lax:
				found = append(found, Violation{e.key, e.text, "belongs to " + row.Commands.String() + ", not to " + c.String() + suggestion(row.Name, c), e.origin})
			case row.Commands&c != 0:
				given[row.Key()] = append(given[row.Key()], e)
			}
		}
	}
	for _, row := range Settings(c) {
		v, wrong := row.choose(given[row.Key()], force)
		found = append(found, wrong...)
		r.values = append(r.values, v)
	}
	r.derive()
	for _, v := range r.values {
		v.Setting.store(&r.sections, v.value)
	}
	return r, append(found, r.check(given)...)
}

// choose returns the value of the highest layer. It checks every given value, also overridden ones: an error in a file
// stays an error when a flag hides it.
func (s Setting) choose(given []entry, force bool) (Value, []Violation) {
	v := Value{Setting: s, Text: s.DefaultText(), value: s.Default}
	var wrong []Violation
	stored := -1 // index of the stored value in given
	for i, e := range given {
		value, ok := s.parse(e.text)
		if !ok {
			wrong = append(wrong, Violation{s.Key(), e.text, s.broken(e.text), e.origin})
			continue
		}
		if e.origin.Layer == StoredLayer {
			if s.Resume == Forget {
				continue
			}
			if stored >= 0 || i > 0 {
				wrong = append(wrong, s.contradictions(given[:i], e, force)...)
			}
			stored = i
		} else if stored >= 0 {
			wrong = append(wrong, s.contradictions([]entry{e}, given[stored], force)...)
		}
		v.Overrode = slices.Insert(v.Overrode, 0, Overridden{v.Text, v.Origin})
		v.Text, v.value, v.Origin, v.Explicit = s.public(text(value)), value, e.origin, e.explicit
	}
	return v, wrong
}

// contradictions lists the entries that conflict with the stored one of a resumed run. Values of a preset or of today's
// defaults are skipped.
func (s Setting) contradictions(others []entry, stored entry, force bool) []Violation {
	var wrong []Violation
	for _, e := range others {
		a, aok := s.parse(e.text)
		b, bok := s.parse(stored.text)
		if !aok || !bok || e.origin.Layer == PresetLayer || s.same(a, b) {
			continue
		}
		rule := ""
		switch s.Resume {
		case Fixed:
			if !force {
				rule = "contradicts " + text(b) + " of the resumed run (" + stored.origin.String() + "); leave it out, start a new run, or give --force to change the numbers"
			}
		case Bound:
			rule = "contradicts " + text(b) + " of the resumed run (" + stored.origin.String() + "); leave it out, or start a new run"
		case Grows:
			if a.(int) < b.(int) {
				rule = "must be at least " + text(b) + ", the value of the resumed run (" + stored.origin.String() + ")"
			}
		}
		if rule != "" {
			wrong = append(wrong, Violation{s.Key(), e.text, rule, e.origin})
		}
	}
	return wrong
}

// forced reports whether the sources, lowest layer first, allow a resumed run to change its numbers.
func forced(ordered []Source) bool {
	force := false
	for _, s := range ordered {
		for _, e := range s.entries {
			if e.key == "execution.force" && s.layer != StoredLayer {
				force = strings.EqualFold(strings.TrimSpace(e.text), "true")
			}
		}
	}
	return force
}

func (s Setting) same(a, b any) bool {
	if s.Path {
		return samePath(text(a), text(b))
	}
	return a == b
}

func samePath(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}

// derive sets the values that follow from other values.
func (r *resolution) derive() {
	r.forgetWave()
	if r.command != Train {
		return
	}
	if resume, out := r.at("execution.resume"), r.at("training.output-dir"); resume.Text != "" && out.Text == "" {
		out.take(resume)
		out.Text = RunOf(out.Text)
		out.value = out.Text
	}
	if epochs, span := r.at("training.max-epochs"), r.at("training.schedule-epochs"); span.value == 0 {
		span.take(epochs)
	}
}

func (v *Value) take(from *Value) {
	v.Overrode = slices.Insert(v.Overrode, 0, Overridden{v.Text, v.Origin})
	v.Text, v.value, v.Explicit = from.Text, from.value, false
	v.Origin = Origin{from.Origin.Layer, "from " + from.Setting.Name + " (" + from.Origin.String() + ")"}
}
