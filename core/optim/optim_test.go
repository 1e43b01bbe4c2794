package optim

import (
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12*max(1, math.Abs(want))) {
		t.Errorf("%s is %.15g, want %.15g", what, got, want)
	}
}

// TestUpdate_FollowsFormulas makes two steps of each rule for w = 1, g = 0.5 then −0.2, calculated by hand.
func TestUpdate_FollowsFormulas(t *testing.T) {
	adam := backend.Optimiser{Kind: backend.Adam, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3}
	m, v, w := 0.0, 0.0, 1.0
	for step, g := range []float64{0.5, -0.2} {
		m, v = 0.9*m+0.1*g, 0.99*v+0.01*g*g
		n := float64(step + 1)
		w -= 0.1 * (m / (1 - math.Pow(0.9, n))) / (math.Sqrt(v/(1-math.Pow(0.99, n))) + 1e-3)
	}
	got, gm, gv := []float64{1}, []float64{0}, []float64{0}
	Update(At(adam, 1, 0.1), got, []float64{0.5}, gm, gv)
	Update(At(adam, 2, 0.1), got, []float64{-0.2}, gm, gv)
	near(t, "Adam's weight", got[0], w)

	adamw := adam
	adamw.Kind, adamw.WeightDecay = backend.AdamW, 0.3
	got, gm, gv = []float64{1}, []float64{0}, []float64{0}
	Update(At(adamw, 1, 0.1), got, []float64{0.5}, gm, gv)
	near(t, "AdamW's weight", got[0], 1-0.1*0.3-0.1*0.5/(0.5+1e-3))

	sgd := backend.Optimiser{Kind: backend.SGD, Momentum: 0.5, WeightDecay: 0.1}
	got, u := []float64{1}, []float64{0}
	Update(At(sgd, 1, 0.1), got, []float64{0.5}, u)
	near(t, "SGD's weight", got[0], 1-0.1*0.6)
	sgd.WeightDecay = 0
	got, u = []float64{1}, []float64{2}
	Update(At(sgd, 1, 0.1), got, []float64{0.5}, u)
	near(t, "SGD's weight with momentum", got[0], 1-0.1*1.5)
	sgd.Nesterov = true
	got, u = []float64{1}, []float64{2}
	Update(At(sgd, 1, 0.1), got, []float64{0.5}, u)
	near(t, "SGD's weight with Nesterov's momentum", got[0], 1-0.1*(0.5+0.5*1.5))
}

func TestBound_Clips(t *testing.T) {
	g := [][]float64{{3}, {4}}
	if !Bound(backend.Clip{Kind: backend.ClipNorm, Limit: 1}, Norm(g...), nil, g) {
		t.Error("a norm of 5 was not clipped to 1")
	}
	near(t, "the first element", g[0][0], 0.6)
	near(t, "the second element", g[1][0], 0.8)
	g = [][]float64{{3}, {-4}}
	Bound(backend.Clip{Kind: backend.ClipValue, Limit: 3.5}, 5, nil, g)
	near(t, "the kept element", g[0][0], 3)
	near(t, "the clipped element", g[1][0], -3.5)
	g = [][]float64{{3}, {0.1}}
	Bound(backend.Clip{Kind: backend.ClipAdaptive, Limit: 0.5}, 0, [][]float64{{2}, {2}}, g)
	near(t, "the clipped tensor", g[0][0], 1)
	near(t, "the kept tensor", g[1][0], 0.1)
}
