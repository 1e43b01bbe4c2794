package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Section names a group of settings; it is the first part of a key.
type Section string

// The sections.
const (
	ModelSection     Section = "model"
	TrainingSection  Section = "training"
	InferenceSection Section = "inference"
	ExecutionSection Section = "execution"
)

// Command is a set of the commands that take a setting.
type Command uint8

// The commands with a factory.
const (
	Train Command = 1 << iota
	Infer
)

// String is the command's name on the command line.
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

// The ways of resuming.
const (
	Fixed  Resumption = iota // holds; another value is an error that names both
	Grows                    // holds unless a larger value is given
	Keeps                    // holds unless another value is given
	Forget                   // belongs to one invocation alone
)

// Setting is a row of the table.
type Setting struct {
	Name     string // kebab-case; the flag is --Name
	Section  Section
	Commands Command
	Default  any // of the field's type
	Enum     []string
	Min, Max float64 // inclusive bounds; Max 0 means no bound
	Above    bool    // Min itself is excluded
	Unit     string
	Meaning  string // one line, for --help and the documentation
	Why      string // where the default comes from
	Arch     string // the one architecture that has it; "" is all
	Required bool
	Path     bool // names a file or folder: compared as such
	Resume   Resumption
	field    func(*sections) any // pointer to the field that holds it
}

// Key is the full name, section.name.
func (s Setting) Key() string { return string(s.Section) + "." + s.Name }

// Variable is the environment variable that sets it, PTYCHO_SECTION__NAME.
func (s Setting) Variable() string {
	return "PTYCHO_" + strings.ToUpper(string(s.Section)+"__"+strings.ReplaceAll(s.Name, "-", "_"))
}

// Type is the kind of value: "text", "integer", "number", "yes/no" or "duration".
func (s Setting) Type() string {
	switch s.field(new(sections)).(type) {
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

// IsBool says whether the flag takes no argument.
func (s Setting) IsBool() bool { return s.Type() == "yes/no" }

// DefaultText is the default as it would be written in a file.
func (s Setting) DefaultText() string { return text(s.Default) }

// Rule is the values that the setting allows, in words.
func (s Setting) Rule() string {
	switch {
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

// text is the one spelling of a value, in files, explanations and digests.
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

// parse reads a value and checks it against the row; false when it breaks the rule.
func (s Setting) parse(in string) (any, bool) {
	in = strings.TrimSpace(in)
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, in) {
		return nil, false
	}
	switch s.field(new(sections)).(type) {
	case *string:
		return in, !strings.ContainsRune(in, 0)
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

func (s Setting) within(v float64) bool {
	return v >= s.Min && !(s.Above && v == s.Min) && (s.Max == 0 || v <= s.Max)
}

// store puts a parsed value into its field.
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

// canonical is the spelling of a key that files and flags may also write with underscores.
func canonical(key string) string { return strings.ReplaceAll(key, "_", "-") }

// Lookup finds a setting by its full key, section.name; underscores count as hyphens.
func Lookup(key string) (Setting, bool) {
	key = canonical(key)
	for _, s := range table {
		if s.Key() == key {
			return s, true
		}
	}
	return Setting{}, false
}

// Settings lists the settings that a command takes, in the order of the documentation.
func Settings(c Command) []Setting {
	var out []Setting
	for _, s := range table {
		if s.Commands&c != 0 {
			out = append(out, s)
		}
	}
	return out
}
