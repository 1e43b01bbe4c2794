package conformance

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/program"
)

//go:embed report.html
var page string

// HTML writes the report as one file that needs no other one.
func (r *Report) HTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{"width": width, "part": part, "short": short}).Parse(page)
	if err != nil {
		return err
	}
	all, compiling := r.Took()
	return t.Execute(w, struct {
		*Report
		All, Compiling float64
		Sums           []statusSum
		Ordered        []Result
		Title          string
		Table          []operationRow
	}{r, all, compiling, r.sums(), r.failedFirst(), r.title(), r.operationTable()})
}

// statusSum is the number of cases with a status.
type statusSum struct {
	Status Status
	Cases  int
}

func (r *Report) sums() []statusSum {
	var out []statusSum
	for _, s := range []Status{Failed, Passed, Skipped, Excluded} {
		out = append(out, statusSum{s, r.Sum(s)})
	}
	return out
}

// failedFirst returns the results in the order in which a reader needs them.
func (r *Report) failedFirst() []Result {
	out := slices.Clone(r.Results)
	slices.SortStableFunc(out, func(a, b Result) int {
		switch {
		case a.Status == Failed && b.Status != Failed:
			return -1
		case a.Status != Failed && b.Status == Failed:
			return 1
		}
		return 0
	})
	return out
}

// title says which level was reached.
func (r *Report) title() string {
	switch {
	case r.Reached >= 0:
		return fmt.Sprintf("level %d, %s", r.Reached, Level(r.Reached))
	case !r.Complete:
		return "a part of the cases"
	}
	return "no level reached"
}

// operationRow has the results of an operation alone and in random programs.
type operationRow struct {
	Kind            program.OpKind
	Alone, Composed *Result // nil: not run
}

func (r *Report) operationTable() []operationRow {
	byName := map[string]*Result{}
	for i := range r.Results {
		byName[r.Results[i].Name] = &r.Results[i]
	}
	var rows []operationRow
	for _, k := range program.Kinds() {
		row := operationRow{k, byName["operation/"+string(k)], byName["composed/"+string(k)]}
		if row.Alone != nil || row.Composed != nil {
			rows = append(rows, row)
		}
	}
	return rows
}

// width is the length of a bar in percent: a logarithmic scale from 10⁻⁶ of the tolerance, 0, to the tolerance, 100.
func width(closest float64) float64 {
	const decades = 6
	if closest <= 0 {
		return 0
	}
	return 100 * min(1, max(0, 1+math.Log10(closest)/decades))
}

// part is the largest error as a part of its tolerance, in words.
func part(closest float64) string {
	switch {
	case closest <= 0:
		return ""
	case closest >= math.MaxFloat64:
		return "not finite"
	}
	return fmt.Sprintf("%.2g of the tolerance", closest)
}

func short(seconds float64) string { return fmt.Sprintf("%.2f s", seconds) }
