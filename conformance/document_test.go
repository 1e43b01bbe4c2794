package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/internal/fixture"
)

// InDocument compares a table with that of docs/conformance.md, or writes it there if UPDATE is set.
func InDocument(t *testing.T, name, table string) {
	t.Helper()
	fixture.InDocument(t, filepath.Join("..", "docs", "conformance.md"), name, table, "UPDATE=1 go test ./conformance -run Document")
}

// TestCoverage_TableMatchesDocument counts the examples of each operation alone, the random programs and networks that contain it, and its
// golden vectors.
func TestCoverage_TableMatchesDocument(t *testing.T) {
	random := map[program.OpKind]int{}
	for _, c := range comparisons() {
		for _, p := range c.programs {
			seen := map[program.OpKind]bool{}
			for _, op := range p.Ops {
				seen[op.Kind] = true
			}
			for k := range seen {
				random[k]++
			}
		}
	}
	var table strings.Builder
	table.WriteString("| operation | examples alone | gradients alone | random programs | golden cases |\n|---|---|---|---|---|\n")
	for _, k := range program.Kinds() {
		values, gradients := 0, 0
		for _, e := range examples(k) {
			values, gradients = values+len(e.shown), gradients+len(e.p.Params)
		}
		text, err := os.ReadFile(filepath.Join("golden", "operations", string(k)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		golden := strings.Count(string(text), `"output":`)
		if values == 0 || random[k] < 3 || golden == 0 {
			t.Errorf("%s has %d examples, %d random programs and %d golden cases, want some of each", k, values, random[k], golden)
		}
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %d |\n", k, values, gradients, random[k], golden)
	}
	InDocument(t, "coverage", table.String())
}
