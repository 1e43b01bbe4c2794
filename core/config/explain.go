package config

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Explain is a table for people: every key, its value, where it came from and what that overrode.
func (r *resolution) Explain() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SETTING\tVALUE\tFROM\tINSTEAD OF")
	for _, v := range r.values {
		var over []string
		for _, o := range v.Overrode {
			over = append(over, fmt.Sprintf("%s (%v)", shown(o.Text), o.Origin))
		}
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", v.Setting.Key(), shown(v.Text), v.Origin, strings.Join(over, ", "))
	}
	w.Flush() // a strings.Builder does not fail
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func shown(text string) string {
	if text == "" {
		return `""`
	}
	return text
}

// YAML is the configuration as a file that File reads, each origin in a comment. What the data says and what the
// chosen architecture lacks is left out.
func (r *resolution) YAML() []byte {
	var b strings.Builder
	var section Section
	for _, v := range r.values {
		s := v.Setting
		if _, used := r.under(s); !used || (s.Arch != "" && s.Arch != r.sections.model.Arch) || v.Origin.Layer == DataLayer {
			continue
		}
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(&b, "%s:\n", section)
		}
		value := v.Text
		if t := s.Type(); t == "text" || t == "list" {
			value = strconv.Quote(value)
		}
		origin := strings.Join(strings.Fields(v.Origin.String()), " ") // a path may hold a line feed
		fmt.Fprintf(&b, "  %s: %s # %s\n", s.Name, value, origin)
	}
	return []byte(b.String())
}

// Markdown is the table of settings for the documentation.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| setting | default | allowed | meaning | default from | flag of | variable |\n|---|---|---|---|---|---|---|\n")
	for _, s := range table {
		allowed := s.Rule()
		if s.Unit != "" {
			allowed += ", " + s.Unit
		}
		if s.Arch != "" {
			allowed += " (architecture " + s.Arch + ")"
		}
		meaning := strings.ReplaceAll(s.Meaning, "|", `\|`)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %v | `%s` |\n", s.Key(), shown(s.DefaultText()), allowed, meaning, s.Why, s.Commands, s.Variable())
	}
	return b.String()
}
