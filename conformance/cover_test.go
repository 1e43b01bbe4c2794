package conformance

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
)

// TestCoverFirst_FewCasesContainEveryOperation checks the order of a run with a time limit: the cases before the first one
// that compares nothing contain every operation, and they are few.
func TestCoverFirst_FewCasesContainEveryOperation(t *testing.T) {
	all := Cases()
	ordered := coverFirst(all)
	compared, covered := comparedOperations(), map[program.OpKind]bool{}
	cases, programs := 0, 0
	for _, c := range ordered {
		of, ok := compared[c.Name]
		if !ok {
			break
		}
		cases, programs = cases+1, programs+of.programs
		for k := range of.kinds {
			covered[k] = true
		}
	}
	if len(covered) != len(program.Kinds()) || programs > 15 {
		t.Errorf("the first %d cases have %d programs with %d of %d operations, want all operations in at most 15 programs", cases, programs, len(covered), len(program.Kinds()))
	}
	seen := map[string]bool{}
	for _, c := range ordered {
		seen[c.Name] = true
	}
	if len(ordered) != len(all) || len(seen) != len(all) {
		t.Errorf("%d cases, %d of them different, want all %d once", len(ordered), len(seen), len(all))
	}
	for i := range Levels {
		if got := ordered[cases+i].Level; got != Level(i) {
			t.Errorf("case %d after the cover is of level %d, want %d: the levels take turns", i, got, i)
		}
	}
}

// TestCheck_TimeLimitReportsWhatDidNotRun uses a time limit of 1 ns.
func TestCheck_TimeLimitReportsWhatDidNotRun(t *testing.T) {
	target := Target{Name: "oracle", Start: func(context.Context) (backend.Backend, func() error, error) {
		return oracle.New(), func() error { return nil }, nil
	}}
	report, err := Check(context.Background(), target, Options{Level: Reproduces, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	below := 0
	for _, c := range Cases() {
		if c.Level <= Reproduces {
			below++
		}
	}
	if report.NotRun != below || report.Complete || report.Reached != -1 || len(report.Operations.Covered) != 0 || len(report.Operations.Left) != len(program.Kinds()) {
		t.Errorf("%d of %d cases not run, complete %v, reached %d, operations %+v", report.NotRun, below, report.Complete, report.Reached, report.Operations)
	}
}

// TestCheck_OnlyPassedCasesCoverOperations runs a case that compares operations, and one that does not.
func TestCheck_OnlyPassedCasesCoverOperations(t *testing.T) {
	for name, c := range map[string]struct {
		run     string
		covered bool
	}{"a passed comparison": {"^operation/relu$", true}, "a case that compares no operation": {"^info$", false}} {
		target := Target{Name: "oracle", Start: func(context.Context) (backend.Backend, func() error, error) {
			return oracle.New(), func() error { return nil }, nil
		}}
		report, err := Check(context.Background(), target, Options{Level: Computes, Run: regexp.MustCompile(c.run)})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(report.Operations.Covered, program.ReLU); got != c.covered || slices.Contains(report.Operations.Left, program.ReLU) == got {
			t.Errorf("%s: operations %+v", name, report.Operations)
		}
	}
}
