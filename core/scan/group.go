package scan

import (
	"fmt"
	"math"
	"slices"

	"github.com/ptychogo/ptycho/internal/words"
)

// defaultNeighbours is the number of nearest neighbours from which partners are drawn. On simulated scans 8 gave better
// images than the 4 nearest, and 16 less reliable ones.
const defaultNeighbours = 8

// Grouping holds the settings of groups.
type Grouping struct {
	Gridsize   int   // a group has C = gridsize² patterns
	Batch      int   // patterns in an optimiser step, a multiple of C
	Neighbours int   // nearest neighbours from which partners are drawn; 0: DefaultNeighbours
	Seed       int64 // of leaders and partners
	Members    []int // the patterns to group, as rows of the dataset; nil: all
}

// Batch holds the groups of one optimiser step: B groups of C patterns.
type Batch struct {
	Rows    []int32   // [B, C] rows of the dataset, the leader first
	Offsets []float32 // [B, C, 2] (row, column) of each pattern relative to its group's mean position, object pixels
}

// Grouper draws the groups of each epoch from the seed and the epoch's number only, so that a resumed run has the same
// groups as an uninterrupted one. Leaders come from successive permutations of all patterns. A step takes the next B
// leaders; what an epoch leaves of a permutation, the next epoch uses first. Each leader has C−1 partners, redrawn each
// time without replacement from its nearest neighbours.
type Grouper struct {
	rows, cols []float64 // of the dataset
	members    []int32   // rows of the dataset
	neighbours [][]int32 // positions in members
	size       int       // C
	groups     int       // B
	seed       int64
}

// NewGrouper prepares the grouping of patterns. rows and cols are the positions of the whole dataset, including
// patterns that are not members.
func NewGrouper(rows, cols []float64, g Grouping) (*Grouper, error) {
	if len(rows) != len(cols) {
		return nil, fmt.Errorf("grouping: %d row coordinates but %d column coordinates", len(rows), len(cols))
	}
	if g.Gridsize < 1 || g.Gridsize > 16 {
		return nil, fmt.Errorf("grouping: --gridsize is %d, want 1 to 16", g.Gridsize)
	}
	if len(rows) > math.MaxInt32 {
		return nil, fmt.Errorf("grouping: %d patterns exceed the range of int32", len(rows))
	}
	gr := &Grouper{rows: rows, cols: cols, size: g.Gridsize * g.Gridsize, seed: g.Seed}
	if g.Members == nil {
		gr.members = make([]int32, len(rows))
		for i := range gr.members {
			gr.members[i] = int32(i)
		}
	}
	taken := make([]bool, len(rows))
	for _, r := range g.Members {
		if r < 0 || r >= len(rows) {
			return nil, fmt.Errorf("grouping: pattern %d does not exist, the scan has %d", r, len(rows))
		}
		if taken[r] {
			return nil, fmt.Errorf("grouping: pattern %d is listed twice", r)
		}
		taken[r] = true
		gr.members = append(gr.members, int32(r))
	}
	n := len(gr.members)
	k := g.Neighbours
	if k == 0 {
		k = max(defaultNeighbours, gr.size-1)
	}
	switch {
	case n < gr.size:
		return nil, fmt.Errorf("grouping: %s cannot form groups of %d (--gridsize %d)", words.Of(n, "pattern"), gr.size, g.Gridsize)
	case k < gr.size-1:
		return nil, fmt.Errorf("grouping: --neighbor-count: %s too few for groups of %d (--gridsize %d), want at least %d",
			words.Of(k, "neighbour")+" "+words.Verb(k, "is", "are"), gr.size, g.Gridsize, gr.size-1)
	case g.Batch < gr.size || g.Batch%gr.size != 0:
		return nil, fmt.Errorf("grouping: --batch-size: %s is not a multiple of the group of %d (--gridsize %d)",
			words.Of(g.Batch, "pattern"), gr.size, g.Gridsize)
	case g.Batch > n:
		return nil, fmt.Errorf("grouping: --batch-size: %s exceed the %d of the scan", words.Of(g.Batch, "pattern"), n)
	}
	gr.groups = g.Batch / gr.size
	at := make([]int, n)
	for i, m := range gr.members {
		at[i] = int(m)
	}
	if gr.size == 1 {
		k = 0
	}
	near, err := Neighbours(pick(rows, at), pick(cols, at), k)
	if err != nil {
		return nil, fmt.Errorf("grouping: %w", err)
	}
	gr.neighbours = near
	return gr, nil
}

// Steps returns the number of optimiser steps in an epoch: ⌊patterns/batch⌋.
func (g *Grouper) Steps() int { return len(g.members) / (g.groups * g.size) }

// Epoch returns the groups of all steps of epoch e, counted from 0.
func (g *Grouper) Epoch(e int) ([]Batch, error) {
	steps, n := g.Steps(), len(g.members)
	if e < 0 || e > math.MaxInt/(n+1)-1 {
		return nil, fmt.Errorf("grouping: epoch %d does not exist", e)
	}
	batches := make([]Batch, steps)
	position := e * steps * g.groups // leaders consumed by earlier epochs
	pass, leaders := -1, []int32(nil)
	for s := range batches {
		b := g.newBatch(g.groups)
		for i := range g.groups {
			if p := position / n; p != pass {
				pass, leaders = p, g.leaders(p)
			}
			leader := leaders[position%n]
			position++
			partners := slices.Clone(g.neighbours[leader])
			draw(newStream(g.seed, forPartners, uint64(e), uint64(s), uint64(i)), partners, g.size-1)
			g.add(&b, leader, partners[:g.size-1])
		}
		batches[s] = b
	}
	return batches, nil
}

// Nearest returns one group for every member, in order: the member and its C−1 nearest neighbours. The groups do not
// depend on seed or epoch, so that validations in groups are comparable. The last batch may be smaller.
func (g *Grouper) Nearest() []Batch {
	var batches []Batch
	for from := 0; from < len(g.members); from += g.groups {
		to := min(from+g.groups, len(g.members))
		b := g.newBatch(to - from)
		for i := from; i < to; i++ {
			g.add(&b, int32(i), g.neighbours[i][:g.size-1])
		}
		batches = append(batches, b)
	}
	return batches
}

// leaders returns permutation p of the members, which follows from (seed, p).
func (g *Grouper) leaders(p int) []int32 {
	order := make([]int32, len(g.members))
	for i := range order {
		order[i] = int32(i)
	}
	draw(newStream(g.seed, forLeaders, uint64(p)), order, len(order))
	return order
}

func (g *Grouper) newBatch(groups int) Batch {
	return Batch{Rows: make([]int32, 0, groups*g.size), Offsets: make([]float32, 0, groups*g.size*2)}
}

// add appends a group; leader and partners are positions in members.
func (g *Grouper) add(b *Batch, leader int32, partners []int32) {
	first := len(b.Rows)
	b.Rows = append(b.Rows, g.members[leader])
	for _, p := range partners {
		b.Rows = append(b.Rows, g.members[p])
	}
	// Relative to the leader first, so that scans far from the origin keep all digits.
	r0, c0 := g.rows[b.Rows[first]], g.cols[b.Rows[first]]
	row, col := 0.0, 0.0
	for _, r := range b.Rows[first:] {
		row += g.rows[r] - r0
		col += g.cols[r] - c0
	}
	row /= float64(g.size)
	col /= float64(g.size)
	for _, r := range b.Rows[first:] {
		b.Offsets = append(b.Offsets, float32(g.rows[r]-r0-row), float32(g.cols[r]-c0-col))
	}
}

// MaxOffset returns the largest offset, along either axis, that a group of this grouper can have: the canvas must
// contain it.
func (g *Grouper) MaxOffset() float64 {
	at := make([]int, len(g.members))
	for i, m := range g.members {
		at[i] = int(m)
	}
	return maxOffset(pick(g.rows, at), pick(g.cols, at), g.neighbours, g.size)
}

// maxOffset returns the largest |row| or |column| offset from its group's mean that any pattern can have, over all
// groups of size patterns formed by a leader and size−1 of its neighbours. It is exact: along one axis the extreme
// belongs to a pattern whose partners are the farthest on the other side.
func maxOffset(rows, cols []float64, neighbours [][]int32, size int) float64 {
	largest := 0.0
	for leader, near := range neighbours {
		if size < 2 || len(near) < size-1 {
			continue
		}
		for _, along := range [][]float64{rows, cols} {
			d := make([]float64, len(near)) // from the leader
			for i, p := range near {
				d[i] = along[p] - along[leader]
			}
			slices.Sort(d)
			largest = max(largest, farthest(d, size))
			for i := range d {
				d[i] = -d[i]
			}
			slices.Reverse(d)
			largest = max(largest, farthest(d, size))
		}
	}
	// Offsets are sent as float32; the bound is rounded alike to stay a bound.
	return float64(float32(largest))
}

// farthest returns the largest offset to the positive side for a leader at 0 with sorted neighbours d.
func farthest(d []float64, size int) float64 {
	low := 0.0 // the size−1 lowest
	for _, v := range d[:size-1] {
		low += v
	}
	leader := -low / float64(size)
	// A partner at the top, the leader and the size−2 lowest others.
	top := d[len(d)-1]
	low = 0
	for _, v := range d[:size-2] {
		low += v
	}
	return max(leader, top-(top+low)/float64(size))
}
