package simulate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// PathKind is the arrangement of scan positions.
type PathKind int

// The kinds of paths.
const (
	Random PathKind = iota // uniform in the scanned rectangle
	Raster                 // rows and columns, optionally with jitter
)

var pathNames = []string{"random", "raster"}

func (k PathKind) String() string { return name(pathNames, int(k)) }

// PathNames lists the names of the kinds.
func PathNames() []string { return slices.Clone(pathNames) }

// ParsePath parses a name given by PathKind.String.
func ParsePath(s string) (PathKind, error) {
	i, err := parse("--positions", pathNames, s)
	return PathKind(i), err
}

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("kind(%d)", i)
	}
	return names[i]
}

func parse(what string, names []string, s string) (int, error) {
	if i := slices.Index(names, s); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("simulate: %s is %q, want one of %v", what, s, names)
}

// positions places the scan inside [Buffer, side − Buffer]. A patch at side − N/2 ends on the object's last pixel.
func positions(o Options) (rows, cols []float64, err error) {
	height, width := float64(o.Height)-2*o.Buffer, float64(o.Width)-2*o.Buffer
	rng := stream(o.Seed, positionStream, 0)
	switch o.Path {
	case Random:
		if o.Patterns > largestValue/o.N/o.N {
			return nil, nil, fmt.Errorf("%d patterns of %d×%d pixels exceed %d values", o.Patterns, o.N, o.N, largestValue)
		}
		for range o.Patterns {
			rows = append(rows, o.Buffer+height*rng.Float64())
			cols = append(cols, o.Buffer+width*rng.Float64())
		}
	case Raster:
		step := (1 - o.Overlap) * 2 * o.Radius
		ny, nx := math.Floor(height/step)+1, math.Floor(width/step)+1
		if ny*nx > float64(largestValue/o.N/o.N) {
			return nil, nil, fmt.Errorf("a raster of %.0f×%.0f positions is too large; reduce --overlap", ny, nx)
		}
		// Centred in the rectangle, which jitter must not leave.
		top, left := o.Buffer+(height-(ny-1)*step)/2, o.Buffer+(width-(nx-1)*step)/2
		jitter := func(p, side float64) float64 {
			p += o.Jitter * step * (2*rng.Float64() - 1)
			return min(max(p, o.Buffer), side-o.Buffer)
		}
		for i := range int(ny) {
			for j := range int(nx) {
				rows = append(rows, jitter(top+float64(i)*step, float64(o.Height)))
				cols = append(cols, jitter(left+float64(j)*step, float64(o.Width)))
			}
		}
	default:
		return nil, nil, fmt.Errorf("unknown scan path %v", o.Path)
	}
	return rows, cols, nil
}

// splitByRow marks the half of the patterns with the larger row coordinates, rounded down, as test patterns.
func splitByRow(rows []float64) []uint8 {
	order := make([]int, len(rows))
	for j := range order {
		order[j] = j
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(rows[a], rows[b]), a-b) })
	split := make([]uint8, len(rows))
	for _, j := range order[(len(rows)+1)/2:] {
		split[j] = 1
	}
	return split
}
