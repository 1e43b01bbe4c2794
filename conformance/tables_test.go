package conformance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
)

// measured lists the backends whose tables TestTables_Measured writes.
var measured = flag.String("measure", "", "names of backends to measure with bin/ptycho, separated by spaces")

// conformancePage holds the tables of the measured errors and their tolerances.
var conformancePage = filepath.Join("..", "docs", "conformance.md")

// TestTables_Measured runs the suite on backends, in both precisions, and writes the errors and their tolerances into the
// page. Tables of other backends are kept. make tolerances runs it.
func TestTables_Measured(t *testing.T) {
	if *measured == "" {
		t.Skip("measures only with -measure, as make tolerances does")
	}
	for _, name := range strings.Fields(*measured) {
		for _, dtype := range []string{"float32", "float64"} {
			report, err := runSuite(name, dtype)
			if err != nil {
				t.Fatalf("%s in %s: %v", name, dtype, err)
			}
			text, err := os.ReadFile(conformancePage)
			if err != nil {
				t.Fatal(err)
			}
			changed, err := replace(string(text), report)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(conformancePage, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// runSuite runs the suite. A failed case is not an error here: the table shows its distance.
func runSuite(name, dtype string) (*conformance.Report, error) {
	c := exec.Command(filepath.Join("..", "bin", "ptycho"), "conformance", "--backend", name, "--dtype", dtype, "--quiet", "--json", "-")
	c.Stderr = os.Stderr
	out, runErr := c.Output()
	var r conformance.Report
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, fmt.Errorf("%w; the report: %w", runErr, err)
	}
	if len(r.Distributions) == 0 {
		return nil, fmt.Errorf("the suite made no comparison")
	}
	return &r, nil
}

// The markers around all tables and around one.
const (
	begin = "<!-- measured -->\n"
	end   = "<!-- end of measured -->"
)

// replace writes a report's table in place of its previous one, or after the others.
func replace(text string, r *conformance.Report) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	inside, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("%s has no %q and %q", conformancePage, strings.TrimSpace(begin), end)
	}
	var tables []string
	for _, t := range strings.SplitAfter(inside, "|\n\n") {
		if strings.TrimSpace(t) != "" {
			tables = append(tables, t)
		}
	}
	title := fmt.Sprintf("**%s, %s**", r.Backend, r.DType)
	own := table(title, r)
	if i := slices.IndexFunc(tables, func(t string) bool { return strings.HasPrefix(t, title) }); i >= 0 {
		tables[i] = own
	} else {
		tables = append(tables, own)
	}
	return before + begin + strings.Join(tables, "") + end + after, nil
}

// table ends with an empty line.
func table(title string, r *conformance.Report) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s, %s, device %s\n\n", title, r.Version, r.Engine, r.Device)
	fmt.Fprintln(&b, "| quantity | limit | comparisons | median | 99 % | largest | limit / largest | largest without a floor |\n|---|---|---|---|---|---|---|---|")
	for _, d := range r.Distributions {
		fmt.Fprintf(&b, "| %s | %.0e | %d | %s | %s | %s | %s | %s |\n", d.Quantity, d.Limit, d.Comparisons,
			measuredNumber(d.Median), measuredNumber(d.Percentile), measuredNumber(d.Largest), room(d), measuredNumber(d.Unfloored))
	}
	b.WriteByte('\n')
	return b.String()
}

func measuredNumber(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x >= math.MaxFloat64:
		return "not finite"
	}
	return fmt.Sprintf("%.1e", x)
}

// room returns how often the largest error fits into the limit.
func room(d conformance.Distribution) string {
	if d.Largest == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", d.Limit/d.Largest)
}

func TestReplace_KeepsOtherTables(t *testing.T) {
	report := func(backend string, largest float64) *conformance.Report {
		return &conformance.Report{Backend: backend, DType: "float32", Distributions: []conformance.Distribution{{Quantity: "loss", Limit: 1e-5, Comparisons: 3, Largest: largest}}}
	}
	text := "before\n" + begin + end + "\nafter"
	var err error
	for _, r := range []*conformance.Report{report("a", 1e-7), report("b", 2e-7), report("a", 3e-7), report("b", 4e-7)} {
		if text, err = replace(text, r); err != nil {
			t.Fatal(err)
		}
	}
	for part, times := range map[string]int{"**a, float32**": 1, "**b, float32**": 1, "3.0e-07": 1, "4.0e-07": 1, "1.0e-07": 0, "2.0e-07": 0} {
		if n := strings.Count(text, part); n != times {
			t.Errorf("%s occurs %d times, want %d:\n%s", part, n, times, text)
		}
	}
	if !strings.HasPrefix(text, "before\n"+begin) || !strings.HasSuffix(text, end+"\nafter") {
		t.Errorf("the text around the tables changed:\n%s", text)
	}
	if _, err := replace("no markers", report("a", 0)); err == nil {
		t.Error("a conformancePage without markers was accepted")
	}
}
