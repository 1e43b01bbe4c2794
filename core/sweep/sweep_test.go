package sweep

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// drawnFrame returns counts up to most, and a threshold for each.
func drawnFrame(rng *rand.Rand, n int, most float64) (counts, least []float32) {
	counts, least = make([]float32, n), make([]float32, n)
	for i := range counts {
		counts[i] = float32(math.Floor(math.Pow(most+1, rng.Float64()))) - 1
		least[i] = float32(most * (0.5 + rng.Float64()))
	}
	return counts, least
}

// A looked is what a sweep finds.
type looked struct {
	measure
	most []float32
	hits []int
}

func look16(counts []float32) looked {
	frame, most := make([]uint16, len(counts)), make([]uint16, len(counts))
	for i, k := range counts {
		frame[i], most[i] = uint16(k), uint16(100*(i%3))
	}
	var out looked
	var hits []Hit
	out.measure, hits = sweep16(frame, most, Hits(len(counts)))
	for _, v := range most {
		out.most = append(out.most, float32(v))
	}
	Each(hits, 2, func(i int) { out.hits = append(out.hits, i) })
	out.hash = 0 // another one than that of float32
	return out
}

func look32(counts []float32) looked {
	most := make([]float32, len(counts))
	for i := range most {
		most[i] = float32(100 * (i % 3))
	}
	out := looked{most: most}
	var hits []Hit
	out.measure, hits = sweep32(counts, most, Hits(len(counts)))
	Each(hits, 1, func(i int) { out.hits = append(out.hits, i) })
	return out
}

// TestSweep_SameInVectorsAndPlainGo: the kernels and plain Go give the same bits for every length, for integers and for fractions.
func TestSweep_SameInVectorsAndPlainGo(t *testing.T) {
	if !vectors() {
		t.Skip("this machine, or PTYCHO_CPU, has plain Go only")
	}
	defer func() { useVectors = vectors() }()
	rng := rand.New(rand.NewPCG(1, 1))
	for n := 1; n < 200; n++ {
		counts, least := drawnFrame(rng, n, 65535)
		fractions := slices.Clone(counts)
		for i := range fractions {
			fractions[i] *= 0.37
		}
		var got [2][]any
		for at, vector := range []bool{true, false} {
			useVectors = vector
			var above []int
			Each(Above(counts, least, Hits(n)), 1, func(i int) { above = append(above, i) })
			integers := make([]uint16, n)
			for i, k := range counts {
				integers[i] = uint16(k)
			}
			s, _ := sweep16(integers, make([]uint16, n), Hits(n))
			got[at] = []any{look16(counts), look32(counts), look32(fractions), above, s.hash}
		}
		for k := range got[0] {
			if !reflect.DeepEqual(got[0][k], got[1][k]) {
				t.Fatalf("%d counts, kind %d: the kernel measures %+v, plain Go %+v", n, k, got[0][k], got[1][k])
			}
		}
		float := look32(counts)
		if float.hash = 0; !reflect.DeepEqual(float, look16(counts)) {
			t.Fatalf("%d counts: integers give %+v, the same numbers as float32 %+v", n, look16(counts), float)
		}
	}
}

// TestSweep_MeasuresAFrame: a total without the three brightest values, the peak, the largest counts, and the values that stand out in
// their line.
func TestSweep_MeasuresAFrame(t *testing.T) {
	defer func() { useVectors = vectors() }()
	counts := make([]float32, 40)
	for i := range counts {
		counts[i] = 2
	}
	counts[5], counts[20], counts[21], counts[39] = 100, 30, 50, 40
	want := looked{measure: measure{sum: 36*2 + 220, total: 36*2 + 30, peak: 100}, hits: []int{5, 39}}
	for i := range counts {
		want.most = append(want.most, max(counts[i], float32(100*(i%3))))
	}
	for _, useVectors = range []bool{vectors(), false} {
		got := look32(counts)
		if got.hash = 0; !reflect.DeepEqual(got, want) {
			t.Errorf("measured %+v, want %+v", got, want)
		}
	}
}

// TestSweep_HashDependsOnEveryPixel: frames that differ in one pixel, or in the order of two, have other hashes.
func TestSweep_HashDependsOnEveryPixel(t *testing.T) {
	frame := make([]uint16, 100)
	for i := range frame {
		frame[i] = uint16(i * i)
	}
	hash := func() uint64 { s, _ := sweep16(frame, make([]uint16, 100), Hits(100)); return s.hash }
	before := hash()
	for i := range frame {
		frame[i]++
		if hash() == before {
			t.Errorf("the same hash with another count of pixel %d", i)
		}
		frame[i]--
		if i > 0 {
			frame[i-1], frame[i] = frame[i], frame[i-1]
			if hash() == before {
				t.Errorf("the same hash with pixels %d and %d exchanged", i-1, i)
			}
			frame[i-1], frame[i] = frame[i], frame[i-1]
		}
	}
}
