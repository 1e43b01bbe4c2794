package scan

import (
	"fmt"
	"math"
	"sync"
)

// Neighbours returns, for each position, the k nearest others, nearest first, equal distances by ascending index, so
// that the result is unique. Several patterns at one place are neighbours at distance 0. With fewer than k others it
// returns all. It takes O(n log n) for the k of grouping, even if many positions coincide.
func Neighbours(rows, cols []float64, k int) ([][]int32, error) {
	t, err := NewTree(rows, cols)
	if err != nil {
		return nil, err
	}
	return t.Neighbours(k, nil)
}

// NewTree returns a tree for the neighbours of some of the positions. The slices are kept.
func NewTree(rows, cols []float64) (*Tree, error) {
	n := len(rows)
	if len(cols) != n {
		return nil, fmt.Errorf("neighbours: %d row coordinates but %d column coordinates", n, len(cols))
	}
	if n > math.MaxInt32 {
		return nil, fmt.Errorf("neighbours: %d positions exceed the range of int32", n)
	}
	for i := range n {
		if !finite(rows[i]) || !finite(cols[i]) {
			return nil, fmt.Errorf("neighbours: position %d is (%v, %v) (row, column), not finite", i, rows[i], cols[i])
		}
	}
	t := &Tree{rows: rows, cols: cols, order: make([]int32, n)}
	for i := range t.order {
		t.order[i] = int32(i)
	}
	t.root = t.build(0, n)
	t.near = make([][2]float64, n)
	for k, i := range t.order {
		t.near[k] = [2]float64{rows[i], cols[i]}
	}
	return t, nil
}

// Nearest returns the nearest other position of each, which are searched once; nil if there are fewer than two. Callers must not change it.
func (t *Tree) Nearest() []int32 {
	t.once.Do(func() {
		if len(t.rows) < 2 {
			return
		}
		t.nearest = make([]int32, len(t.rows))
		best := make([]neighbour, 0, 2)
		for _, i := range t.order { // positions that follow each other are near each other, and have the same nodes
			best = t.search(t.root, i, 1, best[:0])
			t.nearest[i] = best[0].index
		}
	})
	return t.nearest
}

// Coincide reports whether two positions are the same.
func (t *Tree) Coincide() bool {
	for i, o := range t.Nearest() {
		if t.rows[i] == t.rows[o] && t.cols[i] == t.cols[o] {
			return true
		}
	}
	return false
}

// Neighbours returns those of some positions, nil: all; see the function of that name.
func (t *Tree) Neighbours(k int, of []int) ([][]int32, error) {
	if k < 0 {
		return nil, fmt.Errorf("neighbours: number of neighbours is %d, want at least 1", k)
	}
	n := len(t.rows)
	if of != nil {
		n = len(of)
	}
	k = min(k, len(t.rows)-1)
	out := make([][]int32, n)
	if k < 1 {
		return out, nil
	}
	flat := make([]int32, 0, n*k)
	best := make([]neighbour, 0, k+1)
	for i := range n {
		at := i
		if of != nil {
			at = of[i]
		}
		best = t.search(t.root, int32(at), k, best[:0])
		from := len(flat)
		for _, b := range best {
			flat = append(flat, b.index)
		}
		out[i] = flat[from:len(flat):len(flat)]
	}
	return out, nil
}

type neighbour struct {
	distance float64 // squared
	index    int32
}

// nearer orders candidates: by distance, then by index.
func (a neighbour) nearer(b neighbour) bool {
	return a.distance < b.distance || a.distance == b.distance && a.index < b.index
}

// A Tree is a k-d tree over positions. Each node has the box and the lowest index of its positions, so that a search can
// skip a node whose positions would also lose a tie. Otherwise coinciding positions would cost n² visits.
type Tree struct {
	rows, cols []float64
	order      []int32      // positions, each node's contiguous
	near       [][2]float64 // the positions in that order
	nodes      []node
	root       int

	once    sync.Once
	nearest []int32 // see Nearest
}

type node struct {
	low, high   [2]float64 // box (row, column)
	lowest      int32      // smallest index below this node
	first, last int        // order[first:last]
	left, right int        // nodes, −1 in a leaf
}

// leafSize is the number of positions for which comparing one by one is faster than descending further; values from 4
// to 32 perform alike.
const leafSize = 8

func (t *Tree) build(first, last int) int {
	nd := node{first: first, last: last, left: -1, right: -1, lowest: math.MaxInt32}
	nd.low = [2]float64{math.Inf(1), math.Inf(1)}
	nd.high = [2]float64{math.Inf(-1), math.Inf(-1)}
	part := t.order[first:last]
	for _, i := range part {
		nd.low[0], nd.high[0] = min(nd.low[0], t.rows[i]), max(nd.high[0], t.rows[i])
		nd.low[1], nd.high[1] = min(nd.low[1], t.cols[i]), max(nd.high[1], t.cols[i])
		nd.lowest = min(nd.lowest, i)
	}
	if len(part) > leafSize {
		along := t.rows
		if nd.high[1]-nd.low[1] > nd.high[0]-nd.low[0] {
			along = t.cols
		}
		split(part, along, len(part)/2)
		middle := first + len(part)/2
		nd.left = t.build(first, middle)
		nd.right = t.build(middle, last)
	}
	t.nodes = append(t.nodes, nd)
	return len(t.nodes) - 1
}

// split moves positions so that the first k have the smallest coordinates, equal ones the smallest numbers.
func split(order []int32, along []float64, k int) {
	before := func(a, b int32) bool { return along[a] < along[b] || along[a] == along[b] && a < b }
	for low, high := 0, len(order)-1; low < high; {
		middle := low + (high-low)/2
		if before(order[middle], order[low]) {
			order[middle], order[low] = order[low], order[middle]
		}
		if before(order[high], order[low]) {
			order[high], order[low] = order[low], order[high]
		}
		if before(order[high], order[middle]) {
			order[high], order[middle] = order[middle], order[high]
		}
		pivot, i, j := order[middle], low, high
		for i <= j {
			for before(order[i], pivot) {
				i++
			}
			for before(pivot, order[j]) {
				j--
			}
			if i <= j {
				order[i], order[j] = order[j], order[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return
		}
	}
}

// bound returns the best candidate that any position of the node could be.
func (t *Tree) bound(at int, row, col float64) neighbour {
	nd := &t.nodes[at]
	dr := max(nd.low[0]-row, row-nd.high[0], 0)
	dc := max(nd.low[1]-col, col-nd.high[1], 0)
	return neighbour{dr*dr + dc*dc, nd.lowest}
}

// search adds the positions of a node to the k nearest others of position self; best stays sorted.
func (t *Tree) search(at int, self int32, k int, best []neighbour) []neighbour {
	row, col := t.rows[self], t.cols[self]
	nd := &t.nodes[at]
	if nd.left < 0 {
		part := t.near[nd.first:nd.last]
		for j, i := range t.order[nd.first:nd.last] {
			if i == self {
				continue
			}
			dr, dc := part[j][0]-row, part[j][1]-col
			c := neighbour{dr*dr + dc*dc, i}
			if len(best) == k && !c.nearer(best[k-1]) {
				continue
			}
			j := len(best)
			best = append(best, c)
			for ; j > 0 && c.nearer(best[j-1]); j-- {
				best[j] = best[j-1]
			}
			best[j] = c
			best = best[:min(len(best), k)]
		}
		return best
	}
	near, far := nd.left, nd.right
	bn, bf := t.bound(near, row, col), t.bound(far, row, col)
	if bf.nearer(bn) {
		near, far, bn, bf = far, near, bf, bn
	}
	if len(best) < k || bn.nearer(best[k-1]) {
		best = t.search(near, self, k, best)
	}
	if len(best) < k || bf.nearer(best[k-1]) {
		best = t.search(far, self, k, best)
	}
	return best
}
