package ptychopinn

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// valueKind is the kind of value that the reference accepts for a key.
type valueKind uint8

const (
	whole    valueKind = iota // an integer
	number                    // a finite number
	yes                       // true or false
	word                      // text; one of enum, if set
	place                     // a path
	pair                      // two numbers
	sequence                  // a list of single values
	anything
)

// field is a key of the reference's configuration.
type field struct {
	name      string
	kind      valueKind
	def       any      // the reference's default; nil: None
	enum      []string // of a word or a whole number
	words     []string // further accepted texts
	min       float64
	above     bool // min itself is excluded
	max       float64
	power     bool // a power of two
	meansNull bool // None has a meaning
	means     meaning
}

// literal is a value of the reference's configuration.
type literal struct {
	text  string
	items []string
	list  bool
	null  bool
	kind  valueKind
}

func (v literal) shown() string {
	switch {
	case v.null:
		return "null"
	case v.list:
		return "[" + strings.Join(v.items, ", ") + "]"
	}
	return v.text
}

// float returns a number's value.
func (v literal) float() float64 {
	f, _ := strconv.ParseFloat(v.text, 64) // was checked when it was read
	return f
}

// readLiteral reads a value, or returns the rule that the value breaks.
func readLiteral(row *field, n *yaml.Node) (v literal, rule string) {
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
	if n.Kind == yaml.SequenceNode && (row.kind == pair || row.kind == sequence || row.kind == anything) {
		v.list = true
		for _, item := range n.Content {
			if aliased(item).Kind != yaml.ScalarNode {
				return v, row.rule()
			}
			v.items = append(v.items, aliased(item).Value)
		}
		if row.kind == pair && (len(v.items) != 2 || slices.ContainsFunc(v.items, func(s string) bool { _, ok := finite(s); return !ok })) {
			return v, row.rule()
		}
		return v, ""
	}
	if n.Kind != yaml.ScalarNode || row.kind == pair {
		return v, row.rule()
	}
	return row.readScalar(v, n)
}

// readScalar checks a single value.
func (r *field) readScalar(v literal, n *yaml.Node) (literal, string) {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
	switch r.kind {
	case whole, number:
		f, ok := finite(n.Value)
		if r.kind == whole {
			_, err := strconv.Atoi(n.Value)
			ok = ok && err == nil && (len(r.enum) == 0 || slices.Contains(r.enum, n.Value))
		}
		if !ok || quoted || !r.within(f) {
			return v, r.rule()
		}
	case yes:
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on":
			v.text = "true"
		case "false", "no", "off":
			v.text = "false"
		default:
			return v, r.rule()
		}
		if quoted {
			return v, r.rule()
		}
	case word, place:
		if strings.ContainsRune(n.Value, 0) || len(r.enum) > 0 && !slices.Contains(r.enum, n.Value) {
			return v, r.rule()
		}
	}
	return v, ""
}

func finite(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

func (r *field) within(f float64) bool {
	if r.power && (f < 1 || f != math.Exp2(math.Round(math.Log2(f)))) {
		return false
	}
	return f >= r.min && !(r.above && f == r.min) && (r.max == 0 || f <= r.max)
}

// rule describes the values that the reference accepts for the key.
func (r *field) rule() string {
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
