package examine

import (
	"github.com/ptychogo/ptycho/core/solve"
)

// A likely result of the check is wrong, not only a warning, where the misfit falls below this share, with at least so many patterns
// held out. On sound scans no other orientation had less than 0.8 of the misfit.
const (
	clearlyLower = 0.6
	fewestHeld   = 8
)

// OrientationOf returns the finding of a geometry check, nil if the positions may stay as they are. The check itself is part of a
// reconstruction: it costs short fits.
func OrientationOf(g *solve.Geometry) []Finding {
	if g == nil || g.Right() {
		return nil
	}
	asTheyAre := 0.0
	for _, c := range g.Candidates {
		if c.Orientation == (solve.Orientation{}) {
			asTheyAre = c.R
		}
	}
	severity := Warning
	if g.Sure == solve.Certain || g.Candidates[0].R < clearlyLower*asTheyAre && g.HeldOut() >= fewestHeld {
		severity = Wrong
	}
	fix := "give --positions " + g.Best().Flag()
	if g.Best().Twin() == (solve.Orientation{}) {
		fix += ", or correct the probe: the same patterns come from the conjugate of the probe, turned by 180°"
	}
	return []Finding{{
		ID: Orientation, Severity: severity, LogChance: decimal(logAlpha), What: g.String(), Fix: fix,
		Evidence: map[string]float64{"R": g.Candidates[0].R, "R_as_they_are": asTheyAre, "standard_errors": min(g.Separation, 1e6)},
	}}
}
