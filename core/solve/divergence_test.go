package solve

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
)

func TestSolve_DivergenceDetected(t *testing.T) {
	long(t)
	s, _ := small(t, nil)
	for _, e := range []Engine{RPIE, EPIE, LSQML, Adam, RAAR} {
		r, err := Solve(context.Background(), s, Options{Engine: e, Iterations: 30, Fit: Fit{Probe: true}, ObjectStep: 20, ProbeStep: 20})
		switch {
		case errors.Is(err, ErrDiverged):
			t.Logf("%s: %v", e, err)
		case err != nil:
			t.Errorf("%s: %v", e, err)
		case !(r.R <= 2*r.History[0].R) || !r.Object.Finite():
			t.Errorf("%s ends with R %v, an empty object has %v", e, r.R, r.History[0].R)
		default:
			t.Logf("%s: R %.5f; %v", e, r.R, r.Notes)
		}
	}
}

func TestSolve_HalvesTooLargeSteps(t *testing.T) {
	long(t)
	s, _ := small(t, nil)
	r := mustSolve(t, s, Options{Engine: LSQML, Iterations: 30, ObjectStep: 20})
	if len(r.Notes) == 0 || r.R > 0.01 {
		t.Errorf("R %v; notes %q, want one that says that steps were halved", r.R, r.Notes)
	}
}

// Positions that return to the best state leave the speed of the run that diverged there: by it they would move most of a pixel at once.
func TestSolve_DivergenceStopsPositions(t *testing.T) {
	s, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 72, 60 })
	v, err := newSolver(s, Options{Engine: LSQML, Iterations: positionsFrom + 2, Fit: Fit{Positions: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.team.close()
	v.o.Progress = func(it Iteration) {
		switch it.Number {
		case positionsFrom:
			v.object[len(v.object)/2+v.w/2] = complex64(cmplx.NaN()) // the next iteration diverges
			for j := range v.speed {
				v.speed[j] = [2]float64{maxMove, maxMove}
			}
		case positionsFrom + 2:
			for j, d := range v.speed {
				if move := max(math.Abs(d[0]), math.Abs(d[1])); move > maxMove/2 { // steps are halved
					t.Fatalf("position %d moves at %v pixels per iteration", j, move)
				}
			}
		}
	}
	r := Result{}
	if err := v.search(t.Context(), &r); err != nil || len(r.Notes) != 1 {
		t.Errorf("%v; notes %q, want one of a divergence", err, r.Notes)
	}
}
