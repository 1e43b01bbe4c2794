package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// plain are the English words, singular, in the names of flags, settings and the protocol that no glossary has to explain.
var plain = strings.Fields(`
	array bar cancelled checkpointing clipped close complex crashed detail deterministic disable done dry early enable
	error execution exhausted extra finite float force found from id index indexed info input inspected int internal
	invalid json kind limit major message minor named non not numeric op open opened overwrite progress protocol quiet
	reason request response result second seed shape shutdown sum threshold time total training uint unavailable unbind
	unsupported usable value version whole`)

// wordsOf are the words of a name, singular: split at hyphens, dots, underscores and capitals.
func wordsOf(name string) []string {
	name = regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "$1-$2")
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !(r >= 'a' && r <= 'z') }) {
		out = append(out, singular(w))
	}
	return out
}

func singular(w string) string {
	switch {
	case strings.HasSuffix(w, "ies"):
		return strings.TrimSuffix(w, "ies") + "y"
	case strings.HasSuffix(w, "tches"):
		return strings.TrimSuffix(w, "es")
	case strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss"):
		return strings.TrimSuffix(w, "s")
	}
	return w
}

// TestEveryNameIsMadeOfTheGlossarysWords reads the flags and settings from the generated pages, which another test holds to the
// program, and the protocol from its definition.
func TestEveryNameIsMadeOfTheGlossarysWords(t *testing.T) {
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	known, used := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(read("docs", "glossary.md")) {
		if cells := strings.Split(line, "|"); len(cells) > 4 {
			for _, w := range wordsOf(cells[1] + " " + cells[len(cells)-2]) {
				known[w] = true
			}
		}
	}
	find := func(text, pattern string) (names []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
		return names
	}
	flags := find(read("docs", "commands.md"), "`(--[a-z0-9-]+)`")
	proto := regexp.MustCompile(`//.*`).ReplaceAllString(read("sdk", "proto", "ptycho", "plugin", "v1", "plugin.proto"), "")
	for where, names := range map[string][]string{
		"flag":     flags,
		"setting":  find(read("docs", "configuration.md"), "(?m)^### `([a-z.0-9-]+)`"),
		"protocol": append(find(proto, `(\w+) = \d+;`), find(proto, `(?:message|rpc|enum|service) (\w+)`)...),
	} {
		if len(names) < 60 {
			t.Errorf("%d names of kind %s were found", len(names), where)
		}
		for _, name := range names {
			for _, w := range wordsOf(name) {
				used[w] = true
				if !known[w] && !slices.Contains(plain, w) {
					t.Errorf("%s %s: %q is in no term or spelling of docs/glossary.md and no plain word: say it in words that are, or explain it there", where, name, w)
				}
			}
		}
	}
	for _, name := range find(read("docs", "glossary.md"), "`(--[a-z0-9-]+)`") {
		if !slices.Contains(flags, name) {
			t.Errorf("docs/glossary.md names the flag %s, which no command has", name)
		}
	}
	for _, w := range plain {
		if !used[w] || known[w] {
			t.Errorf("the plain word %q is not needed: no name has it, or the glossary explains it", w)
		}
	}
}
