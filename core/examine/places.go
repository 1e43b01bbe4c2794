package examine

import "github.com/ptychogo/ptycho/core/scan"

// mostAround bounds the positions, evenly chosen, whose neighbours are compared.
const mostAround = 2000

// places are the neighbours of positions.
type places struct {
	tree *scan.Tree
	all  int
	of   []int     // ascending
	near [][]int32 // of each in of, the nearest others, around of them
}

// placesOf returns nil if a position is not finite.
func placesOf(rows, cols []float64) *places {
	tree, err := scan.NewTree(rows, cols)
	if err != nil {
		return nil
	}
	return (&places{tree: tree, all: len(rows)}).with(mostAround)
}

// with returns those of at most n positions.
func (p *places) with(n int) *places {
	if p.of != nil && min(n, p.all) == len(p.of) {
		return p
	}
	of := scan.Thin(indices(p.all), n)
	near, err := p.tree.Neighbours(around, of)
	if err != nil {
		return nil
	}
	return &places{tree: p.tree, all: p.all, of: of, near: near}
}

// around returns the neighbours of all patterns; nil if a position is not finite.
func (p *profile) around() *places {
	if p.places == nil {
		p.places = placesOf(p.Rows, p.Cols)
	}
	return p.places
}
