package config

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Layer is a rank of precedence: a value of a higher layer replaces a value of a lower layer.
type Layer uint8

// The layers, lowest first.
const (
	DefaultLayer Layer = iota
	DataLayer          // described by the data or the model
	PresetLayer
	StoredLayer // the configuration of the run that is resumed
	FileLayer
	EnvironmentLayer
	SetLayer
	FlagLayer
)

var layers = []string{"default", "data", "preset", "stored", "file", "environment", "set", "flag"}

// String returns the layer's name, as stored.
func (l Layer) String() string {
	if int(l) < len(layers) {
		return layers[l]
	}
	return fmt.Sprintf("layer(%d)", uint8(l))
}

// Origin is the place that a value came from.
type Origin struct {
	Layer Layer
	Where string // "run.yaml:3", "--batch-size", "PTYCHO_TRAINING__SEED"; for people
}

// String returns the origin for people.
func (o Origin) String() string {
	if o.Where == "" {
		return o.Layer.String()
	}
	return o.Where
}

// Source is a list of values with their origins. Sources may be given to a factory in any order; within a layer the
// later source wins. The factory reports errors in a source together with all others.
type Source struct {
	layer      Layer
	entries    []entry
	violations []Violation
	notices    []string // sentences for people, such as replacements of older spellings
	lax        bool     // skip keys of other commands: a file may serve several
}

// entry is one value as written.
type entry struct {
	key      string // section.name, canonical
	text     string
	origin   Origin
	explicit bool // chosen by a person, unlike the defaults of a stored configuration
}

// NewSource returns an empty source of a layer. Keys of other commands are errors in --set and flags only.
func NewSource(l Layer) Source {
	return Source{layer: l, lax: l == PresetLayer || l == FileLayer || l == EnvironmentLayer}
}

// Add adds a value of a setting. where is the place it came from, for people.
func (s *Source) Add(key, value, where string) {
	s.AddExplicit(key, value, where, s.layer >= PresetLayer)
}

// AddExplicit is Add with a say whether a person chose the value. A value that nobody chose may be one without effect.
func (s *Source) AddExplicit(key, value, where string, explicit bool) {
	s.entries = append(s.entries, entry{canonical(key), value, Origin{s.layer, where}, explicit})
}

// Notice adds a sentence for the user of the configuration.
func (s *Source) Notice(text string) { s.notices = append(s.notices, text) }

// Join adds the contents of another source of the same layer.
func (s *Source) Join(o Source) {
	s.entries = append(s.entries, o.entries...)
	s.violations = append(s.violations, o.violations...)
	s.notices = append(s.notices, o.notices...)
}

// Reject adds an error. The rule completes a sentence that begins with the key and its value.
func (s *Source) Reject(key, value, rule, where string) {
	s.violations = append(s.violations, Violation{Key: key, Value: value, Rule: rule, Origin: Origin{s.layer, where}})
}

// Data returns what a file says about itself: the side N of a scan's patterns, or the backend of a trained model. Keys
// are full keys such as "model.n"; values are string, bool, int, int64, float64 or time.Duration.
func Data(name string, values map[string]any) Source {
	return fromMap(DataLayer, name, values)
}

func fromMap(l Layer, where string, values map[string]any) Source {
	s := NewSource(l)
	for _, key := range sortedKeys(values) {
		s.Add(key, text(values[key]), where)
	}
	return s
}

// Environment reads the variables PTYCHO_SECTION__NAME from environ, in the form of os.Environ. Variables without the
// double underscore are ignored.
func Environment(environ []string) Source {
	s := NewSource(EnvironmentLayer)
	seen := map[string]string{}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		rest, ours := strings.CutPrefix(name, "PTYCHO_")
		section, key, ok := strings.Cut(rest, "__")
		if !ours || !ok {
			continue
		}
		full := canonical(strings.ToLower(section + "." + key))
		if _, twice := seen[full]; twice {
			continue // the first variable of a name is the one that the process sees
		}
		seen[full] = name
		s.Add(full, value, name)
	}
	return s
}

// Set reads assignments section.name=value, as given to --set.
func Set(assignments ...string) Source {
	s := NewSource(SetLayer)
	for _, a := range assignments {
		key, value, ok := strings.Cut(a, "=")
		if !ok || !strings.Contains(key, ".") {
			s.Reject(key, value, "must have the form section.name=value"+suggestion(key, both), "--set "+a)
			continue
		}
		s.Add(strings.TrimSpace(key), value, "--set")
	}
	return s
}

// Flags reads dedicated flags by name without leading hyphens, such as "batch-size". The command decides which setting
// a name means: "rows" is training.rows for Train and inference.rows for Infer. A flag that switches a yes/no setting
// off, such as no-deterministic, has the value "true".
func Flags(c Command, values map[string]string) Source {
	s := NewSource(FlagLayer)
	for _, name := range sortedKeys(values) {
		value, flag := values[name], canonical(name)
		row, off, ok := FlagOf(c, flag)
		if !ok {
			s.Reject(name, value, "is not a flag of "+c.String()+suggestion(name, c), "--"+name)
			continue
		}
		if off {
			value = opposite(value)
		}
		s.Add(row.Key(), value, "--"+flag)
	}
	return s
}

// FlagOf finds the setting of a flag; off reports that the flag switches the setting off.
func FlagOf(c Command, flag string) (row Setting, off, ok bool) {
	for _, f := range flags()[flag] {
		if f.row.Commands&c != 0 {
			return f.row, f.off, true
		}
	}
	return Setting{}, false, false
}

// A flag is a spelling of a setting; off says that it switches the setting off.
type flag struct {
	row Setting
	off bool
}

// flags returns the flags of the table by their spelling, in the table's order.
var flags = sync.OnceValue(func() map[string][]flag {
	all := map[string][]flag{}
	for _, r := range table {
		for _, name := range r.Spellings() {
			all[name] = append(all[name], flag{r, false})
		}
		for _, name := range r.Negations() {
			all[name] = append(all[name], flag{r, true})
		}
	}
	return all
})

// opposite negates the text of a yes/no value. Other text is unchanged; the setting rejects it.
func opposite(value string) string {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true":
		return "false"
	case "false":
		return "true"
	}
	return value
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
