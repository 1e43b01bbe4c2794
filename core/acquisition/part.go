package acquisition

import (
	"context"
	"fmt"
	"sort"
)

// A part is an array with consecutive patterns.
type part struct {
	Array     // [n, Height, Width]
	first int // pattern
	n     int
}

// partOf returns the array with a pattern.
func (a *Acquisition) partOf(pattern int) part {
	return a.parts[sort.Search(len(a.parts), func(i int) bool { return pattern < a.parts[i].first+a.parts[i].n })]
}

// keep leaves only the patterns with the given numbers, ascending.
func (a *Acquisition) keep(patterns []int) {
	var parts []part
	for i := 0; i < len(patterns); {
		p := a.partOf(patterns[i])
		n := 1
		for i+n < len(patterns) && patterns[i+n] == patterns[i]+n && patterns[i+n] < p.first+p.n {
			n++
		}
		parts = append(parts, part{skipping{p.Array, uint64(patterns[i] - p.first), uint64(n)}, i, n})
		i += n
	}
	a.parts, a.Patterns = parts, len(patterns)
}

// skipping is an array without its first items, and without those after n more.
type skipping struct {
	Array
	skip, n uint64
}

func (a skipping) Shape() []uint64 { return append([]uint64{a.n}, a.Array.Shape()[1:]...) }

func (a skipping) Read(ctx context.Context, dst any, start, count []uint64) error {
	return a.Array.Read(ctx, dst, append([]uint64{start[0] + a.skip}, start[1:]...), count)
}

// transposed is an array [n, W, H] of real numbers as [n, H, W].
type transposed struct{ Array }

func (a transposed) Shape() []uint64 {
	s := a.Array.Shape()
	return []uint64{s[0], s[2], s[1]}
}

func (a transposed) Read(ctx context.Context, dst any, start, count []uint64) error {
	b, err := blockOf(dst)
	if err != nil {
		return fmt.Errorf("%s %w", a.Name(), err)
	}
	if err := a.Array.Read(ctx, dst, []uint64{start[0], start[2], start[1]}, []uint64{count[0], count[2], count[1]}); err != nil {
		return err
	}
	b.transpose(int(count[1]), int(count[2]))
	return nil
}

// transpose makes images [h, w] of images [w, h], one after another.
func transpose[T any](v []T, h, w int) {
	image := make([]T, h*w)
	for ; len(v) >= len(image) && len(image) > 0; v = v[len(image):] {
		copy(image, v)
		for r := range h {
			for c := range w {
				v[r*w+c] = image[c*h+r]
			}
		}
	}
}
