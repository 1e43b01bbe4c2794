package examine

import "context"

// gather finds the least and the largest value of each pixel in the few frames, and its sums over the even and the odd of them.
func (p *profile) gather(ctx context.Context) error {
	for h := range p.evenOdd {
		p.evenOdd[h] = make([]float64, len(p.all))
	}
	var err error
	if r, ok := p.Patterns.(stored); ok && r.Integers(0, 1) != nil {
		err = p.gatherStored(ctx, r)
	} else {
		n := 0
		err = p.some(ctx, func(_ int, counts []float32) {
			if n == 0 {
				copy(p.least, counts)
				copy(p.most, counts)
			}
			bound32(counts, p.least, p.most)
			add32(counts, p.evenOdd[n%2])
			n++
		})
	}
	for i, v := range p.evenOdd[0] {
		p.all[i] = v + p.evenOdd[1][i]
	}
	copy(p.highest, p.most)
	return err
}

// sumsOf16 is the number of 16-bit counts whose sum fits 32 bits.
const sumsOf16 = 1 << 16

// gatherStored is gather in the type of the file.
func (p *profile) gatherStored(ctx context.Context, r stored) error {
	size := len(p.all)
	least, most := make([]uint16, size), make([]uint16, size)
	sums, frames := [2][]uint32{make([]uint32, size), make([]uint32, size)}, [2]int{}
	flush := func(h int) {
		for i, v := range sums[h] {
			p.evenOdd[h][i] += float64(v)
		}
		clear(sums[h])
		frames[h] = 0
	}
	n := 0
	for j, i := range p.at {
		if !p.few[j] {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		counts := r.Integers(i, 1)
		if n == 0 {
			copy(least, counts)
		}
		half := n % 2
		gather16(counts, least, most, sums[half])
		if frames[half]++; frames[half] == sumsOf16 {
			flush(half)
		}
		n++
	}
	flush(0)
	flush(1)
	for i, v := range most {
		p.least[i], p.most[i] = float32(least[i]), float32(v)
	}
	return nil
}
