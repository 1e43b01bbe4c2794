package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ptychogo/ptycho/internal/words"
)

// Section names a group of settings. It is the first part of a key.
type Section string

// The sections.
const (
	ModelSection     Section = "model"
	TrainingSection  Section = "training"
	InferenceSection Section = "inference"
	ScanSection      Section = "scan"
	ExecutionSection Section = "execution"
)

// Command is a set of the commands that have a setting.
type Command uint8

// The commands with a factory.
const (
	Train Command = 1 << iota
	Infer
)

// String returns the command's name on the command line.
func (c Command) String() string {
	switch c {
	case Train:
		return "train"
	case Infer:
		return "infer"
	}
	return "train, infer"
}

// Resumption says what a resumed run does with the stored value of a setting.
type Resumption uint8

// The ways to treat a stored value.
const (
	Fixed  Resumption = iota // kept; another value is an error that names both, unless the run is forced
	Bound                    // kept; nothing can change it
	Grows                    // kept unless a larger value is given
	Keeps                    // kept unless another value is given
	Forget                   // valid for one invocation only
)

// Setting is a row of the table.
type Setting struct {
	Name     string   // kebab-case; the flag is --Name
	Also     []string // further spellings of the name
	Not      string   // further flag, besides --no-Name, that switches a yes/no setting off
	Section  Section
	Commands Command
	Default  any // of the field's type
	Enum     []string
	Values   map[string]string  // further spellings of Enum
	List     bool               // several of Enum joined by commas
	Epochs   bool               // rising whole numbers joined by commas
	Form     func(string) error // of a text that is not empty: the error completes a sentence that begins with the text
	Min, Max float64            // inclusive bounds; Max 0 means no bound
	Above    bool               // Min itself is excluded
	Unit     string
	Meaning  string // for --help and the documentation, under 80 characters
	More     string // further sentences, for the documentation only
	Why      string // origin of the default
	Under    string // condition for an effect: key=value|value of another setting; key alone: not empty
	Needs    string // capability that a backend needs for a value other than the default
	Required bool
	Path     bool // names a file or folder and is compared as a path
	Address  bool // may hold credentials, which are never stored or shown: see Setting.public
	Resume   Resumption
	field    func(*sections) any // returns a pointer to the setting's field
}

// Key returns the full name, section.name.
func (s Setting) Key() string { return string(s.Section) + "." + s.Name }

// variable returns the environment variable of the setting, PTYCHO_SECTION__NAME.
func (s Setting) variable() string {
	return "PTYCHO_" + strings.ToUpper(string(s.Section)+"__"+strings.ReplaceAll(s.Name, "-", "_"))
}

// Spellings returns the flags of the setting: its name and the accepted alternatives.
func (s Setting) Spellings() []string { return append([]string{s.Name}, s.Also...) }

// Negations returns the flags that switch a yes/no setting off.
func (s Setting) Negations() []string {
	if !s.IsBool() {
		return nil
	}
	out := []string{"no-" + s.Name}
	if s.Not != "" {
		out = append(out, s.Not)
	}
	return out
}

// kinds holds the fields of all settings, for their types only.
var kinds sections

// Type returns the kind of value: "text", "list", "integer", "number", "yes/no" or "duration".
func (s Setting) Type() string {
	if s.List || s.Epochs {
		return "list"
	}
	switch s.field(&kinds).(type) {
	case *string:
		return "text"
	case *int, *int64:
		return "integer"
	case *float64:
		return "number"
	case *bool:
		return "yes/no"
	case *time.Duration:
		return "duration"
	}
	panic("config: setting " + s.Key() + " has a field of unknown type") // caught by any test
}

// IsBool reports whether the flag takes no argument.
func (s Setting) IsBool() bool { return s.Type() == "yes/no" }

// DefaultText returns the default as written in a file.
func (s Setting) DefaultText() string { return text(s.Default) }

// Rule describes the values that the setting allows.
func (s Setting) Rule() string {
	switch {
	case s.List:
		return "one or more, joined by commas, of " + strings.Join(s.Enum, ", ")
	case s.Epochs:
		return "increasing integers joined by commas, or empty"
	case len(s.Enum) > 0:
		return "one of " + strings.Join(s.Enum, ", ")
	case s.Type() == "duration":
		return "a duration such as 90s, 10m or 1h30m, not negative"
	case s.IsBool():
		return "true or false"
	case s.Type() == "text" && s.Required:
		return "not empty"
	case s.Type() == "text":
		return "text"
	}
	kind := "a number"
	if s.Type() == "integer" {
		kind = "an integer"
	}
	low := text(s.Min)
	switch {
	case s.Above && s.Max > 0:
		return fmt.Sprintf("%s above %s, at most %s", kind, low, text(s.Max))
	case s.Above:
		return fmt.Sprintf("%s above %s", kind, low)
	case s.Max > 0:
		return fmt.Sprintf("%s from %s to %s", kind, low, text(s.Max))
	}
	return fmt.Sprintf("%s, at least %s", kind, low)
}

// Help describes the setting in a line of --help: its meaning, and its unit unless the meaning names it. The help lists
// choices in place of the value, and ranges are in the documentation.
func (s Setting) Help() string {
	out := s.Meaning
	if s.Required {
		out += " (required)"
	}
	if s.Unit != "" && !strings.Contains(s.Meaning, s.Unit) {
		out += " (" + s.Unit + ")"
	}
	return out
}

// text returns the only spelling of a value in files, explanations and digests.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Duration:
		return v.String()
	}
	panic(fmt.Sprintf("config: value of unknown type %T", v))
}

// public returns the text of a value that may be stored and shown. The run itself uses the value with its credentials.
func (s Setting) public(text string) string {
	if s.Address {
		return words.Address(text)
	}
	return text
}

// Canonical returns the only spelling of a value as files keep it, and false for a value that breaks the setting's rule.
func (s Setting) Canonical(in string) (string, bool) {
	v, ok := s.parse(in)
	if !ok {
		return "", false
	}
	return text(v), true
}

// parse reads a value and checks it against the row. It returns false for a value that breaks the rule.
func (s Setting) parse(in string) (any, bool) {
	in = strings.TrimSpace(in)
	switch {
	case s.List:
		return s.parseList(in)
	case s.Epochs:
		epochs, ok := parseEpochs(in)
		return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(epochs), "[]")), listSeparator), ok
	}
	if as, ok := s.Values[in]; ok {
		in = as
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, in) {
		return nil, false
	}
	switch s.field(&kinds).(type) {
	case *string:
		return in, !strings.ContainsRune(in, 0) && (s.Form == nil || in == "" || s.Form(in) == nil)
	case *bool:
		switch strings.ToLower(in) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
		return nil, false
	case *int:
		v, err := strconv.Atoi(in)
		return v, err == nil && (len(s.Enum) > 0 || s.within(float64(v)))
	case *int64:
		v, err := strconv.ParseInt(in, 10, 64)
		return v, err == nil && s.within(float64(v))
	case *float64:
		v, err := strconv.ParseFloat(in, 64)
		return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) && s.within(v)
	case *time.Duration:
		v, err := time.ParseDuration(in)
		return v, err == nil && v >= 0
	}
	return nil, false
}

// listSeparator separates the items of a list.
const listSeparator = ","

// parseList reads items of Enum; "none" must be the only item.
func (s Setting) parseList(in string) (any, bool) {
	var items []string
	for _, item := range strings.Split(in, listSeparator) {
		item = strings.TrimSpace(item)
		if as, ok := s.Values[item]; ok {
			item = as
		}
		if !slices.Contains(s.Enum, item) || slices.Contains(items, item) || (item == "none" || item == "auto") && in != item {
			return nil, false
		}
		items = append(items, item)
	}
	return strings.Join(items, listSeparator), true
}

// parseEpochs reads increasing integers above 0.
func parseEpochs(in string) ([]int, bool) {
	if in == "" {
		return nil, true
	}
	var out []int
	for _, item := range strings.Split(in, listSeparator) {
		v, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || v < 1 || v > maxEpochs || len(out) > 0 && v <= out[len(out)-1] {
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

func (s Setting) within(v float64) bool {
	return v >= s.Min && !(s.Above && v == s.Min) && (s.Max == 0 || v <= s.Max)
}

// broken completes a sentence that begins with a value that parse rejects.
func (s Setting) broken(value string) string {
	if value = strings.TrimSpace(value); s.Form != nil && value != "" {
		if err := s.Form(value); err != nil {
			return err.Error()
		}
	}
	return "must be " + s.Rule()
}

// value returns the setting's field.
func (s Setting) value(from *sections) any {
	switch p := s.field(from).(type) {
	case *string:
		return *p
	case *bool:
		return *p
	case *int:
		return *p
	case *int64:
		return *p
	case *float64:
		return *p
	case *time.Duration:
		return *p
	}
	return nil
}

// store sets the setting's field to a parsed value.
func (s Setting) store(to *sections, v any) {
	switch p := s.field(to).(type) {
	case *string:
		*p = v.(string)
	case *bool:
		*p = v.(bool)
	case *int:
		*p = v.(int)
	case *int64:
		*p = v.(int64)
	case *float64:
		*p = v.(float64)
	case *time.Duration:
		*p = v.(time.Duration)
	}
}

// canonical returns the spelling with hyphens of a key that files and flags may also write with underscores.
func canonical(key string) string { return strings.ReplaceAll(key, "_", "-") }

// Lookup finds a setting by its full key, section.name. It accepts other spellings of the name, and underscores for
// hyphens.
func Lookup(key string) (Setting, bool) {
	key = canonical(key)
	for _, s := range table {
		if section, name, ok := strings.Cut(key, "."); ok && section == string(s.Section) && slices.Contains(s.Spellings(), name) {
			return s, true
		}
	}
	return Setting{}, false
}

// Settings returns the settings of a command, in the order of the documentation.
func Settings(c Command) []Setting {
	var out []Setting
	for _, s := range table {
		if s.Commands&c != 0 {
			out = append(out, s)
		}
	}
	return out
}
