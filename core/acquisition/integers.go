package acquisition

import (
	"context"

	"github.com/ptychogo/ptycho/core/scan"
)

// integers returns the type in which all frames store counts that need no more than their bad pixels set to 0; 0 if there is none.
func (a *Acquisition) integers() Number {
	t := a.parts[0].Type()
	for _, p := range a.parts {
		if p.Type() != t {
			return 0
		}
	}
	if a.amplitudes || a.plan.Corrects() || a.plan.Moves() || t != Uint8 && t != Uint16 && t != Uint32 {
		return 0
	}
	return t
}

// copyTo writes the patterns with the given numbers.
func (r *countReader) copyTo(ctx context.Context, to *scan.PatternWriter, index []int) error {
	switch r.a.integers() {
	case Uint8:
		return copyIntegers[uint8](ctx, r, to, index)
	case Uint16:
		return copyIntegers[uint16](ctx, r, to, index)
	case Uint32:
		return copyIntegers[uint32](ctx, r, to, index)
	}
	return r.each(ctx, index, func(counts []float32) error { return to.Append(ctx, counts) })
}

// copyIntegers writes patterns without converting each number to a float and back, with the result of each.
func copyIntegers[T scan.Integer](ctx context.Context, r *countReader, to *scan.PatternWriter, index []int) error {
	plan := r.a.plan
	pixels := plan.N * plan.N
	hidden := make([]bool, pixels)
	for i := range hidden {
		hidden[i] = plan.Hides((plan.Top+i/plan.N)*r.a.Width + plan.Left + i%plan.N)
	}
	counts := make([]T, min(len(index), max(1, batchBytes/(8*pixels)))*pixels)
	for i := 0; i < len(index); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p, n := r.a.run(index[i:], len(counts)/pixels)
		part := counts[:n*pixels]
		start := []uint64{uint64(index[i] - p.first), uint64(plan.Top), uint64(plan.Left)}
		if err := p.Read(ctx, part, start, []uint64{uint64(n), uint64(plan.N), uint64(plan.N)}); err != nil {
			return err
		}
		for k := 0; k < len(part); k += pixels {
			clearBad(r, part[k:k+pixels], hidden)
		}
		if err := scan.AppendIntegers(ctx, to, part); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// clearBad sets hidden and marked pixels of a pattern to 0, and notes the marked ones and the largest count.
func clearBad[T scan.Integer](r *countReader, pattern []T, hidden []bool) {
	marker, most := ^T(0), T(0)
	marks := float64(marker) >= r.marker // not of uint8
	for i, k := range pattern {
		switch {
		case hidden[i]:
			pattern[i] = 0
		case marks && k == marker:
			r.bad[i] = true
			r.marked++
			pattern[i] = 0
		default:
			most = max(most, k)
		}
	}
	r.most = max(r.most, float64(most))
}
