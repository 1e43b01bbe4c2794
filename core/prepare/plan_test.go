package prepare_test

import (
	"math"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/prepare"
)

// numbered returns a frame whose value at (row, column) is 100·row + column.
func numbered(h, w int) []float32 {
	out := make([]float32, h*w)
	for i := range out {
		out[i] = float32(100*(i/w) + i%w)
	}
	return out
}

// arranged returns the pattern that a plan makes of a frame.
func arranged(t *testing.T, s prepare.Steps, h, w int) (*prepare.Plan, []float32) {
	t.Helper()
	p, err := s.Plan(h, w)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, p.N*p.N)
	p.Arrange(got, numbered(h, w)[p.Top*w+p.Left:], w, make([]float64, len(got)))
	return p, got
}

// TestPlan_Arrange compares with what NumPy gives for frames f of 6×8 pixels, f[row, column] = 100·row + column, written beside each case.
func TestPlan_Arrange(t *testing.T) {
	to := func(n int) func(int) int { return func(int) int { return n } }
	at := func(row, column int) *[2]int { return &[2]int{row, column} }
	for _, c := range []struct {
		name  string
		steps prepare.Steps
		want  []float32
	}{
		{"middle", prepare.Steps{Side: 2}, []float32{203, 204, 303, 304}},                                                     // f[2:4, 3:5]
		{"centre", prepare.Steps{Side: 2, Centre: at(1, 5)}, []float32{4, 5, 104, 105}},                                       // f[0:2, 4:6]
		{"largest around a centre", prepare.Steps{Centre: at(1, 5)}, []float32{4, 5, 104, 105}},                               // f[0:2, 4:6]
		{"exchange", prepare.Steps{Side: 2, Exchange: true}, []float32{203, 303, 204, 304}},                                   // f.T[3:5, 2:4]
		{"flip rows", prepare.Steps{Side: 2, FlipRows: true}, []float32{303, 304, 203, 204}},                                  // f[::-1][2:4, 3:5]
		{"flip columns", prepare.Steps{Side: 2, FlipColumns: true}, []float32{204, 203, 304, 303}},                            // f[:, ::-1][2:4, 3:5]
		{"exchange before flip", prepare.Steps{Side: 2, Exchange: true, FlipRows: true}, []float32{204, 304, 203, 303}},       // f.T[::-1][3:5, 2:4]
		{"a centre is turned", prepare.Steps{Side: 2, Centre: at(1, 5), FlipRows: true}, []float32{204, 205, 104, 105}},       // f[::-1][3:5, 4:6]
		{"a centre is exchanged", prepare.Steps{Side: 2, Centre: at(1, 5), Exchange: true}, []float32{4, 104, 5, 105}},        // f.T[4:6, 0:2]
		{"corner", prepare.Steps{Side: 2, Corner: true}, []float32{507, 500, 7, 0}},                                           // fftshift(f)[2:4, 3:5]
		{"corner after flip", prepare.Steps{Side: 2, Corner: true, FlipRows: true}, []float32{7, 0, 507, 500}},                // fftshift(f[::-1])[2:4, 3:5]
		{"bin", prepare.Steps{Side: 4, Bin: 2}, []float32{610, 618, 1410, 1418}},                                              // f[1:5, 2:6] in blocks
		{"bin after flip", prepare.Steps{Side: 4, Bin: 2, Centre: at(2, 5), FlipRows: true}, []float32{1414, 1422, 614, 622}}, // f[::-1][1:5, 3:7] in blocks
		{"pad", prepare.Steps{Side: 2, Pad: 4}, []float32{0, 0, 0, 0, 0, 203, 204, 0, 0, 303, 304, 0, 0, 0, 0, 0}},
		{"adapted to less", prepare.Steps{Side: 4, Adapt: to(2)}, []float32{203, 204, 303, 304}}, // f[2:4, 3:5]
		{"adapted to more", prepare.Steps{Side: 2, Adapt: to(4)}, []float32{0, 0, 0, 0, 0, 203, 204, 0, 0, 303, 304, 0, 0, 0, 0, 0}},
		{"pad adapted to less", prepare.Steps{Side: 2, Pad: 6, Adapt: to(4)}, []float32{0, 0, 0, 0, 0, 203, 204, 0, 0, 303, 304, 0, 0, 0, 0, 0}},
		{"bin adapted to less", prepare.Steps{Side: 4, Bin: 1, Pad: 4, Adapt: to(2)}, []float32{203, 204, 303, 304}},
		{"bin and pad", prepare.Steps{Side: 4, Bin: 2, Pad: 4}, []float32{0, 0, 0, 0, 0, 610, 618, 0, 0, 1410, 1418, 0, 0, 0, 0, 0}},
	} {
		p, got := arranged(t, c.steps, 6, 8)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if want := p.Border() > 0; (p.Mask() != nil) != want {
			t.Errorf("%s: mask %v", c.name, p.Mask())
		}
	}
}

// TestPlan_MaskMovesWithThePatterns hides one pixel of the frame, which must hide one pixel of the pattern, the sum that it is part of.
func TestPlan_MaskMovesWithThePatterns(t *testing.T) {
	const h, w, row, column = 8, 8, 3, 5
	mask := slices.Repeat([]uint8{1}, h*w)
	mask[row*w+column] = 0
	for _, s := range []prepare.Steps{{}, {Side: 4}, {Exchange: true}, {FlipRows: true, FlipColumns: true}, {Corner: true}, {Bin: 2}, {Pad: 10}, {Exchange: true, FlipColumns: true, Bin: 2, Pad: 6}} {
		_, all := arranged(t, s, h, w)
		s.Mask = mask
		p, got := arranged(t, s, h, w)
		hidden := 0
		for i, m := range p.Mask() {
			switch {
			case m == 0 && got[i] != 0:
				t.Errorf("%+v: a masked pixel has %v counts", s, got[i])
			case m == 0 && all[i] != 0:
				hidden++
				if s.Bin <= 1 && all[i] != 100*row+column {
					t.Errorf("%+v: pixel %v is masked", s, all[i])
				}
			case got[i] != all[i]:
				t.Errorf("%+v: pixel %v became %v", s, all[i], got[i])
			}
		}
		if hidden != 1 {
			t.Errorf("%+v: %d pixels are masked", s, hidden)
		}
	}
}

func TestPlan_CountsInOrder(t *testing.T) {
	p, err := prepare.Steps{Dark: []float64{0, 10, 0, 0}, Flat: []float64{1, 1, 2, 1}, Offset: 100, Gain: 4}.Plan(2, 2)
	if err != nil {
		t.Fatal(err)
	}
	var tally prepare.Tally
	for i, want := range []float64{25, 22.5, 12.5, 25} { // (200 − 100 − dark) / flat / 4
		if got := p.Count(i, 200, &tally); got != want {
			t.Errorf("pixel %d: %v, want %v", i, got, want)
		}
	}
	if p.Count(0, 99, &tally) != 0 || tally != (prepare.Tally{Values: 5, Below: 1, Above: 4}) {
		t.Errorf("below the offset: %+v", tally)
	}
	if v := p.Count(0, math.NaN(), &tally); !math.IsNaN(v) {
		t.Errorf("a value that is not a number becomes %v", v)
	}
}

func TestPlan_RefusesWhatDoesNotFit(t *testing.T) {
	for name, s := range map[string]prepare.Steps{
		"crop": {Side: 10}, "crop around a corner": {Side: 4, Centre: &[2]int{1, 5}}, "centre": {Centre: &[2]int{8, 0}}, "centre below 0": {Centre: &[2]int{-1, 4}},
		"bin": {Bin: 5}, "crop of a bin": {Side: 6, Bin: 2}, "pad": {Pad: 6}, "odd pad": {Pad: 9}, "two centres": {Corner: true, Centre: &[2]int{4, 4}},
	} {
		if _, err := s.Plan(8, 8); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := (prepare.Steps{Bin: 2}).Plan(1<<20, 1<<20); err == nil {
		t.Error("a frame of 2^40 pixels: no error")
	}
}

// TestPlan_ProbeFollows checks that a probe is turned as the patterns are, that pad keeps its window and that bin cuts it.
func TestPlan_ProbeFollows(t *testing.T) {
	const n = 32
	probe := blob(n)
	for _, c := range []struct {
		steps prepare.Steps
		at    func(y, x int) int // pixel of probe
	}{
		{prepare.Steps{Exchange: true}, func(y, x int) int { return x*n + y }},
		{prepare.Steps{FlipRows: true}, func(y, x int) int { return (n-y)%n*n + x }},
		{prepare.Steps{Exchange: true, FlipRows: true}, func(y, x int) int { return x*n + (n-y)%n }},
		{prepare.Steps{Bin: 2}, func(y, x int) int { return (y+n/4)*n + x + n/4 }},
	} {
		p, err := c.steps.Plan(n, n)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := p.Probe(probe, n)
		if err != nil || len(got) != p.N*p.N {
			t.Fatal(len(got), err)
		}
		for i := range got {
			if got[i] != probe[c.at(i/p.N, i%p.N)] {
				t.Fatalf("%+v: pixel %d differs", c.steps, i)
			}
		}
	}
}

// TestBeam_IgnoresHotPixelsAndBackground finds a disk off the middle, and whether a mask hides it.
func TestBeam_IgnoresHotPixelsAndBackground(t *testing.T) {
	const h, w, y, x = 60, 80, 22, 47
	frame, disk, hot := make([]float64, h*w), slices.Repeat([]uint8{1}, h*w), slices.Repeat([]uint8{1}, h*w)
	for i := range frame {
		frame[i] = 1
		if (i/w-y)*(i/w-y)+(i%w-x)*(i%w-x) < 100 {
			frame[i], disk[i] = 1000, 0
		}
	}
	for _, i := range []int{3*w + 5, 50*w + 70, 55 * w} {
		frame[i], hot[i] = 1e9, 0
	}
	if got, ok := prepare.Beam(frame, h, w); !ok || got != [2]int{y, x} {
		t.Errorf("centre %v, %v, want (%d, %d)", got, ok, y, x)
	}
	if share := prepare.Hidden(frame, disk, h, w); share < 0.98 {
		t.Errorf("the disk has %v of the counts", share)
	}
	if share := prepare.Hidden(frame, hot, h, w); share > 0.001 {
		t.Errorf("hot pixels have %v of the counts", share)
	}
	if _, ok := prepare.Beam(make([]float64, h*w), h, w); ok {
		t.Error("a dark frame has a centre")
	}
}

// TestPlan_CornerOfOddFrames checks that the zero frequency of 7×9 pixels becomes pixel (1, 1) of 2×2, as numpy.fft.fftshift puts it.
func TestPlan_CornerOfOddFrames(t *testing.T) {
	if _, got := arranged(t, prepare.Steps{Side: 2, Corner: true}, 7, 9); !slices.Equal(got, []float32{608, 600, 8, 0}) {
		t.Errorf("%v", got)
	}
}
