package config

import (
	"fmt"
	"strings"
)

// Violation is one thing that is wrong.
type Violation struct {
	Key    string // section.name, or what was written instead; "" when a source as a whole is wrong
	Value  string // as written
	Rule   string // what it breaks, continuing the sentence "training.batch-size = 7 …"
	Origin Origin
}

// String is one sentence.
func (v Violation) String() string {
	switch {
	case v.Key == "":
		return fmt.Sprintf("%v: %s", v.Origin, v.Rule)
	case v.Origin.Layer == DefaultLayer && v.Value == "":
		return fmt.Sprintf("%s %s", v.Key, v.Rule)
	}
	return fmt.Sprintf("%s = %q (%v) %s", v.Key, v.Value, v.Origin, v.Rule)
}

// Error is everything that is wrong with a configuration.
type Error struct{ Violations []Violation }

// Error lists the violations, one to a line when there are several.
func (e *Error) Error() string {
	if len(e.Violations) == 1 {
		return "config: " + e.Violations[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "config: %d settings are wrong:", len(e.Violations))
	for _, v := range e.Violations {
		b.WriteString("\n  " + v.String())
	}
	return b.String()
}

// newError drops repetitions: one value may break the same rule in two places.
func newError(found []Violation) *Error {
	e := &Error{}
	seen := map[Violation]bool{}
	for _, v := range found {
		if !seen[v] {
			seen[v] = true
			e.Violations = append(e.Violations, v)
		}
	}
	return e
}

// check holds the rules that join settings.
func (r *resolution) check(given map[string][]entry) []Violation {
	var found []Violation
	broken := func(key, format string, args ...any) {
		v := r.at(key)
		found = append(found, Violation{key, v.Text, fmt.Sprintf(format, args...), v.Origin})
	}
	for _, v := range r.values {
		if v.Setting.Required && v.Text == "" {
			broken(v.Setting.Key(), "is required: give --%s", v.Setting.Name)
		}
	}
	if r.command != Train {
		return found
	}
	m, t, x := r.sections.model, r.sections.training, r.sections.execution
	for _, v := range r.values {
		if s := v.Setting; s.Arch != "" && s.Arch != m.Arch && v.Explicit {
			broken(s.Key(), "belongs to the architecture %s, and arch is %s (%v)", s.Arch, m.Arch, r.at("model.arch").Origin)
		}
	}
	if group := m.Group(); group > 0 && t.BatchSize%group != 0 {
		broken("training.batch-size", "must be a multiple of %d, the patterns of a group with gridsize %d (%v)", group, m.Gridsize, r.at("model.gridsize").Origin)
	}
	if partners := m.Group() - 1; t.NeighborCount < partners {
		broken("training.neighbor-count", "must be at least %d, the partners in a group with gridsize %d (%v)", partners, m.Gridsize, r.at("model.gridsize").Origin)
	}
	for _, e := range given["model.n"] { // the data's word is final
		if v := r.at("model.n"); e.origin.Layer == DataLayer && e.text != v.Text && v.Text != "0" && v.Origin.Layer != StoredLayer {
			broken("model.n", "contradicts the data, whose patterns have %s pixels a side (%v)", e.text, e.origin)
		}
	}
	if x.Resume != "" && x.Overwrite {
		broken("execution.overwrite", "cannot be joined with --resume: a resumed run goes on in its folder")
	}
	if x.Resume != "" && !samePath(x.Resume, t.OutputDir) {
		broken("training.output-dir", "is not the run that is resumed, %q (%v)", x.Resume, r.at("execution.resume").Origin)
	}
	return found
}
