package conformance

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"

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
		Sums           map[Status]int
		Title          string
		Table          []operationRow
	}{r, all, compiling, map[Status]int{Passed: r.Sum(Passed), Failed: r.Sum(Failed), Skipped: r.Sum(Skipped), Excluded: r.Sum(Excluded)}, r.title(), r.operationTable()})
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
