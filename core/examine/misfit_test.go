package examine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/metrics"
	"github.com/ptychogo/ptycho/core/scan"
)

// TestMisfits_NamesTheWorst: frames and pixels far above the others are named, by their rows in the file, and an even misfit is not.
func TestMisfits_NamesTheWorst(t *testing.T) {
	const n, frames = 16, 60
	s := &scan.Scan{N: n}
	rng := rand.New(rand.NewPCG(1, 2))
	m := metrics.Misfits{Pixels: make([]metrics.Misfit, n*n)}
	for j := range frames {
		s.Index = append(s.Index, 100+j)
		m.Frames = append(m.Frames, metrics.Misfit{Measured: 40 * (2 + rng.Float64()), Expected: 40})
	}
	for i := range m.Pixels { // the middle fits worse, as in an unfinished reconstruction
		y, x := float64(i/n-n/2), float64(i%n-n/2)
		m.Pixels[i] = metrics.Misfit{Measured: 15 * (1 + 30/(1+y*y+x*x)) * (0.8 + 0.4*rng.Float64()), Expected: 15}
	}
	m.Pixels[3] = metrics.Misfit{} // masked
	if found := Misfits(m, s); len(found) != 0 {
		t.Errorf("nothing is wrong: %+v", found)
	}
	m.Frames[7].Measured *= 20
	m.Pixels[2*n+5].Measured *= 12
	found := Misfits(m, s)
	if len(found) != 2 || !slices.Equal(found[0].Frames, []int{107}) || !slices.Equal(found[1].Pixels, [][2]int{{2, 5}}) {
		t.Errorf("%+v", found)
	}
	if found := Misfits(metrics.Misfits{Frames: m.Frames[:7], Pixels: m.Pixels[:0]}, s); len(found) != 0 {
		t.Errorf("too few frames: %+v", found)
	}
}

// TestFewData_NamesWhatIsMissing: few photons per pixel and a residual below photon noise are named.
func TestFewData_NamesWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		image Image
		want  []string
	}{
		{Image{R: 0.01, Expected: 0.009, PhotonsPerPixel: 200}, nil},
		{Image{R: 0.3, Expected: 0.2, PhotonsPerPixel: 2}, []string{FewPhotons}},
		{Image{R: 0.001, Expected: 0.003, PhotonsPerPixel: 200}, []string{Overfit}},
		{Image{R: 0.012, Flat: 0.05, Expected: 0.009, PhotonsPerPixel: 200}, nil},
		{Image{R: 0.025, Flat: 0.05, Expected: 0.009, PhotonsPerPixel: 200}, []string{PoorFit}},
		{Image{R: 0.095, Flat: 0.095, Expected: 0.09, PhotonsPerPixel: 200}, nil}, // nothing to see
	} {
		var ids []string
		for _, f := range FewData(c.image) {
			ids = append(ids, f.ID)
		}
		if !slices.Equal(ids, c.want) {
			t.Errorf("%+v: %v, want %v", c.image, ids, c.want)
		}
	}
}
