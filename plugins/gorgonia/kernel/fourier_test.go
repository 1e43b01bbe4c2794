package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/internal/machine"
)

func checkTransform[T Float](t *testing.T, path machine.Instructions, rows, cols int, limit float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, want := make([]T, 2*rows*cols), make([]complex128, rows*cols)
	for i := range want {
		x[2*i], x[2*i+1] = T(rng.NormFloat64()), T(rng.NormFloat64())
		want[i] = complex(float64(x[2*i]), float64(x[2*i+1]))
	}
	physics.NewFourier(rows, cols).Forward(want)
	p, err := newTransform[T](rows, cols, path)
	if err != nil {
		t.Fatal(err)
	}
	y, back := make([]T, len(x)), make([]T, len(x))
	p.forward(y, x)
	p.inverse(back, y)
	worst := 0.0
	for i, w := range want {
		worst = max(worst, math.Hypot(float64(y[2*i])-real(w), float64(y[2*i+1])-imag(w)), math.Abs(float64(back[2*i]-x[2*i])))
	}
	if !(worst < limit) {
		t.Errorf("largest error %.2g", worst)
	}
}

func TestTransform_MatchesReferenceAndInverts(t *testing.T) {
	for _, s := range [][2]int{{2, 2}, {4, 8}, {64, 64}, {128, 64}, {6, 10}, {7, 5}, {48, 64}, {1, 4}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			for _, path := range machine.Supported() {
				checkTransform[float32](t, path, s[0], s[1], 3e-6)
				checkTransform[float64](t, path, s[0], s[1], 1e-13)
			}
		})
	}
}
