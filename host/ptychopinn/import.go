// Package ptychopinn reads what is written for PtychoPINN: its configuration files (File, Import) and the flags of its commands
// (Flags). Every key and flag becomes settings of ptycho, has no meaning here, or is an error.
package ptychopinn

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ptychogo/ptycho/core/config"
	"github.com/ptychogo/ptycho/internal/words"
)

// Import is a configuration file of PtychoPINN, read key by key: the flat TrainingConfig or InferenceConfig with the
// model below "model:", or the torch side's sections DataConfig, ModelConfig, TrainingConfig, InferenceConfig and
// DatagenConfig. Every key becomes settings of ptycho, a key without meaning here, or an error.
type Import struct {
	Name string // of the file
	Kind string // "TrainingConfig", "InferenceConfig" or "torch"
	Keys []Imported

	values map[string]literal // valid values, by section.name of the reference
	read   []config.Violation // errors for the reference too
	form   map[string][]field // the keys of its kind
}

// Imported is the translation of one key.
type Imported struct {
	Key    string       `json:"key"` // as written, model.N or DataConfig.K
	Value  string       `json:"value"`
	Line   int          `json:"line"`
	Became []Assignment `json:"became,omitempty"`
	Note   string       `json:"note,omitempty"`  // why it has no meaning or another one here
	Wrong  string       `json:"wrong,omitempty"` // what to do

	foreign bool // wrong for the reference too
}

// Assignment is a setting of ptycho with the value that a key gave it.
type Assignment struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	// Idle values have no effect beside the other values of the file, such as a plateau's factor without a plateau.
	// They take effect if a later source sets what they need, and are not errors until then.
	Idle bool `json:"idle,omitempty"`
}

// File reads a configuration file as a source of settings. A configuration of PtychoPINN, YAML or JSON, is recognised by its
// keys and translated; any other file is one of ptycho's settings.
func File(path string) config.Source {
	contents, err := config.ReadFile(path)
	if err != nil {
		s := config.NewSource(config.FileLayer)
		s.Reject("", "", err.Error(), path)
		return s
	}
	return Contents(path, contents)
}

// Contents reads the contents of a file, as File does.
func Contents(name string, contents []byte) config.Source {
	if root, _ := config.Root(contents); root != nil && recognise(root) {
		return translated(name, root).source()
	}
	return config.YAML(name, contents)
}

// ReadImport reads a configuration of PtychoPINN. Its error says why the file as a whole cannot be read; Err reports errors of
// single keys.
func ReadImport(path string) (*Import, error) {
	contents, err := config.ReadFile(path)
	if err != nil {
		return nil, config.NewError([]config.Violation{{Rule: err.Error(), Origin: inFile(path)}})
	}
	return readImport(path, contents)
}

func readImport(name string, contents []byte) (*Import, error) {
	root, rule := config.Root(contents)
	if rule == "" && root == nil {
		rule = "is empty, not a configuration of PtychoPINN"
	}
	if rule != "" {
		return nil, config.NewError([]config.Violation{{Rule: rule, Origin: inFile(name)}})
	}
	return translated(name, root), nil
}

func inFile(where string) config.Origin { return config.Origin{Layer: config.FileLayer, Where: where} }

// translated translates a file with the given root.
func translated(name string, root *yaml.Node) *Import {
	i := &Import{Name: name, values: map[string]literal{}}
	keys := i.collect(root)
	for _, k := range keys {
		i.Keys = append(i.Keys, i.translate(k))
	}
	if i.Kind != "InferenceConfig" && !i.has("model", "architecture") && slices.ContainsFunc(keys, func(k entry) bool { return k.row != nil }) {
		i.Keys = append(i.Keys, Imported{Key: "model.architecture", Value: "cnn", Became: []Assignment{{Key: "model.arch", Value: "cnn"}},
			Note: "not in the file: the reference's default"})
	}
	i.contradict()
	i.idle()
	return i
}

// translate returns the translation of one key.
func (i *Import) translate(k entry) Imported {
	out := Imported{Key: k.written, Value: words.Scrub(k.value.shown()), Line: k.line}
	switch {
	case k.wrong != "":
		out.Wrong, out.foreign = k.wrong, true
		return out
	case k.row == nil:
		out.Note = k.note
		return out
	}
	r := k.row.means.take(k.value, i)
	out.Became, out.Note, out.Wrong = r.sets, r.note, r.wrong
	for n := range out.Became {
		a := &out.Became[n]
		row, ok := config.Lookup(a.Key)
		if !ok {
			panic("ptychopinn: the key " + k.written + " becomes the unknown setting " + a.Key) // caught by any test of the key
		}
		if v, ok := row.Canonical(a.Value); ok {
			a.Value = v
		} else if out.Wrong == "" {
			out.Wrong = "becomes " + row.Key() + ", which must be " + row.Rule()
		}
	}
	if out.Wrong != "" {
		out.Became = nil
	}
	return out
}

// contradict finds keys that give one setting two values. An execution configuration overrides the rest, as in the
// reference, and a key below model: overrides one at the root.
func (i *Import) contradict() {
	at := map[string]int{} // by setting, the key that wins
	for n := range i.Keys {
		for _, a := range i.Keys[n].Became {
			m, given := at[a.Key]
			if !given || m == n {
				at[a.Key] = n
				continue
			}
			first, other := &i.Keys[m], i.Keys[m].gives(a.Key)
			switch {
			case other == a.Value:
			case first.executes() && !i.Keys[n].executes():
				i.Keys[n].Became, i.Keys[n].Note = nil, first.Key+" overrides it"
			case i.Keys[n].executes() && !first.executes() || strings.HasPrefix(i.Keys[n].Key, "model.") && !strings.Contains(first.Key, "."):
				first.Became, first.Note, at[a.Key] = nil, i.Keys[n].Key+" overrides it", n
			default:
				i.Keys[n].Became, i.Keys[n].Wrong = nil, fmt.Sprintf("asks for %s = %s, but %s for %s: give one of them", a.Key, config.Shown(a.Value), first.Key, config.Shown(other))
			}
		}
	}
}

func (k Imported) gives(key string) string {
	for _, a := range k.Became {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// executes reports whether a key belongs to the torch side's execution configuration.
func (k Imported) executes() bool {
	section, _, _ := strings.Cut(k.Key, ".")
	return sections[section] == "execution"
}

// idle marks settings that have no effect beside the others of the file.
func (i *Import) idle() {
	chosen := map[string]string{}
	for _, k := range i.Keys {
		for _, a := range k.Became {
			chosen[a.Key] = a.Value
		}
	}
	for n := range i.Keys {
		for m := range i.Keys[n].Became {
			a := &i.Keys[n].Became[m]
			row, _ := config.Lookup(a.Key)
			key, allowed, _ := strings.Cut(row.Under, "=")
			value, said := chosen[key]
			if on, ok := config.Lookup(key); ok && !said {
				value = on.DefaultText()
			}
			if row.Under != "" && !slices.Contains(strings.Split(allowed, "|"), value) {
				a.Idle = true
			}
			if a.Key == "model.loss" && chosen["model.mode"] == "supervised" {
				a.Idle = true
			}
		}
	}
}

// Err returns every error that makes the file unusable here, nil if there is none.
func (i *Import) Err() error {
	if found := i.violations(); len(found) > 0 {
		return config.NewError(found)
	}
	return nil
}

func (i *Import) violations() []config.Violation {
	found := slices.Clone(i.read)
	for _, k := range i.Keys {
		if k.Wrong != "" {
			found = append(found, config.Violation{Key: k.Key, Value: k.Value, Rule: k.Wrong, Origin: inFile(i.where(k))})
		}
	}
	return found
}

// where returns the place of a key, for people.
func (i *Import) where(k Imported) string {
	if k.Line == 0 {
		return i.Name + ", the reference's default"
	}
	return fmt.Sprintf("%s:%d", i.Name, k.Line)
}

// source returns the file as a source of settings. Origins name its lines.
func (i *Import) source() config.Source {
	s := config.NewSource(config.FileLayer)
	for _, v := range i.violations() {
		s.Reject(v.Key, v.Value, v.Rule, v.Origin.Where)
	}
	without := 0
	for _, k := range i.Keys {
		if len(k.Became) == 0 && k.Wrong == "" {
			without++
		}
		for _, a := range k.Became {
			s.AddExplicit(a.Key, a.Value, i.where(k), !a.Idle)
		}
	}
	s.Notice(fmt.Sprintf("%s is a configuration of PtychoPINN (%s); keys without meaning here: %d, listed by ptycho config import", i.Name, i.Kind, without))
	return s
}

// YAML returns a settings file with the translation of each key in comments.
func (i *Import) YAML() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# From the PtychoPINN configuration %s (%s). Other settings have this program's defaults;\n# --preset ptychopinn takes the reference's.\n", oneLine(i.Name), i.Kind)
	var section config.Section
	for _, row := range config.Settings(config.Train | config.Infer) {
		for n := len(i.Keys) - 1; n >= 0; n-- { // the later key wins, as in a file
			k := i.Keys[n]
			at := slices.IndexFunc(k.Became, func(a Assignment) bool { return a.Key == row.Key() })
			if at < 0 {
				continue
			}
			if row.Section != section {
				section = row.Section
				fmt.Fprintf(&b, "%s:\n", section)
			}
			mark := ""
			if k.Became[at].Idle {
				mark = "# "
			}
			fmt.Fprintf(&b, "  %s%s: %s # %s\n", mark, row.Name, row.Scalar(k.Became[at].Value), oneLine(k.story()))
			break
		}
	}
	b.WriteString("# Keys without a meaning here:\n")
	for _, k := range i.Keys {
		if len(k.Became) == 0 {
			fmt.Fprintf(&b, "#   %s\n", oneLine(k.story()))
		}
	}
	return []byte(b.String())
}

// story describes in one line where a value comes from.
func (k Imported) story() string {
	out := k.Key + " = " + k.Value
	if k.Line > 0 {
		out += fmt.Sprintf(" (line %d)", k.Line)
	}
	for _, more := range []string{k.Note, k.Wrong} {
		if more != "" {
			out += ": " + more
		}
	}
	for _, a := range k.Became {
		if a.Idle {
			out += "; no effect beside the other settings"
			break
		}
	}
	return out
}

// Outcome describes in one line the translation of the key.
func (k Imported) Outcome() string {
	switch {
	case k.Wrong != "":
		return "WRONG: " + k.Wrong
	case len(k.Became) == 0:
		return "no meaning here: " + k.Note
	}
	var out []string
	for _, a := range k.Became {
		one := a.Key + " = " + config.Shown(a.Value)
		if a.Idle {
			one += " (no effect beside the other settings)"
		}
		out = append(out, one)
	}
	if k.Note != "" {
		out = append(out, k.Note)
	}
	return strings.Join(out, "; ")
}

// oneLine prevents hostile text from ending a comment.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
