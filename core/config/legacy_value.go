package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// legacyType is the kind of value that the reference takes for a key.
type legacyType uint8

const (
	whole    legacyType = iota // an integer
	number                     // a finite number
	yes                        // true or false
	word                       // text, one of enum where there is one
	place                      // a path
	pair                       // two numbers
	sequence                   // a list of single values
	anything
)

// legacyRow is a key of the reference's configuration.
type legacyRow struct {
	name      string
	kind      legacyType
	def       any      // the reference's default, nil is None
	enum      []string // of a word or a whole number
	words     []string // texts taken besides the kind
	min       float64
	above     bool // min itself is excluded
	max       float64
	power     bool // a power of two
	meansNull bool // None says something
	means     meaning
}

// legacyValue is a value of the reference's configuration.
type legacyValue struct {
	text  string
	items []string
	list  bool
	null  bool
	kind  legacyType
}

func (v legacyValue) shown() string {
	switch {
	case v.null:
		return "null"
	case v.list:
		return "[" + strings.Join(v.items, ", ") + "]"
	}
	return v.text
}

// float is a number's value.
func (v legacyValue) float() float64 {
	f, _ := strconv.ParseFloat(v.text, 64) // was checked when it was read
	return f
}

// readLegacy reads a value; the rule is what it breaks.
func readLegacy(row *legacyRow, n *yaml.Node) (v legacyValue, rule string) {
	v.kind = row.kind
	if n.Kind == yaml.ScalarNode {
		v.text = n.Value
		if n.Tag == "!!null" {
			v.null, v.text = true, ""
			return v, ""
		}
		if slices.Contains(row.words, n.Value) {
			v.kind = word
			return v, ""
		}
	}
	if row.kind == place {
		if joined, ok := joinPath(n); ok {
			v.text = joined
			return v, ""
		}
	}
	ok := false
	switch {
	case n.Kind == yaml.SequenceNode && (row.kind == pair || row.kind == sequence || row.kind == anything):
		ok = v.readItems(n)
	case n.Kind == yaml.ScalarNode && row.kind != pair:
		ok = v.readScalar(row, n)
	}
	if !ok {
		return v, row.rule()
	}
	return v, ""
}

// readItems reads a list of single values, two numbers for a pair.
func (v *legacyValue) readItems(n *yaml.Node) bool {
	v.list = true
	for _, item := range n.Content {
		if aliased(item).Kind != yaml.ScalarNode {
			return false
		}
		v.items = append(v.items, aliased(item).Value)
	}
	return v.kind != pair || len(v.items) == 2 && !slices.ContainsFunc(v.items, func(s string) bool { _, ok := finite(s); return !ok })
}

// readScalar reads a single value.
func (v *legacyValue) readScalar(row *legacyRow, n *yaml.Node) bool {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
	switch row.kind {
	case whole, number:
		f, ok := finite(n.Value)
		if row.kind == whole {
			_, err := strconv.Atoi(n.Value)
			ok = ok && err == nil && (len(row.enum) == 0 || slices.Contains(row.enum, n.Value))
		}
		return ok && !quoted && row.within(f)
	case yes:
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on":
			v.text = "true"
		case "false", "no", "off":
			v.text = "false"
		default:
			return false
		}
		return !quoted
	case word, place:
		return !strings.ContainsRune(n.Value, 0) && (len(row.enum) == 0 || slices.Contains(row.enum, n.Value))
	}
	return true
}

func finite(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

func (r *legacyRow) within(f float64) bool {
	if r.power && (f < 1 || f != math.Exp2(math.Round(math.Log2(f)))) {
		return false
	}
	return f >= r.min && !(r.above && f == r.min) && (r.max == 0 || f <= r.max)
}

// rule is what the reference takes for the key, in words.
func (r *legacyRow) rule() string {
	out := ""
	switch r.kind {
	case whole, number:
		out = "a whole number"
		if r.kind == number {
			out = "a number"
		}
		switch {
		case len(r.enum) > 0:
			out = "one of " + strings.Join(r.enum, ", ")
		case r.power:
			out = "a power of two"
		case r.max > 0:
			out += fmt.Sprintf(" from %v to %v", r.min, r.max)
		case r.above:
			out += fmt.Sprintf(" above %v", r.min)
		default:
			out += fmt.Sprintf(", at least %v", r.min)
		}
	case yes:
		out = "true or false"
	case word:
		out = "text"
		if len(r.enum) > 0 {
			out = "one of " + strings.Join(r.enum, ", ")
		}
	case place:
		out = "a path"
	case pair:
		out = "a list of two numbers"
	case sequence:
		out = "a list"
	default:
		out = "one value or a list of them"
	}
	if len(r.words) > 0 {
		out += ", or " + strings.Join(r.words, ", ")
	}
	return out
}
