package format

import (
	"fmt"
	"math"

	"github.com/ptychogo/ptycho/core/npz"
	"github.com/ptychogo/ptycho/core/scan"
	"github.com/ptychogo/ptycho/internal/words"
)

// setPositions sets a scan's positions and further data to those of the given rows of the file.
func (d *Description) setPositions(s *scan.Scan, rows []int) error {
	for _, r := range rows {
		s.Rows, s.Cols = append(s.Rows, d.Rows[r]), append(s.Cols, d.Cols[r])
		if d.Split != nil {
			s.Split = append(s.Split, d.Split[r])
		}
	}
	return checkCoordinates(s)
}

// checkCoordinates rejects selected patterns with positions that are not finite or out of range.
func checkCoordinates(s *scan.Scan) error {
	var bad []int // rows of the file
	first := ""
	for j, r := range s.Index {
		for _, c := range []struct {
			key string
			at  float64
		}{{keyCols, s.Cols[j]}, {keyRows, s.Rows[j]}} {
			if math.Abs(c.at) <= maxCoordinate {
				continue
			}
			if first == "" {
				first = fmt.Sprintf("%s of pattern %d is %v", c.key, r, c.at)
			}
			if len(bad) == 0 || bad[len(bad)-1] != r {
				bad = append(bad, r)
			}
		}
	}
	switch {
	case len(bad) == 0:
		return nil
	case len(bad) == len(s.Index) && len(bad) > 1 && !math.IsNaN(s.Rows[0]) && !math.IsNaN(s.Cols[0]):
		return npz.Errorf(s.Source, "no position is below %.3g object pixels: %s; they are in another unit", float64(maxCoordinate), first).
			Hint("check their unit (--position-units) and the object pixel (--pixel-size)")
	}
	fix := "correct them, or leave them out with --rows"
	if s.Index[s.Len()-1] == s.Len()-1 {
		fix = scan.LeaveOut(bad)
	}
	return npz.Errorf(s.Source, "%s an invalid position: %s", words.Of(len(bad), "pattern")+" "+words.Verb(len(bad), "has", "have"), first).Hint("%s", fix)
}
