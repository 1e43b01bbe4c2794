package examine

import (
	"github.com/ptychogo/ptycho/core/solve"
)

// OrientationOf returns the finding of a geometry check, nil if the positions may stay as they are. The check itself is part of a
// reconstruction: it costs short fits.
func OrientationOf(g *solve.Geometry) []Finding {
	if g == nil || g.Right() {
		return nil
	}
	severity := Warning
	if g.Sure == solve.Certain {
		severity = Wrong
	}
	asTheyAre := 0.0
	for _, c := range g.Candidates {
		if c.Orientation == (solve.Orientation{}) {
			asTheyAre = c.R
		}
	}
	return []Finding{{
		ID: Orientation, Severity: severity, LogChance: decimal(logAlpha), What: g.String(), Fix: "give --positions " + g.Best().Flag(),
		Evidence: map[string]float64{"R": g.Candidates[0].R, "R_as_they_are": asTheyAre, "standard_errors": min(g.Separation, 1e6)},
	}}
}
