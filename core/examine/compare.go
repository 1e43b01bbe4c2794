package examine

import (
	"math"
	"slices"

	"github.com/ptychogo/ptycho/core/sweep"
)

// A comparison compares frames by the brightest pixels of the scan: the difference of two is 1 − Σ√(ab)/√(Σa·Σb). It keeps the frames of one pair of
// positions, which occur in many orders.
type comparison struct {
	p      *profile
	pixels []int
	struck map[int][]int // pixels of cosmic rays by pattern
	roots  map[int]rooted
	known  map[[2]int]float64
	free   [][]float32
}

// A rooted frame has the square roots of its counts.
type rooted struct {
	values []float32
	sum    float64 // of the counts
}

// comparison returns one by so many pixels.
func (p *profile) comparison(pixels int) *comparison {
	c := &comparison{p: p, struck: map[int][]int{}, roots: map[int]rooted{}, known: map[[2]int]float64{}}
	for i, s := range p.sum {
		if !p.bad[i] && s > 0 {
			c.pixels = append(c.pixels, i)
		}
	}
	ascending(c.pixels, func(i int) float64 { return -p.sum[i] })
	c.pixels = c.pixels[:min(len(c.pixels), pixels)]
	slices.Sort(c.pixels)
	for r := range p.cosmic {
		if k, is := slices.BinarySearch(c.pixels, r[1]); is {
			c.struck[p.at[r[0]]] = append(c.struck[p.at[r[0]]], k)
		}
	}
	return c
}

// forget drops the frames of a pair.
func (c *comparison) forget() {
	for _, r := range c.roots {
		c.free = append(c.free, r.values)
	}
	clear(c.roots)
	clear(c.known)
}

// frame returns a frame, in which cosmic rays are 0.
func (c *comparison) frame(i int) rooted {
	if r, ok := c.roots[i]; ok {
		return r
	}
	var r rooted
	if last := len(c.free) - 1; last >= 0 {
		r.values, c.free = c.free[last], c.free[:last]
	} else {
		r.values = make([]float32, len(c.pixels))
	}
	var counts []uint16
	if s, ok := c.p.Patterns.(stored); ok && len(c.pixels) > 0 {
		counts = s.Part(i, c.pixels[0], c.pixels[len(c.pixels)-1]+1)
	}
	if counts != nil {
		r.sum = roots(r.values, counts, c.pixels, c.pixels[0])
	} else {
		r.sum = roots(r.values, c.p.Patterns.Pattern(i), c.pixels, 0)
	}
	for _, k := range c.struck[i] {
		r.sum -= float64(r.values[k] * r.values[k])
		r.values[k] = 0
	}
	c.roots[i] = r
	return r
}

// roots fills values with the square roots of the counts of some pixels, and returns the sum of the counts, of which the first is that of
// pixel from.
func roots[T sweep.Count](values []float32, counts []T, pixels []int, from int) float64 {
	root := func(q int) (v, root float32) {
		if v = float32(counts[q-from]); v < 0 {
			v = 0
		}
		return v, float32(math.Sqrt(float64(v)))
	}
	sum, k := 0.0, 0
	for ; k+4 <= len(pixels); k += 4 { // four at a time, which do not wait for each other
		q, r := pixels[k:k+4], values[k:k+4]
		a, ra := root(q[0])
		b, rb := root(q[1])
		c, rc := root(q[2])
		d, rd := root(q[3])
		r[0], r[1], r[2], r[3] = ra, rb, rc, rd
		sum += (float64(a) + float64(b)) + (float64(c) + float64(d))
	}
	for ; k < len(pixels); k++ {
		v, r := root(pixels[k])
		values[k] = r
		sum += float64(v)
	}
	return sum
}

// difference compares two frames.
func (c *comparison) difference(i, o int) float64 {
	pair := [2]int{i, o}
	if d, ok := c.known[pair]; ok {
		return d
	}
	a, b := c.frame(i), c.frame(o)
	d := 1.0
	if a.sum > 0 && b.sum > 0 {
		d = 1 - inner(a.values, b.values)/math.Sqrt(a.sum*b.sum)
	}
	c.known[pair] = d
	return d
}

// inner returns the inner product. It adds in four parts, which the processor does at the same time.
func inner(a, b []float32) float64 {
	var s [4]float64
	b = b[:len(a)]
	n := len(a) &^ 3
	for k := 0; k < n; k += 4 {
		s[0] += float64(a[k] * b[k])
		s[1] += float64(a[k+1] * b[k+1])
		s[2] += float64(a[k+2] * b[k+2])
		s[3] += float64(a[k+3] * b[k+3])
	}
	for k := n; k < len(a); k++ {
		s[0] += float64(a[k] * b[k])
	}
	return s[0] + s[1] + s[2] + s[3]
}
