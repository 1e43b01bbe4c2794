package conformance_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// quick excludes slow cases of lower levels: whole networks, and the operations that no defect is about.
var quick = regexp.MustCompile(`^([a-z-]+$|refuses|options|state|train|identity|random/0[0-2]|network/unet-small-gridsize2)`)

// chosen returns the case of a defect and the quick ones of lower levels, which must not detect it.
func chosen(d Defect, levels map[string]conformance.Level) *regexp.Regexp {
	names := regexp.QuoteMeta(d.Case)
	for name, level := range levels {
		if level < levels[d.Case] && quick.MatchString(name) {
			names += "|" + regexp.QuoteMeta(name)
		}
	}
	return regexp.MustCompile("^(" + names + ")$")
}

func TestDefects_EachFailsItsCase(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	levels := map[string]conformance.Level{}
	for _, c := range conformance.Cases() {
		levels[c.Name] = c.Level
	}
	for _, d := range Defects() {
		t.Run(d.Name, func(t *testing.T) {
			level, ok := levels[d.Case]
			if !ok {
				t.Fatalf("the suite has no case %s", d.Case)
			}
			target := conformance.Target{Name: d.Name, Start: func(context.Context) (backend.Backend, func() error, error) {
				return d.Break(gorgonia.New()), func() error { return nil }, nil
			}}
			report, err := conformance.Check(context.Background(), target, conformance.Options{Level: level, Run: chosen(d, levels)})
			if err != nil {
				t.Fatal(err)
			}
			caught := false
			for _, r := range report.Results {
				switch {
				case r.Status == conformance.Passed:
				case r.Level < level:
					t.Errorf("%s at %s: %s (%s)", r.Status, r.Name, r.Message, r.Level)
				case r.Name == d.Case:
					caught = r.Status == conformance.Failed
				}
			}
			if !caught {
				t.Errorf("the case %s does not detect it", d.Case)
			}
		})
	}
}

func TestDefects_TableMatchesDocument(t *testing.T) {
	var table strings.Builder
	table.WriteString("| defect | case that detects it |\n|---|---|\n")
	for _, d := range Defects() {
		fmt.Fprintf(&table, "| %s | `%s` |\n", d.Name, d.Case)
	}
	path := filepath.Join("..", "docs", "conformance.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- defects -->\n", "<!-- end of defects -->\n"
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no markers for the table", path)
	}
	want := head + begin + table.String() + end + tail
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s is not up to date: run UPDATE=1 go test ./conformance", path)
	}
}
