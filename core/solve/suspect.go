package solve

import (
	"context"
	"fmt"

	"github.com/ptychogo/ptycho/core/scan"
)

// A suspicion needs less than CheckGeometry: on simulated scans and the measured star, 64 patterns and 5 iterations rank a wrong
// orientation behind the right one wherever 160 patterns and 12 iterations do.
const (
	suspectPatterns   = 64
	suspectIterations = 5
	// suspicious is the share of R that another orientation must reach. Wrong orientations of sound scans stayed above it.
	suspicious = 0.9
)

// SuspectOrientation reports whether another orientation of the positions may fit the patterns better, from fits with the probe of
// the scan that cost a sixth of those of CheckGeometry. It has no meaning where the positions as they are do not fit at all.
func SuspectOrientation(ctx context.Context, s *scan.Scan, threads int) (bool, error) {
	part, err := s.Select(middleOf(s, litPatterns(s), suspectPatterns))
	if err != nil || part.Len() < fewestSupport {
		return false, err
	}
	var asIs float64
	for _, o := range orientations() { // the first keeps the positions
		moved := *part
		moved.Rows, moved.Cols = o.Apply(part.Rows, part.Cols)
		each, _, err := predictHeldOut(ctx, &moved, false, suspectIterations, threads)
		if err != nil {
			return false, fmt.Errorf("orientation of the positions: %w", err)
		}
		switch r := sum(each); {
		case o == Orientation{}:
			asIs = r
		case r < suspicious*asIs:
			return true, nil
		}
	}
	return false, nil
}
