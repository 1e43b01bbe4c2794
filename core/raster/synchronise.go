package raster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"slices"
)

// SyncOptions bounds the work of Synchronise. The zero value means the defaults.
type SyncOptions struct {
	// Neighbours is the number of nearest patches that each patch is compared with; 0 means 16.
	Neighbours int
	// Iterations bounds the power iteration; 0 means 2000.
	Iterations int
	// Progress is called after each patch with the number of patches that were compared with their neighbours; nil: not called.
	Progress func(patches int)
}

// Synchronise finds the factors of modulus 1 that give the patches one common phase. A diffraction pattern does not
// determine its patch's absolute phase, so that each patch may have another; multiply patch j by factor j before Add.
//
// patch(j, dst) must fill dst [n·n] with patch j and is called several times for each. weight [n·n] is Σ|P|², nil for
// 1.
//
// With c_jk = Σ conj(O_j)·O_k √(w_j·w_k) over the overlap (shifted by the nearest whole pixel) the factors are the
// phases of the leading eigenvector of c_jk/√(d_j·d_k), d_j = Σ_k |c_jk|. It is exact if the patches differ only by
// their phases. For imperfect patches it may add a slow phase drift, so that it is optional.
func Synchronise(ctx context.Context, rows, cols []float64, n int, weight []float32, patch func(j int, dst []complex64) error, opts SyncOptions) ([]complex128, error) {
	if err := checkSynchronise(rows, cols, n, weight); err != nil {
		return nil, fmt.Errorf("stitch: synchronise: %w", err)
	}
	if opts.Neighbours <= 0 {
		opts.Neighbours = 16
	}
	if opts.Iterations <= 0 {
		opts.Iterations = 2000
	}
	links := nearest(rows, cols, n, opts.Neighbours)
	degree, err := correlate(ctx, links, rows, cols, n, weight, patch, opts.Progress)
	if err != nil {
		return nil, err
	}
	factors := leading(links, degree, opts.Iterations)

	// The common phase is free: keep the mean.
	var mean complex128
	for _, f := range factors {
		mean += f
	}
	if m := cmplx.Abs(mean); m > 0 {
		turn := cmplx.Conj(mean) / complex(m, 0)
		for j := range factors {
			factors[j] *= turn
		}
	}
	return factors, nil
}

// checkSynchronise rejects invalid positions, sizes and weights.
func checkSynchronise(rows, cols []float64, n int, weight []float32) error {
	switch {
	case len(rows) == 0:
		return errors.New("the patches are missing")
	case len(cols) != len(rows):
		return fmt.Errorf("%d row coordinates but %d column coordinates", len(rows), len(cols))
	case n < 1:
		return fmt.Errorf("the side of the patches is %d, want at least 1", n)
	case weight != nil && len(weight) != n*n:
		return fmt.Errorf("%d weights for patches of %d×%d pixels", len(weight), n, n)
	}
	for i, w := range weight {
		if !(w >= 0) {
			return fmt.Errorf("weight %d is %v, want a finite number, at least 0", i, w)
		}
	}
	for _, p := range [][]float64{rows, cols} {
		if _, _, _, err := extent(p); err != nil {
			return err
		}
	}
	return nil
}

// correlate sets the links to c_jk/√(d_j·d_k) and returns the degrees d_j.
func correlate(ctx context.Context, links [][]link, rows, cols []float64, n int, weight []float32, patch func(j int, dst []complex64) error, progress func(int)) ([]float64, error) {
	root := make([]float64, n*n) // √w
	for i := range root {
		root[i] = 1
		if weight != nil {
			root[i] = math.Sqrt(float64(weight[i]))
		}
	}
	a, b := make([]complex64, n*n), make([]complex64, n*n)
	degree := make([]float64, len(links))
	for j := range links {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := patch(j, a); err != nil {
			return nil, fmt.Errorf("stitch: synchronise: patch %d: %w", j, err)
		}
		for q := range links[j] {
			k := links[j][q].to
			if k < j {
				continue // c_kj = conj(c_jk) was found at k
			}
			if err := patch(k, b); err != nil {
				return nil, fmt.Errorf("stitch: synchronise: patch %d: %w", k, err)
			}
			c := overlap(a, b, root, n, int(math.Round(rows[k]-rows[j])), int(math.Round(cols[k]-cols[j])))
			if cmplx.IsNaN(c) || cmplx.IsInf(c) {
				return nil, fmt.Errorf("stitch: synchronise: patch %d or %d has a value that is not a finite number", j, k)
			}
			links[j][q].c = c
			back := slices.IndexFunc(links[k], func(l link) bool { return l.to == j })
			links[k][back].c = cmplx.Conj(c)
			degree[j] += cmplx.Abs(c)
			degree[k] += cmplx.Abs(c)
		}
		if progress != nil {
			progress(j + 1)
		}
	}
	for j := range links {
		for q, l := range links[j] {
			if d := math.Sqrt(degree[j] * degree[l.to]); d > 0 {
				links[j][q].c /= complex(d, 0)
			}
		}
	}
	return degree, nil
}

// link is the correlation of patch j with patch to.
type link struct {
	to int
	c  complex128
}

// nearest links every patch with its count nearest overlapping patches, in both directions, ordered by index.
func nearest(rows, cols []float64, n, count int) [][]link {
	order := make([]int, len(rows))
	for j := range order {
		order[j] = j
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(rows[a], rows[b]), a-b) })
	links := make([][]link, len(rows))
	join := func(j, k int) {
		if !slices.ContainsFunc(links[j], func(l link) bool { return l.to == k }) {
			links[j] = append(links[j], link{to: k})
		}
	}
	type near struct {
		to int
		d2 float64
	}
	for at, j := range order {
		var best []near // nearest so far, by distance
		for _, step := range []int{-1, 1} {
			for i := at + step; i >= 0 && i < len(order); i += step {
				k := order[i]
				dy, dx := math.Abs(rows[k]-rows[j]), math.Abs(cols[k]-cols[j])
				if dy >= float64(n) || len(best) == count && dy*dy > best[count-1].d2 {
					break // all others are further in y
				}
				if dx >= float64(n) {
					continue
				}
				e := near{k, dy*dy + dx*dx}
				pos, _ := slices.BinarySearchFunc(best, e, func(a, b near) int { return cmp.Or(cmp.Compare(a.d2, b.d2), a.to-b.to) })
				if pos < count {
					best = slices.Insert(best, pos, e)
					best = best[:min(len(best), count)]
				}
			}
		}
		for _, e := range best {
			join(j, e.to)
			join(e.to, j)
		}
	}
	for j := range links {
		slices.SortFunc(links[j], func(a, b link) int { return a.to - b.to })
	}
	return links
}

// overlap returns Σ conj(a(r))·b(r − d)·√(w(r)·w(r − d)) over the common pixels of patches a and b, b displaced by (dy,
// dx).
func overlap(a, b []complex64, root []float64, n, dy, dx int) complex128 {
	var sum complex128
	for y := max(0, dy); y < min(n, n+dy); y++ {
		for x := max(0, dx); x < min(n, n+dx); x++ {
			p, q := y*n+x, (y-dy)*n+x-dx
			w := root[p] * root[q]
			if w != 0 {
				sum += complex(w, 0) * cmplx.Conj(complex128(a[p])) * complex128(b[q])
			}
		}
	}
	return sum
}

// leading returns the phases of the leading eigenvector of the normalised matrix, for each of its connected parts. It
// starts from the phases along the strongest links (exact if all links agree), then iterates with (A + 1)/2, whose
// eigenvalues are not negative.
func leading(links [][]link, degree []float64, iterations int) []complex128 {
	v := make([]complex128, len(links))
	spanning(links, v)
	for j := range v {
		v[j] *= complex(math.Sqrt(degree[j]), 0)
	}
	next := make([]complex128, len(v))
	for range iterations {
		var change, norm float64
		for j := range v {
			s := v[j]
			for _, l := range links[j] {
				s += l.c * v[l.to]
			}
			next[j] = s / 2
			d := next[j] - v[j]
			change += real(d)*real(d) + imag(d)*imag(d)
			norm += real(v[j])*real(v[j]) + imag(v[j])*imag(v[j])
		}
		if norm == 0 {
			break
		}
		scale := complex(1/math.Sqrt(norm), 0) // keeps v of order 1; its length is arbitrary
		for j := range v {
			v[j] = next[j] * scale
		}
		if change < 1e-24*norm {
			break
		}
	}
	for j := range v {
		if m := cmplx.Abs(v[j]); m > 0 {
			v[j] /= complex(m, 0)
		} else {
			v[j] = 1
		}
	}
	return v
}

// spanning sets v to the phases along a maximum spanning tree (Prim) of each connected part.
func spanning(links [][]link, v []complex128) {
	done := make([]bool, len(links))
	type edge struct {
		strength float64
		from, to int
		c        complex128
	}
	var heap []edge // strongest first
	less := func(a, b edge) bool {
		if a.strength != b.strength {
			return a.strength > b.strength
		}
		return cmp.Or(a.from-b.from, a.to-b.to) < 0
	}
	push := func(e edge) {
		heap = append(heap, e)
		for i := len(heap) - 1; i > 0 && less(heap[i], heap[(i-1)/2]); i = (i - 1) / 2 {
			heap[i], heap[(i-1)/2] = heap[(i-1)/2], heap[i]
		}
	}
	pop := func() edge {
		e := heap[0]
		heap[0] = heap[len(heap)-1]
		heap = heap[:len(heap)-1]
		for i := 0; ; {
			c := 2*i + 1
			if c+1 < len(heap) && less(heap[c+1], heap[c]) {
				c++
			}
			if c >= len(heap) || !less(heap[c], heap[i]) {
				return e
			}
			heap[i], heap[c] = heap[c], heap[i]
			i = c
		}
	}
	visit := func(j int, phase complex128) {
		done[j], v[j] = true, phase
		for _, l := range links[j] {
			if m := cmplx.Abs(l.c); m > 0 && !done[l.to] {
				push(edge{m, j, l.to, l.c / complex(m, 0)})
			}
		}
	}
	for j := range links {
		if done[j] {
			continue
		}
		visit(j, 1)
		for len(heap) > 0 {
			// c_jk has phase α_k − α_j and v_j should be e^(−iα_j), so v_k = conj(c_jk)·v_j.
			if e := pop(); !done[e.to] {
				visit(e.to, cmplx.Conj(e.c)*v[e.from])
			}
		}
	}
}
