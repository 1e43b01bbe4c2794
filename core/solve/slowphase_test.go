package solve

import (
	"math"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
)

// On a smooth object three iterations with the low-frequency step fit better than six without it, and the phase is
// that of the truth; on a sharp object the residual is not higher.
func TestSlowStep_SlowPhasesConverge(t *testing.T) {
	long(t)
	for _, kind := range []simulate.ObjectKind{simulate.Fields, simulate.Blocks} {
		s, sim := small(t, func(o *simulate.Options) { o.Object, o.Photons, o.Seed = kind, 3e5, 1 })
		for _, e := range Engines() {
			with := mustSolve(t, s, Options{Engine: e, Iterations: 5})
			without := mustSolve(t, s, Options{Engine: e, Iterations: 5, NoLowFrequency: true})
			a, b := plainScores(t, with, sim, false).PhaseCorrelation, plainScores(t, without, sim, false).PhaseCorrelation
			t.Logf("%v, %s: R %.5f, phase correlation %.4f; without the step %.5f, %.4f", kind, e, with.R, a, without.R, b)
			if with.R > 1.02*without.R || a < b-0.01 {
				t.Errorf("%v, %s: R %v and phase correlation %v, without the step %v and %v", kind, e, with.R, a, without.R, b)
			}
			if kind == simulate.Fields && (e == EPIE || e == LSQML) && (with.R > 0.7*without.R || a < 0.95) {
				t.Errorf("%s: R %v with the step, %v without it: want a third less", e, with.R, without.R)
			}
		}
	}
}

// A large canvas has a value for each 2×2 pixels.
func TestSlowStep_CoarseGridIsAsGood(t *testing.T) {
	defer func(n int) { slowCanvas = n }(slowCanvas)
	s, sim := small(t, func(o *simulate.Options) { o.Object, o.Photons, o.Seed = simulate.Fields, 3e5, 1 })
	for _, e := range []Engine{EPIE, RAAR} {
		slowCanvas = 1 << 24
		fine := mustSolve(t, s, Options{Engine: e, Iterations: 5})
		slowCanvas = 1
		coarse := mustSolve(t, s, Options{Engine: e, Iterations: 5})
		without := mustSolve(t, s, Options{Engine: e, Iterations: 5, NoLowFrequency: true})
		of := func(r *Result) float64 { return float64(plainScores(t, r, sim, false).PhaseCorrelation) }
		t.Logf("%s: R and phase correlation %.5f, %.4f; coarse %.5f, %.4f; without the step %.5f, %.4f", e, fine.R, of(fine), coarse.R, of(coarse), without.R, of(without))
		if math.Abs(coarse.R/fine.R-1) > 0.02 || of(coarse) < of(fine)-0.002 {
			t.Errorf("%s: R and phase correlation are %v and %v, want %v and %v of the fine grid", e, coarse.R, of(coarse), fine.R, of(fine))
		}
	}
}

func TestSlowGrid_InterpolatesBetweenMiddles(t *testing.T) {
	defer func(n int) { slowCanvas = n }(slowCanvas)
	slowCanvas = 1
	const h, w, n = 21, 18, 7
	plane := func(y, x float64) float64 { return 0.5 + 0.25*y - 0.125*x }
	g := newSlowGrid(h, w)
	image := make([]float32, g.h*g.w)
	packed := make([]complex64, len(image))
	for i := range image {
		image[i] = float32(g.mean(i/g.w, i%g.w, func(i int) float64 { return plane(float64(i/w), float64(i%w)) }))
		packed[i] = complex(image[i], -image[i])
	}
	line := make([]float32, w)
	g.row(line, image, 8)
	for x := 1; x < w-1; x++ { // beyond the outermost middles it is constant
		if want := plane(8, float64(x)); math.Abs(float64(line[x])-want) > 1e-5 {
			t.Errorf("pixel (8, %d) is %v, want %v", x, line[x], want)
		}
	}
	s := &slowStep{v: &solver{n: n}, grid: g}
	work := slowWork{patch: make([]complex64, n*n), columns: make([]between, n)}
	s.cut(&work, packed, 3.25, 5.5)
	for i, got := range work.patch {
		want := plane(3.25+float64(i/n), 5.5+float64(i%n))
		if math.Abs(float64(real(got))-want) > 1e-5 || imag(got) != -real(got) {
			t.Errorf("pixel %d of the patch is %v, want %v", i, got, complex(want, -want))
		}
	}
}

// Three running means are close to a Gaussian.
func TestBlur_IsCloseToGaussian(t *testing.T) {
	v, team := newSlowGrid(61, 71), newTeam(1)
	defer team.close()
	image := make([]float32, v.h*v.w)
	image[30*v.w+35] = 1
	const sigma = 5
	v.blur(team, image, sigma)
	sum, square := 0.0, 0.0
	for i, a := range image {
		y := float64(i/v.w - 30)
		sum += float64(a)
		square += float64(a) * y * y
	}
	if math.Abs(sum-1) > 0.01 || math.Abs(square/sum-sigma*sigma) > 0.3*sigma*sigma {
		t.Errorf("a blurred pixel has the sum %v and the variance %v, want 1 and %v", sum, square/sum, sigma*sigma)
	}
}

// Moves that are affine in the positions are left to the object unless they are fitted.
func TestRemoveAffine_LeavesTheRest(t *testing.T) {
	rows, cols := []float64{0, 0, 10, 10, 5}, []float64{0, 10, 0, 10, 5}
	d := []float64{1, 3, 4, 6, 3.5} // 1 + 0.3·row + 0.2·column
	removeAffine(d, rows, cols, true)
	for j, m := range d {
		if math.Abs(m) > 1e-9 {
			t.Errorf("move %d is %v after its plane was removed", j, m)
		}
	}
	d = []float64{1, 3, 2, 4, 5}
	removeAffine(d, rows, rows, true) // positions on a line: only the mean
	if math.Abs(d[0]+2) > 1e-9 {
		t.Errorf("move 0 is %v on a line, want that only the mean is removed", d[0])
	}
}
