package dataset

import (
	"github.com/ptychogo/ptycho/core/backend"
	"github.com/ptychogo/ptycho/core/program"
	"github.com/ptychogo/ptycho/core/scan"
)

// Groups packs rows into batches of at most the given number of groups of c patterns, for passes that use each pattern once.
// Offsets are relative to each group's mean position. The last group is filled up with copies of its last row at weight 0.
func Groups(rows []int, y, x []float64, c, groups int) []backend.Batch {
	var out []backend.Batch
	for from := 0; from < len(rows); from += c * groups {
		part := rows[from:min(from+c*groups, len(rows))]
		var b backend.Batch
		for g := 0; g < len(part); g += c {
			members := part[g:min(g+c, len(part))]
			my, mx := 0.0, 0.0
			for i := range c {
				r := members[min(i, len(members)-1)]
				my += y[r] / float64(c)
				mx += x[r] / float64(c)
			}
			for i := range c {
				r, weight := members[min(i, len(members)-1)], float32(1)
				if i >= len(members) {
					weight = 0
				}
				b.Rows = append(b.Rows, int32(r))
				b.Offsets = append(b.Offsets, float32(y[r]-my), float32(x[r]-mx))
				b.Weights = append(b.Weights, weight)
			}
		}
		out = append(out, b)
	}
	return out
}

// Singles puts every pattern into the batches once. For an architecture that needs groups, a group is a pattern with its
// nearest neighbours, of which only the first pattern is stitched.
func Singles(p *program.Program, data *scan.Scan, patterns int) ([]backend.Batch, error) {
	rows := make([]int, data.Len())
	for i := range rows {
		rows[i] = i
	}
	if p.Group == 1 {
		return Groups(rows, data.Rows, data.Cols, 1, max(patterns, 1)), nil
	}
	side := 1
	for side*side < p.Group {
		side++
	}
	g, err := scan.NewGrouper(data.Rows, data.Cols, scan.Grouping{Gridsize: side, Batch: max(patterns/p.Group, 1) * p.Group})
	if err != nil {
		return nil, err
	}
	var out []backend.Batch
	for _, b := range g.Nearest() {
		batch := backend.Batch{Rows: b.Rows, Offsets: b.Offsets, Weights: make([]float32, len(b.Rows))}
		for i := 0; i < len(b.Rows); i += p.Group {
			batch.Weights[i] = 1
		}
		out = append(out, batch)
	}
	return out, nil
}

// Leading returns batches of the groups that the given rows lead. Each group is a row with its nearest neighbours, c patterns
// in all, of which only the row itself has weight 1. A batch has size patterns in whole groups, and at least one group. The
// grouper makes one group for each pattern.
func Leading(g *scan.Grouper, rows []int, c, size int) []backend.Batch {
	groups := g.Nearest() // one group each, in the order of the patterns
	var out []backend.Batch
	for i, row := range rows {
		if i%max(size/c, 1) == 0 {
			out = append(out, backend.Batch{})
		}
		b := &out[len(out)-1]
		b.Rows = append(b.Rows, groups[row].Rows...)
		b.Offsets = append(b.Offsets, groups[row].Offsets...)
		for j := range c {
			weight := float32(0)
			if j == 0 {
				weight = 1
			}
			b.Weights = append(b.Weights, weight)
		}
	}
	return out
}
