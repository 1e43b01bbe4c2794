package wire

import (
	"math"
	"strconv"

	"github.com/ptychogo/ptycho/core/backend"
	pb "github.com/ptychogo/ptycho/sdk/wire/internal/pluginv1"
)

func fmtInt(n int64) string { return strconv.FormatInt(n, 10) }

const (
	// countTolerance applies to the sum of the weights of a batch, which may be added up in another order.
	countTolerance = 1e-6
	// maxWaited limits how long a step may have waited for its batches: one year, in seconds.
	maxWaited = 365 * 24 * 3600
)

// weightOf returns the sum of the weights of batches.
func weightOf(batches []backend.Batch) float64 { return backend.Step{Batches: batches}.Norm() }

// checkSums compares the names of scalars and their counts with the program and the batches.
func (e *expectation) checkSums(op, of string, m map[string]*pb.Sum, weight float64) error {
	if len(m) != len(e.program.Scalars) {
		return breach(op, "scalars", "of %s are %d, expected the %d of the program", of, len(m), len(e.program.Scalars))
	}
	for _, sc := range e.program.Scalars {
		s, ok := m[sc.Name]
		if !ok || s == nil {
			return breach(op, "scalars", "of %s lack %s", of, sc.Name)
		}
		if !(math.Abs(s.GetCount()-weight) <= countTolerance*(1+weight)) {
			return breach(op, "count", "of %s of %s is %v, expected %v", sc.Name, of, s.GetCount(), weight)
		}
	}
	return nil
}

// finiteSums checks that the scalars are finite.
func (e *expectation) finiteSums(op, of string, m map[string]*pb.Sum) error {
	for _, sc := range e.program.Scalars {
		if !finite(m[sc.Name].GetSum()) {
			return diverged(op, "%s: the scalar %s is %v", of, sc.Name, m[sc.Name].GetSum())
		}
	}
	return nil
}

// checkStep compares a result with step i of the plan.
func (e *expectation) checkStep(m *pb.StepResponse, i int, p backend.StepPlan) error {
	const op = "step"
	if i >= len(p.Steps) {
		return breach(op, "results", "are more than the %d steps of the plan", len(p.Steps))
	}
	st := p.Steps[i]
	of := "step " + fmtInt(st.Number)
	patterns := 0
	for _, b := range st.Batches {
		patterns += len(b.Rows)
	}
	switch {
	case m.GetNumber() != st.Number:
		return breach(op, "number", "of result %d is %d, expected %d", i, m.GetNumber(), st.Number)
	case m.GetPatterns() != int64(patterns):
		return breach(op, "patterns", "of %s is %d, expected %d", of, m.GetPatterns(), patterns)
	case !(m.GetWaited() >= 0 && m.GetWaited() <= maxWaited):
		return breach(op, "waited", "of %s is %v, expected 0 to %d seconds", of, m.GetWaited(), maxWaited)
	case m.GetClipped() && p.Clip.Kind == backend.ClipNone:
		return breach(op, "clipped", "of %s is true, expected false: the plan does not clip", of)
	}
	if err := e.checkSums(op, of, m.GetScalars(), weightOf(st.Batches)); err != nil {
		return err
	}
	switch {
	case !finite(m.GetLoss()):
		return breach(op, "loss", "of %s is %v, expected a finite number or an error", of, m.GetLoss())
	case !(m.GetGradNorm() >= 0) || !finite(m.GetGradNorm()):
		return breach(op, "grad_norm", "of %s is %v, expected a finite number of 0 or more", of, m.GetGradNorm())
	}
	return e.finiteSums(op, of, m.GetScalars())
}

// checkBatch compares the batch number of a result with batch i of the plan.
func checkBatch(op string, batch int64, i int, plan []backend.Batch) error {
	switch {
	case i >= len(plan):
		return breach(op, "results", "are more than the %d batches of the plan", len(plan))
	case batch != int64(i):
		return breach(op, "batch", "of result %d is %d, expected %d", i, batch, i)
	}
	return nil
}

// checkEnd detects an answer that ends early without a request to stop.
func checkEnd(op string, got, want int, stopped bool) error {
	if got < want && !stopped {
		return breach(op, "results", "are %d, expected %d: the plugin was not asked to stop", got, want)
	}
	return nil
}

// checkEvaluation compares a result with batch i of the plan.
func (e *expectation) checkEvaluation(m *pb.EvaluateResult, i int, p backend.EvalPlan) error {
	const op = "evaluate"
	if err := checkBatch(op, m.GetBatch(), i, p.Batches); err != nil {
		return err
	}
	of := "batch " + strconv.Itoa(i)
	if err := e.checkSums(op, of, m.GetScalars(), weightOf(p.Batches[i:i+1])); err != nil {
		return err
	}
	return e.finiteSums(op, of, m.GetScalars())
}
