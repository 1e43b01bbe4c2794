package examine

import (
	"os"
	"strings"
	"testing"
)

// TestFindings_Documented: docs/findings.md has a row for each identifier.
func TestFindings_Documented(t *testing.T) {
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids() {
		if !strings.Contains(string(text), "\n| `"+id+"` |") {
			t.Errorf("docs/findings.md has no row for %s", id)
		}
	}
}

// ids lists the identifiers.
func ids() []string {
	return []string{Marked, Dead, Stuck, Hot, Clipped, Wrapped, Offset, Unit, Corner, Centre, Empty, Bright, Exposure, Cosmic, Duplicates, Order, Stop, Hidden, Flat,
		PositionUnit, Lone, SamePositions, LowOverlap, Canvas, Line, FewPatterns, Orientation, ProbeCentre, WideProbe, ProbePower, ProbeSize, FrameMisfit, PixelMisfit, FewPhotons, Overfit, PoorFit}
}
