package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/ptychogo/ptycho/internal/words"
)

// Explain returns a table for people: every key, its value, its origin and the values that it overrode.
func (r *resolution) Explain() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tVALUE\tFROM\tINSTEAD OF")
	for _, v := range r.values {
		var over []string
		for _, o := range v.Overrode {
			over = append(over, fmt.Sprintf("%s (%s)", Shown(o.Text), named(o.Origin)))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.Setting.Key(), Shown(v.Text), named(v.Origin), strings.Join(over, ", "))
	}
	w.Flush() // a strings.Builder does not fail
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Shown returns a value as shown to people: in quotes, with escapes, if it is empty or has characters that a terminal does not draw.
func Shown(text string) string {
	if text == "" || words.Line(text, len(text)) != text {
		return strconv.Quote(text)
	}
	return text
}

// named returns an origin as shown to people: the name of a file may have any characters.
func named(o Origin) string { return words.Line(o.String(), longestName) }

// longestName is the number of characters of an origin that are shown: those of the longest path.
const longestName = 4096

// YAML returns the configuration as a file that File reads, with each origin in a comment. It leaves out values from
// the data, missing values and settings that the chosen architecture lacks.
func (r *resolution) YAML() []byte {
	var b strings.Builder
	var section Section
	for _, v := range r.values {
		s := v.Setting
		if !r.writable(v) {
			continue
		}
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&b, "%s:\n", section)
		}
		fmt.Fprintf(&b, "  %s: %s # %s\n", s.Name, s.Scalar(v.Text), named(v.Origin))
	}
	return []byte(b.String())
}

// writable reports whether a value belongs in a file of settings.
func (r *resolution) writable(v Value) bool {
	_, used := r.under(v.Setting)
	return used && !(v.Setting.Required && v.Text == "") && v.Setting.of(r.sections.model.Arch) && v.Origin.Layer != DataLayer
}

// Scalar returns a value of the setting in YAML.
func (s Setting) Scalar(value string) string {
	if t := s.Type(); t == "text" || t == "list" {
		return strconv.Quote(value)
	}
	return value
}

// SettingsJSON returns YAML without the origins, as JSON, which File reads too.
func (r *resolution) SettingsJSON() ([]byte, error) {
	out := map[Section]map[string]any{}
	for _, v := range r.values {
		if !r.writable(v) {
			continue
		}
		if out[v.Setting.Section] == nil {
			out[v.Setting.Section] = map[string]any{}
		}
		out[v.Setting.Section][v.Setting.Name] = v.stored()
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("config: show: %w", err)
	}
	return append(b, '\n'), nil
}
