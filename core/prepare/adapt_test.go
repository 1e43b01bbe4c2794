package prepare_test

import (
	"testing"

	"github.com/ptychogo/ptycho/core/prepare"
)

// TestPlan_AskedIsTheSideBeforeAdapt checks the side to which --pixel-size belongs.
func TestPlan_AskedIsTheSideBeforeAdapt(t *testing.T) {
	asked := 0
	s := prepare.Steps{Side: 20, Bin: 2, Pad: 12, Adapt: func(n int) int { asked = n; return 16 }}
	p, err := s.Plan(24, 30)
	if err != nil {
		t.Fatal(err)
	}
	if asked != 12 || p.N != 16 || p.Side != 20 || p.Asked() != 24 || p.Wide() != 32 || p.Border() != 16*16-10*10 {
		t.Errorf("adapted %d to %d; %+v", asked, p.N, p)
	}
}
