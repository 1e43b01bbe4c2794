package conformance_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/internal/fixture"
	gorgonia "github.com/ptychogo/ptycho/plugins/gorgonia/backend"
)

// quick excludes slow cases of lower levels: whole networks, and the operations that no defect is about.
var quick = regexp.MustCompile(`^([a-z-]+$|refuses|options|state|train|identity|random/0[0-2]|network/unet-small-gridsize2)`)

// chosen returns the case of a defect and, if all is set, the quick ones of lower levels, which must not detect it.
func chosen(d Defect, levels map[string]conformance.Level, all bool) *regexp.Regexp {
	names := regexp.QuoteMeta(d.Case)
	for name, level := range levels {
		if all && level < levels[d.Case] && quick.MatchString(name) {
			names += "|" + regexp.QuoteMeta(name)
		}
	}
	return regexp.MustCompile("^(" + names + ")$")
}

func TestDefects_EachFailsItsCase(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	all := fixture.All() // otherwise the case of each defect alone, which takes a fifth of the time
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
			report, err := conformance.Check(context.Background(), target, conformance.Options{Level: level, Run: chosen(d, levels, all)})
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
	conformance.InDocument(t, "defects", table.String())
}

// TestCases_ListMatchesDocument lists cases with the same rule in one row.
func TestCases_ListMatchesDocument(t *testing.T) {
	type row struct {
		level conformance.Level
		rule  string
	}
	var rows []row
	names := map[row][]string{}
	for _, c := range conformance.Cases() {
		r := row{c.Level, c.Rule}
		if names[r] == nil {
			rows = append(rows, r)
		}
		names[r] = append(names[r], c.Name)
	}
	var table strings.Builder
	table.WriteString("| level | cases | rule |\n|---|---|---|\n")
	for _, r := range rows {
		list := "`" + strings.Join(names[r], "`, `") + "`"
		if len(names[r]) > 12 {
			folder, _, _ := strings.Cut(names[r][0], "/")
			list = fmt.Sprintf("`%s/…` (%d)", folder, len(names[r]))
		}
		fmt.Fprintf(&table, "| %d | %s | %s |\n", r.level, list, r.rule)
	}
	conformance.InDocument(t, "cases", table.String())
}
