package config

import (
	"fmt"
	"slices"
	"strings"
)

// resumptions say what a resumed run does with a setting.
var resumptions = map[Resumption]string{
	Fixed:  "the stored value holds; another one is an error, or is taken and recorded with `--force`",
	Bound:  "the stored value holds; another one is an error, with `--force` too",
	Grows:  "the stored value holds unless a larger one is given",
	Keeps:  "the stored value holds unless another one is given",
	Forget: "belongs to one invocation and is not taken over",
}

// sectionTitles say what a section is about.
var sectionTitles = map[Section]string{
	ModelSection:     "what the network is. A reconstruction takes these from the trained model; one that is given anew has to agree",
	TrainingSection:  "the data and the plan of the optimisation",
	InferenceSection: "the model, the data and the way of stitching",
	ExecutionSection: "where and how the work is done, and who hears of it; no part of a model's identity",
}

// Markdown is docs/configuration.md: everything that can be set, out of the table.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Settings

Every setting of ` + "`ptycho train`" + ` and ` + "`ptycho infer`" + `. This page is generated from the table in ` + "`core/config`" + ` by ` + "`make docs`" + `.

A value comes from the highest of these layers that has one; ` + "`ptycho config explain`" + ` with the flags of a command shows which it was
and what it overrode:

1. the default
2. what the data, or the trained model, says of itself
3. ` + "`--preset NAME`" + `
4. the run that ` + "`--resume`" + ` names: its values hold, see "resume" below
5. ` + "`--config FILE`" + `, YAML or JSON, again for several; the later file wins. A configuration of PtychoPINN is a file too: see
   [from-ptychopinn.md](from-ptychopinn.md)
6. the environment: ` + "`PTYCHO_SECTION__NAME`" + `
7. ` + "`--set section.name=value`" + `
8. the setting's own flag

Flags and keys may be written with underscores for hyphens. A yes/no setting ` + "`x`" + ` is switched off by ` + "`--no-x`" + `. Unknown keys, values that
break a rule and settings that do nothing beside the others are errors, all told at once with exit code 10.
` + "`ptycho config schema`" + ` prints the same table as JSON Schema, for editors.

`)
	for _, section := range []Section{ModelSection, TrainingSection, InferenceSection, ExecutionSection} {
		fmt.Fprintf(&b, "## %s\n\nThe section `%s` is %s.\n\n", strings.ToUpper(string(section[0]))+string(section[1:]), section, sectionTitles[section])
		for _, s := range table {
			if s.Section == section {
				s.document(&b)
			}
		}
	}
	b.WriteString("## Presets\n\n| preset | what it is | values |\n|---|---|---|\n")
	for _, name := range sortedKeys(presets) {
		var values []string
		for _, key := range sortedKeys(presets[name].values) {
			values = append(values, fmt.Sprintf("`%s` %s", key, text(presets[name].values[key])))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, presets[name].meaning, strings.Join(values, ", "))
	}
	b.WriteString("\n## Older spellings\n\nThey work, and a notice says what replaces them.\n\n| flag | of | instead |\n|---|---|---|\n")
	for _, c := range []Command{Train, Infer} {
		for _, f := range Formers(c) {
			fmt.Fprintf(&b, "| `--%s` | %v | %s |\n", f.Name, c, cell(f.Instead))
		}
	}
	b.WriteString("\n## Keys of PtychoPINN's configurations\n\nWhat `--config` and `ptycho config import` make of each key. Defaults and allowed values are the reference's.\n")
	section := ""
	for _, m := range LegacyMeanings() {
		if m.Section != section {
			section = m.Section
			fmt.Fprintf(&b, "\n### %s\n\n| key | default | allowed | here |\n|---|---|---|---|\n", section)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Key, cell(shown(m.Default)), cell(m.Allowed), cell(m.Says))
	}
	return b.String()
}

// cell is text inside a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// document writes what there is to know of a setting.
func (s Setting) document(b *strings.Builder) {
	fmt.Fprintf(b, "### `%s`\n\n%s.\n\n", s.Key(), sentence(s.Meaning))
	var flags []string
	for _, name := range append(s.Spellings(), s.Negations()...) {
		flags = append(flags, "`--"+name+"`")
	}
	fmt.Fprintf(b, "- flag of %v: %s; variable `%s`\n", s.Commands, strings.Join(flags, ", "), s.Variable())
	allowed := s.Type()
	if rule := s.Rule(); rule != allowed {
		for _, kind := range []string{"an integer", "a number", "a duration"} { // which the type has said
			rule = strings.TrimPrefix(strings.TrimPrefix(rule, kind), ",")
		}
		allowed += ": " + strings.TrimSpace(rule)
	}
	if s.Unit != "" {
		allowed += "; unit: " + s.Unit
	}
	fmt.Fprintf(b, "- %s\n", allowed)
	if names := sortedKeys(s.Values); len(names) > 0 {
		var other []string
		for _, name := range names {
			other = append(other, fmt.Sprintf("`%s` is %s", name, s.Values[name]))
		}
		fmt.Fprintf(b, "- other spellings of values: %s\n", strings.Join(other, ", "))
	}
	if s.Required {
		b.WriteString("- required\n")
	} else {
		fmt.Fprintf(b, "- default: `%s`, %s\n", shown(s.DefaultText()), s.Why)
	}
	if owners := s.owners(); len(owners) > 0 {
		fmt.Fprintf(b, "- only of the architecture %s\n", strings.Join(owners, " or "))
	}
	if s.Under != "" {
		fmt.Fprintf(b, "- only with %s\n", condition(s.Under))
	}
	if s.Needs != "" {
		fmt.Fprintf(b, "- any value but the default needs the backend's capability `%s`, and is refused without it\n", s.Needs)
	}
	if s.Commands&Train != 0 {
		fmt.Fprintf(b, "- resume: %s\n", resumptions[s.Resume])
	}
	b.WriteString("\n")
}

// condition is Setting.Under in words.
func condition(under string) string {
	key, allowed, valued := strings.Cut(under, "=")
	if !valued {
		return "`" + key + "`"
	}
	return "`" + key + "` " + strings.Join(strings.Split(allowed, "|"), " or ")
}

// sentence begins with a capital, unless it begins with a name that has none.
func sentence(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if slices.ContainsFunc(table, func(row Setting) bool { return row.Name == first }) {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
