package config

import (
	"fmt"
	"slices"
	"strings"
)

// resumptions describe what a resumed run does with a setting.
var resumptions = map[Resumption]string{
	Fixed:  "keeps the stored value; another is an error without `--force`, and recorded with it",
	Bound:  "keeps the stored value; another is an error, even with `--force`",
	Grows:  "keeps the stored value unless a larger one is given",
	Keeps:  "keeps the stored value unless another is given",
	Forget: "ignores the stored value",
}

// sectionTitles describe the sections.
var sectionTitles = map[Section]string{
	ModelSection:     "the network. A reconstruction takes these values from the trained model; a value given again must agree",
	TrainingSection:  "the data and the optimisation",
	InferenceSection: "the model, the data and the stitching",
	ScanSection:      "what a scan's file does not say itself, and what is changed when it is read. `solve`, `inspect` and `convert` have the same flags. A trained model remembers them, and `infer` applies them to a scan of the same format unless they are given again",
	ExecutionSection: "where and how a run is computed, and what it reports. It is not part of a model's identity",
}

// Markdown returns docs/configuration.md without the sections about PtychoPINN, generated from the table.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Settings

Every setting of ` + "`ptycho train`" + ` and ` + "`ptycho infer`" + `. This page is generated from the table in ` + "`core/config`" + ` by ` + "`make docs`" + `.

A value comes from the last of these layers that sets it. ` + "`ptycho config explain`" + ` with the flags of a command shows which layer it was
and what it overrode:

1. the default
2. the data, or the trained model
3. ` + "`--preset NAME`" + `
4. the run that ` + "`--resume`" + ` names: see "resume" below
5. ` + "`--config FILE`" + `, YAML or JSON; of several files the last wins. A configuration of PtychoPINN is accepted too: see
   [from-ptychopinn.md](from-ptychopinn.md)
6. the environment: ` + "`PTYCHO_SECTION__NAME`" + `
7. ` + "`--set section.name=value`" + `
8. the setting's flag

Flags and keys may be written with underscores for hyphens. A yes/no setting ` + "`x`" + ` is switched off by ` + "`--no-x`" + `. Unknown keys, values that
break a rule and settings that have no effect beside the others are errors. All are reported together, with exit code 10.
` + "`ptycho config schema`" + ` prints the same table as JSON Schema, for editors.

`)
	for _, section := range []Section{ModelSection, TrainingSection, InferenceSection, ScanSection, ExecutionSection} {
		fmt.Fprintf(&b, "## %s\n\nThe section `%s` is %s.\n\n", strings.ToUpper(string(section[0]))+string(section[1:]), section, sectionTitles[section])
		for _, s := range table {
			if s.Section == section {
				s.document(&b)
			}
		}
	}
	b.WriteString("## Presets\n\n| preset | purpose | values |\n|---|---|---|\n")
	for _, name := range sortedKeys(presets) {
		var values []string
		for _, key := range sortedKeys(presets[name].values) {
			values = append(values, fmt.Sprintf("`%s` %s", key, text(presets[name].values[key])))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, presets[name].meaning, strings.Join(values, ", "))
	}
	return b.String()
}

// document writes the section of a setting.
func (s Setting) document(b *strings.Builder) {
	fmt.Fprintf(b, "### `%s`\n\n%s\n\n", s.Key(), strings.TrimSpace(sentence(s.Meaning)+". "+s.More))
	var flags []string
	for _, name := range append(s.Spellings(), s.Negations()...) {
		flags = append(flags, "`--"+name+"`")
	}
	fmt.Fprintf(b, "- flag of %v: %s; variable `%s`\n", s.Commands, strings.Join(flags, ", "), s.variable())
	allowed := s.Type()
	if rule := s.Rule(); rule != allowed {
		for _, kind := range []string{"an integer", "a number", "a duration"} { // already in the type
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
		fmt.Fprintf(b, "- default: `%s`, %s\n", Shown(s.DefaultText()), s.Why)
	}
	if owners := s.owners(); len(owners) > 0 {
		fmt.Fprintf(b, "- only for the architecture %s\n", strings.Join(owners, " or "))
	}
	if s.Under != "" {
		fmt.Fprintf(b, "- only with %s\n", condition(s.Under))
	}
	if s.Needs != "" {
		fmt.Fprintf(b, "- a value other than the default needs the backend's capability `%s`\n", s.Needs)
	}
	if s.Commands&Train != 0 {
		fmt.Fprintf(b, "- resume: %s\n", resumptions[s.Resume])
	}
	b.WriteString("\n")
}

// condition describes Setting.Under.
func condition(under string) string {
	key, allowed, valued := strings.Cut(under, "=")
	if !valued {
		return "`" + key + "`"
	}
	return "`" + key + "` " + strings.Join(strings.Split(allowed, "|"), " or ")
}

// sentence capitalises the first letter, unless the first word is the name of a setting.
func sentence(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if slices.ContainsFunc(table, func(row Setting) bool { return row.Name == first }) {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
