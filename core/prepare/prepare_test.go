package prepare_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/ptychogo/ptycho/core/prepare"
)

// blob is a probe with its own slope and centre, band-limited enough for either sampling: [n, n], where the window is 1 wide.
func blob(n int) []complex128 {
	out := make([]complex128, n*n)
	for r := range n {
		for c := range n {
			y, x := float64(r)/float64(n)-0.5, float64(c)/float64(n)-0.5
			out[r*n+c] = cmplx.Rect(math.Exp(-((y-0.05)*(y-0.05)/0.01 + (x+0.03)*(x+0.03)/0.006)), 9*y-14*x+20*x*y)
		}
	}
	return out
}

func TestProbe_KeepsItsFormAtAnotherSampling(t *testing.T) {
	for _, c := range [][2]int{{48, 32}, {32, 48}, {32, 32}} {
		two := append(blob(c[0]), blob(c[0])...)
		got, err := prepare.Probe(two, c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		want := append(blob(c[1]), blob(c[1])...)
		for i := range want {
			if cmplx.Abs(got[i]-want[i]) > 2e-3 {
				t.Fatalf("%d to %d: value %d is %v, want %v", c[0], c[1], i, got[i], want[i])
			}
		}
	}
}

func TestMiddle_KeepsTheZeroFrequencyAtHalf(t *testing.T) {
	frame := make([]int, 36)
	for i := range frame {
		frame[i] = i
	}
	prepare.Middle(frame, frame, 6, 2)
	for i, want := range []int{14, 15, 20, 21} { // pixel (3, 3) of 6 becomes (1, 1) of 2
		if frame[i] != want {
			t.Errorf("pixel %d is %d, want %d", i, frame[i], want)
		}
	}
}
