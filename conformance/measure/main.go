// Command measure runs the conformance suite on backends, in both precisions, and writes the errors and their tolerances
// into docs/conformance.md: go run ./conformance/measure gorgonia, in the root of the repository, after make build. Tables
// of other backends are kept.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/conformance"
)

const (
	document = "docs/conformance.md"
	command  = "bin/ptycho"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(backends []string) error {
	if len(backends) == 0 {
		return fmt.Errorf("give the name of a backend")
	}
	for _, name := range backends {
		for _, dtype := range []string{"float32", "float64"} {
			report, err := runSuite(name, dtype)
			if err != nil {
				return fmt.Errorf("%s in %s: %w", name, dtype, err)
			}
			text, err := os.ReadFile(filepath.FromSlash(document))
			if err != nil {
				return err
			}
			changed, err := replace(string(text), report)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.FromSlash(document), []byte(changed), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// runSuite runs the suite. A failed case is not an error here: the table shows its distance.
func runSuite(name, dtype string) (*conformance.Report, error) {
	c := exec.Command(command, "conformance", "--backend", name, "--dtype", dtype, "--quiet", "--json", "-")
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
		return "", fmt.Errorf("%s has no %q and %q", document, strings.TrimSpace(begin), end)
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
			number(d.Median), number(d.Percentile), number(d.Largest), room(d), number(d.Unfloored))
	}
	b.WriteByte('\n')
	return b.String()
}

func number(x float64) string {
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
