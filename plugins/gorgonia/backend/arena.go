package backend

import (
	"cmp"
	"slices"
	"unsafe"

	G "gorgonia.org/gorgonia"
)

// ancestors lists the nodes that keep depends on in the order of creation, which is an order of computation: the operands
// of a node were created before it, and a gradient is created after the values that it needs.
func ancestors(g *G.ExprGraph, keep []*G.Node) []*G.Node {
	seen := map[*G.Node]bool{}
	var order []*G.Node
	open := slices.Clone(keep) // no recursion: a hostile program may be very deep
	for len(open) > 0 {
		n := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		order = append(order, n)
		open = append(open, children(g, n)...)
	}
	slices.SortFunc(order, func(a, b *G.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	return order
}

// children lists the operands of n; an operand that is read twice is listed twice.
func children(g *G.ExprGraph, n *G.Node) []*G.Node {
	var out []*G.Node
	for it := g.From(n.ID()); it.Next(); {
		out = append(out, it.Node().(*G.Node))
	}
	return out
}

// line is the number of elements to which places in the arena are rounded, so that no two results share a cache line and
// vectors are aligned.
const line = 16

// pack gives every result its place and returns the size of the arena. It places the largest results first, each at the
// lowest address that is free during its life (Pisarchyk and Lee, 2020, "greedy by size").
func pack[T float](steps []step[T]) int {
	order := make([]*slot[T], len(steps))
	for i, st := range steps {
		order[i] = st.out
		if st.out.kept {
			st.out.last = len(steps)
		}
	}
	slices.SortStableFunc(order, func(a, b *slot[T]) int { return cmp.Compare(b.size, a.size) })
	var placed []*slot[T] // by address
	total := 0
	for _, s := range order {
		size, at, index := rounded(s.size), 0, 0
		for i, p := range placed {
			if p.last < s.made || s.last < p.made {
				continue
			}
			if p.at-at >= size {
				break
			}
			at = max(at, p.at+rounded(p.size))
			index = i + 1
		}
		s.at = at
		total = max(total, at+size)
		for index < len(placed) && placed[index].at < at {
			index++
		}
		placed = slices.Insert(placed, index, s)
	}
	return total
}

func rounded(n int) int { return (n + line - 1) / line * line }

func sizeOf[T float]() int {
	var z T
	return int(unsafe.Sizeof(z))
}
