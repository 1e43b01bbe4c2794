package solve

import (
	"context"
	"errors"
	"testing"

	"github.com/ptychogo/ptycho/core/simulate"
)

// TestSuspectOrientation_WrongOnes: every orientation but that of the file, and its twin only with a probe that decides, is suspected.
func TestSuspectOrientation_WrongOnes(t *testing.T) {
	right, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 96, 200 })
	for _, o := range orientations() {
		suspect, err := SuspectOrientation(t.Context(), oriented(right, o), 1)
		if err != nil || suspect != (o != Orientation{}) {
			t.Errorf("%v: suspected %v, %v", o, suspect, err)
		}
	}
}

// TestSuspectOrientation_FewPatternsAndStop: a scan too small says nothing, and a cancelled check returns an error.
func TestSuspectOrientation_FewPatternsAndStop(t *testing.T) {
	right, _ := small(t, func(o *simulate.Options) { o.N, o.Height, o.Patterns = 32, 96, 200 })
	few, err := right.Select([]int{0, 5, 9})
	if err != nil {
		t.Fatal(err)
	}
	if suspect, err := SuspectOrientation(t.Context(), few, 1); suspect || err != nil {
		t.Errorf("three patterns: %v, %v", suspect, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := SuspectOrientation(ctx, right, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
