package examine

import (
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/ptychogo/ptycho/core/scan"
)

// drawnFrame returns counts up to most, bad pixels and thresholds.
func drawnFrame(rng *rand.Rand, n int, most float64) (counts []float32, bad []bool, least []float32) {
	counts, bad, least = make([]float32, n), make([]bool, n), make([]float32, n)
	for i := range counts {
		counts[i] = float32(math.Floor(math.Pow(most+1, rng.Float64()))) - 1
		bad[i], least[i] = rng.IntN(9) == 0, float32(most*(0.5+rng.Float64()))
	}
	return counts, bad, least
}

// TestSweep_SameInVectorsAndPlainGo: the kernels and plain Go give the same bits for every length, for integers and for fractions.
func TestSweep_SameInVectorsAndPlainGo(t *testing.T) {
	if !vectors() {
		t.Skip("this machine, or PTYCHO_CPU, has plain Go only")
	}
	defer func() { useVectors = vectors() }()
	rng := rand.New(rand.NewPCG(1, 1))
	for n := 1; n < 200; n++ {
		counts, bad, least := drawnFrame(rng, n, 65535)
		integers := make([]uint16, n)
		for i, k := range counts {
			integers[i] = uint16(k)
		}
		var measured [3][2]swept
		var most [3][2][]float32
		var above [3][2][]uint32
		for at, vector := range []bool{true, false} {
			useVectors = vector
			l := limits16(bad, least)
			measured[0][at], above[0][at] = sweep16(integers, l), l.above
			for _, v := range l.most {
				most[0][at] = append(most[0][at], float32(v))
			}
			for k, by := range []float32{1, 0.37} {
				l, values := limits32(bad, least), slices.Clone(counts)
				for i := range values {
					values[i] *= by
				}
				measured[1+k][at], most[1+k][at], above[1+k][at] = sweep32(values, l), l.most, l.above
			}
		}
		for k := range measured {
			if measured[k][0] != measured[k][1] || !slices.Equal(most[k][0], most[k][1]) || !slices.Equal(above[k][0], above[k][1]) {
				t.Fatalf("%d counts of kind %d: the kernel measures %+v, plain Go %+v", n, k, measured[k][0], measured[k][1])
			}
		}
		if measured[0] != measured[1] || !slices.Equal(most[0][0], most[1][0]) {
			t.Fatalf("%d counts: integers give %+v, the same numbers as float32 %+v", n, measured[0], measured[1])
		}
	}
}

// TestSweep_MeasuresAFrame: a total without the three brightest and bad values, the peak, and the values above.
func TestSweep_MeasuresAFrame(t *testing.T) {
	defer func() { useVectors = vectors() }()
	counts := make([]float32, 40)
	for i := range counts {
		counts[i] = 2
	}
	counts[5], counts[6], counts[21], counts[39] = 100, 60000, 50, 40 // 6 is bad
	bad, least := make([]bool, 40), make([]float32, 40)
	bad[6] = true
	for i := range least {
		least[i] = 60.5
	}
	for _, useVectors = range []bool{vectors(), false} {
		l := limits32(bad, least)
		if got, want := sweep32(counts, l), (swept{total: 72, peak: 100, above: true}); got != want {
			t.Errorf("measured %+v, want %+v", got, want)
		}
		if l.above[0] != 1<<5 || l.above[2] != 0 || l.most[6] != 0 || l.most[39] != 40 {
			t.Errorf("above %v, most %v", l.above, l.most)
		}
	}
}

// spooled is a file of patterns.
type spooled struct{ *os.File }

func (s spooled) Path() string { return s.Name() }
func (s spooled) Seal()        {}

// TestScan_StoredAsInMemory: patterns in a file, which are examined in their own type, have the findings of those in memory.
func TestScan_StoredAsInMemory(t *testing.T) {
	s := sound(t, 4)
	rng := rand.New(rand.NewPCG(4, 4))
	plantRays(s, rng, 3)
	copy(s.Pattern(50), s.Pattern(51))
	for i := range s.Pattern(7) { // among the few frames, and in all of them
		s.Pattern(7)[i] *= 40
	}
	clear(s.Pattern(9))
	want, err := Scan(t.Context(), s)
	if err != nil || len(want) != 4 {
		t.Fatalf("%s: %v", names1(want), err)
	}
	w, err := scan.NewPatternWriter(func(int64) (scan.PatternFile, error) {
		f, err := os.CreateTemp(t.TempDir(), "")
		t.Cleanup(func() { f.Close() })
		return spooled{f}, err
	}, s.Len(), s.N*s.N, 4)
	if err == nil {
		err = w.Append(t.Context(), s.Counts)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Counts, s.Stored = w.Patterns()
	got, err := Scan(t.Context(), s)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("stored as %v: found %+v, want %+v: %v", s.Stored.DType(), got, want, err)
	}
}
