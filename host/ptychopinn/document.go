package ptychopinn

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/core/config"
)

// Markdown returns the sections of docs/configuration.md about older spellings and PtychoPINN's keys.
func Markdown() string {
	var b strings.Builder
	b.WriteString("\n## Older spellings\n\nThese flags still work; a notice names the replacement.\n\n| flag | of | instead |\n|---|---|---|\n")
	for _, c := range []config.Command{config.Train, config.Infer} {
		for _, f := range Spellings(c) {
			fmt.Fprintf(&b, "| `--%s` | %v | %s |\n", f.Name, c, cell(f.Instead))
		}
	}
	b.WriteString("\n## Keys of PtychoPINN's configurations\n\nHow `--config` and `ptycho config import` translate each key. Defaults and allowed values are PtychoPINN's.\n")
	for _, form := range []struct {
		title string
		of    map[string][]field
	}{{"flat", flatTable}, {"torch", torchTable}} {
		for _, section := range slices.Sorted(maps.Keys(form.of)) {
			fmt.Fprintf(&b, "\n### %s %s\n\n| key | default | allowed | here |\n|---|---|---|---|\n", form.title, section)
			for _, f := range form.of[section] {
				def := "none"
				if f.def != nil {
					def = fmt.Sprint(f.def)
				}
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, cell(config.Shown(def)), cell(f.rule()), cell(f.means.says))
			}
		}
	}
	return b.String()
}

// cell escapes text for a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
