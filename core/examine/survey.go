package examine

import (
	"context"
	"slices"

	"github.com/ptychogo/ptycho/core/sweep"
)

// survey measures all frames that are not left out.
func (p *profile) survey(ctx context.Context) error {
	if r, ok := p.Patterns.(stored); ok && r.Integers(0, 1) != nil {
		c := sweep.Integers(len(p.at), len(p.bad), p.bad)
		if err := p.eachStored(ctx, r, c.Add); err != nil {
			return err
		}
		take(p, c)
		return nil
	}
	c := sweep.Floats(len(p.at), len(p.bad), p.bad)
	if err := p.each(ctx, c.Add); err != nil {
		return err
	}
	take(p, c)
	return nil
}

// take keeps what a pass has measured.
func take[T sweep.Count](p *profile, c *sweep.Pass[T]) {
	p.Measures = c.Measures
	for i, v := range c.Most {
		p.most[i] = float32(v)
	}
}

// eachStored is each in the type of the file.
func (p *profile) eachStored(ctx context.Context, r stored, visit func(j int, counts []uint16)) error {
	size := len(p.bad)
	for j := 0; j < len(p.at); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := 1
		for n < max(readAtOnce/size, 1) && j+n < len(p.at) && p.at[j+n] == p.at[j]+n {
			n++
		}
		counts := r.Integers(p.at[j], n)
		for ; len(counts) > 0; j, counts = j+1, counts[size:] {
			if !p.out[j] {
				visit(j, counts[:size])
			}
		}
	}
	return nil
}

// suspects returns the frames in which a value may be above the factor of its pixel: above the factor times its reference it is also above
// the factor times the pixels around and the least reference, and therefore a spike if all factors are at least sweep.Factor.
func (p *profile) suspects(factor []float64) []bool {
	is := slices.Clone(p.Crowded)
	for i, f := range factor {
		if !p.bad[i] && f < sweep.Factor {
			for j := range is {
				is[j] = true
			}
			return is
		}
	}
	least := p.thresholds(factor)
	for _, s := range p.Spikes {
		if !p.bad[s.Pixel] && s.Value > least[s.Pixel] && float64(s.Value) > factor[s.Pixel]*float64(s.Near)*(1-1e-6) {
			is[s.Pattern] = true
		}
	}
	return is
}
