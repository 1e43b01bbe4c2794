package acquisition

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/core/hdf5"
	"github.com/ptychogo/ptycho/core/physics"
	"github.com/ptychogo/ptycho/internal/words"
)

// A FlagError is an error of what the caller says of a file, and not of the file.
type FlagError struct{ What string }

func (e *FlagError) Error() string { return e.What }

// FlagErrorf returns a FlagError.
func FlagErrorf(format string, args ...any) error { return &FlagError{fmt.Sprintf(format, args...)} }

// leastUnit is below every unit of length in m, and above those of energy in J.
const leastUnit = 1e-13

// unitOf returns the unit of length in m that the attribute "units" of positions states, and else that of the layout. A unit that
// differs from the layout's is noted.
func (a *Acquisition) unitOf(d *hdf5.Dataset, layout float64) (float64, error) {
	name, err := attributeText(d, "units")
	if err != nil || strings.TrimSpace(name) == "" {
		return layout, err
	}
	unit := unitNamed(name)
	if unit < leastUnit { // not known, or a unit of energy
		if layout != 0 {
			a.Notes = append(a.Notes, fmt.Sprintf("the unit %q of %s is not known; positions are taken in %s", words.Name(name), d.Path(), physics.UnitName(layout)))
		}
		return layout, nil
	}
	if layout != 0 && math.Abs(unit/layout-1) > closeEnough {
		a.Notes = append(a.Notes, fmt.Sprintf("%s is in %s, as its attribute says; files of this layout usually have %s", d.Path(), physics.UnitName(unit), physics.UnitName(layout)))
	}
	return unit, nil
}

// place takes the positions that paths name, and the unit that is given. A unit that contradicts the file's needs Override.
func (g Given) place(a *Acquisition) error {
	for k, p := range []struct {
		path string
		to   *[]float64
	}{{g.Y, &a.Y}, {g.X, &a.X}} {
		if p.path != "" {
			v, unit, err := a.positions(p.path)
			if err != nil {
				return err
			}
			*p.to, a.unit[k] = v, 1
			switch {
			case unit != 0 && g.PositionUnit == 0:
				scaleBy(v, unit)
				a.Notes = append(a.Notes, fmt.Sprintf("%s is taken in %s, as its attribute says", p.path, physics.UnitName(unit)))
				continue
			case unit == 0 && g.PositionUnit != 0:
				scaleBy(v, g.PositionUnit)
				continue
			case unit != 0:
				scaleBy(v, unit)
				a.unit[k] = unit
			}
		}
		if err := g.rescale(a, k, *p.to); err != nil {
			return err
		}
	}
	return nil
}

// rescale gives the positions along an axis the unit that is given in place of the file's.
func (g Given) rescale(a *Acquisition, axis int, v []float64) error {
	has := a.unit[axis]
	if has == 0 {
		has = 1
	}
	if g.PositionUnit == 0 || len(v) == 0 || math.Abs(g.PositionUnit/has-1) < closeEnough {
		return nil
	}
	name := []string{"y", "x"}[axis]
	if !g.Override {
		return FlagErrorf("%s: the positions along %s are in %s in this %s file, and --position-units is %s; leave the flag out, or let it replace the file's unit with --override",
			a.Path, name, physics.UnitName(has), a.Format, physics.UnitName(g.PositionUnit))
	}
	scaleBy(v, g.PositionUnit/has)
	if a.zero != nil {
		a.zero[axis] *= g.PositionUnit / has
	}
	a.Notes = append(a.Notes, fmt.Sprintf("positions along %s are taken in %s in place of the file's %s, because of --override", name, physics.UnitName(g.PositionUnit), physics.UnitName(has)))
	return nil
}

func scaleBy(v []float64, factor float64) {
	for i := range v {
		v[i] *= factor
	}
}

// positions reads a dataset of one dimension, or a column (or row) of a table.
// It returns the unit in m that an attribute of the dataset states too, 0 where there is none.
func (a *Acquisition) positions(path string) (v []float64, unit float64, err error) {
	column := -1
	if i := strings.LastIndex(path, ":"); i > 0 && !strings.Contains(path[i:], "/") {
		n, err := strconv.Atoi(path[i+1:])
		if err != nil || n < 0 {
			return nil, 0, fmt.Errorf("%s: %q: want the number of a column behind the last colon, the first is 0", a.Path, path)
		}
		path, column = path[:i], n
	}
	d, err := a.elsewhere(path)
	if err != nil {
		return nil, 0, err
	}
	if h, ok := d.(dataset); ok {
		if unit, err = a.unitOf(h.d, 0); err != nil {
			return nil, 0, err
		}
	}
	shape := d.Shape()
	n := uint64(a.Patterns)
	start, count := make([]uint64, len(shape)), d.Shape()
	switch {
	case len(shape) == 1 && column < 0, len(shape) == 2 && column < 0 && shape[0]*shape[1] == n:
	case len(shape) == 2 && column >= 0 && shape[0] == n && uint64(column) < shape[1]:
		start[1], count[1] = uint64(column), 1
	case len(shape) == 2 && column >= 0 && shape[1] == n && uint64(column) < shape[0]:
		start[0], count[0] = uint64(column), 1
	case len(shape) == 2 && column >= 0 && (shape[0] == n || shape[1] == n):
		return nil, 0, fmt.Errorf("%s: %s has the shape %d, and no column %d; the first is 0", a.Path, path, shape, column)
	case len(shape) == 2 && column < 0:
		return nil, 0, fmt.Errorf("%s: %s has the shape %d; say which column has the positions: %s:0, %s:1 …", a.Path, path, shape, path, path)
	default:
		return nil, 0, fmt.Errorf("%s: %s has the shape %d, and %d positions are expected there", a.Path, path, shape, a.Patterns)
	}
	total := uint64(1)
	for _, c := range count {
		total *= c
	}
	if total > maxPositions {
		return nil, 0, fmt.Errorf("%s: %s has %d values, too many for positions", a.Path, path, shape)
	}
	v = make([]float64, total)
	return v, unit, d.Read(context.Background(), v, start, count)
}
