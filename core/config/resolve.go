package config

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Overridden is a value that lost to one of a higher layer.
type Overridden struct {
	Text   string
	Origin Origin
}

// Value is a resolved value.
type Value struct {
	Setting  Setting
	Text     string // the value as it would be written in a file
	Origin   Origin
	Explicit bool         // someone chose it
	Overrode []Overridden // nearest first
	value    any          // with the credentials of an address
}

// stored is the value as files keep it.
func (v Value) stored() any {
	switch x := v.value.(type) {
	case time.Duration:
		return x.String()
	case string:
		return v.Setting.public(x)
	}
	return v.value
}

// resolution is what both kinds of configuration share.
type resolution struct {
	command  Command
	sections sections
	values   []Value  // in the order of the table
	notices  []string // what older spellings became
	start    string   // folder where relative paths start, "" is the working directory
}

// Notices are sentences about older spellings that were used, and what replaces them.
func (r *resolution) Notices() []string { return slices.Clone(r.notices) }

// Values lists every value in the order of the table.
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

// at is the value of a key that the table has.
func (r *resolution) at(key string) *Value { return &r.values[r.index(key)] }

// resolve is the work of the factories. described says that the data, or the model, has told about itself.
func resolve(c Command, sources []Source, described bool) (*resolution, error) {
	r, found := resolveAll(c, sources)
	if described && r.sections.model.N == 0 {
		found = append(found, Violation{Key: "model.n", Rule: "is not known: the data has to be described first"})
	}
	if len(found) > 0 {
		return nil, newError(found)
	}
	return r, nil
}

// resolveAll gives what the sources come to, and everything that is wrong with it.
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
				found = append(found, Violation{e.key, e.text, "is no setting" + suggestion(e.key, c), e.origin})
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

// choose takes the value of the highest layer. Every value given is checked, also those that are overridden: a file
// that is wrong stays wrong when a flag hides it.
func (s Setting) choose(given []entry, force bool) (Value, []Violation) {
	v := Value{Setting: s, Text: s.DefaultText(), value: s.Default}
	var wrong []Violation
	stored := -1 // index of the stored value in given
	for i, e := range given {
		value, ok := s.parse(e.text)
		if !ok {
			wrong = append(wrong, Violation{s.Key(), e.text, "must be " + s.Rule(), e.origin})
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

// contradictions lists the entries that a resumed run may not have beside the stored one. What is only a preset or a
// default of today is passed over.
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
				rule = "contradicts " + text(b) + " of the run that is resumed (" + stored.origin.String() + "); leave it out, start a new run, or go on with other numbers by --force"
			}
		case Bound:
			rule = "contradicts " + text(b) + " of the run that is resumed (" + stored.origin.String() + "); leave it out, or start a new run"
		case Grows:
			if a.(int) < b.(int) {
				rule = "must be at least " + text(b) + ", what the run that is resumed has (" + stored.origin.String() + ")"
			}
		}
		if rule != "" {
			wrong = append(wrong, Violation{s.Key(), e.text, rule, e.origin})
		}
	}
	return wrong
}

// forced says whether the sources, lowest layer first, let a resumed run change its numbers.
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

// derive fills the values that follow from others.
func (r *resolution) derive() {
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
