package examine

import (
	"context"
	"slices"
)

// A rolled scan has its patterns moved by half a side along both axes: the zero frequency of the corner is then in the middle.
type rolled struct {
	Patterns
	n   int
	out []float32
}

// Pattern implements Patterns.
func (r *rolled) Pattern(i int) []float32 {
	return roll(r.out, r.Patterns.Pattern(i), r.n)
}

// roll moves an image by half a side along both axes: pixel (0, 0) to (N/2, N/2).
func roll[T any](to, from []T, n int) []T {
	for i := range to {
		to[i] = from[(i/n+n-n/2)%n*n+(i%n+n-n/2)%n]
	}
	return to
}

// examineAgain examines a scan once more where a finding has spoiled the tests before it: patterns with the zero frequency in the corner are rolled, and
// pixels whose counts wrapped around or were clipped are left out. Other findings are then those of the second examination.
func examineAgain(ctx context.Context, in Input, p *profile, found []Finding) ([]Finding, error) {
	is := func(f Finding) bool { return f.ID == Corner || f.ID == Wrapped || f.ID == Clipped }
	if !slices.ContainsFunc(found, is) {
		return found, nil
	}
	left := p.spoilt
	if p.found[Corner] {
		size := in.N * in.N
		in.Patterns = &rolled{Patterns: in.Patterns, n: in.N, out: make([]float32, size)}
		if in.Mask != nil {
			in.Mask = roll(make([]uint8, size), in.Mask, in.N)
		}
		if left != nil {
			left = roll(make([]bool, size), left, in.N)
		}
	} else if left == nil {
		return found, nil
	}
	second := newProfile(in)
	second.keepOut(left)
	more, err := second.run(ctx)
	if err != nil || second.found[Corner] {
		return found, err
	}
	if p.found[Corner] {
		for k := range more {
			more[k].unroll(in.N)
		}
	}
	for _, f := range found {
		if same := func(g Finding) bool { return g.ID == f.ID }; is(f) {
			more = append(slices.DeleteFunc(more, same), f)
		} else if !p.found[Corner] && !p.found[Wrapped] && !slices.ContainsFunc(more, same) {
			more = append(more, f)
		}
	}
	return more, nil
}

// keepOut excludes pixels from all tests.
func (p *profile) keepOut(pixels []bool) {
	p.unknown = pixels
	for i, is := range pixels {
		p.bad[i] = p.bad[i] || is
	}
}

// unroll moves the pixels of a finding of rolled patterns back.
func (f *Finding) unroll(n int) {
	back := func(at int) int { return (at + n - n/2) % n }
	for k, at := range f.Pixels {
		f.Pixels[k] = [2]int{back(at[0]), back(at[1])}
	}
	for k, v := range f.Values {
		f.Values[k] = [3]int{v[0], back(v[1]), back(v[2])}
	}
}

// spoil keeps pixels for the second examination, unless they are half of all.
func (p *profile) spoil(pixels []int) {
	if 2*len(pixels) > len(p.bad) {
		return
	}
	p.spoilt = make([]bool, len(p.bad))
	for _, i := range pixels {
		p.spoilt[i] = true
	}
}
