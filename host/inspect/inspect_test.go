package inspect

import (
	"context"
	"errors"
	"testing"
)

// What was read is reported before the examination and the geometry check, so that a stop during these does not lose it.
func TestRun_ReportsWhatWasReadBeforeTheChecks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var early *Report
	_, err := Run(ctx, Options{Path: "../../core/acquisition/testdata/plain.cxi", Geometry: true, Read: func(r Report) {
		early = &r
		cancel()
	}})
	if !errors.Is(err, context.Canceled) || early == nil {
		t.Fatalf("%v, report %v", err, early)
	}
	if early.Patterns != 12 || early.N != 24 || len(early.Notes) == 0 || early.MeanCounts == 0 || early.Geometry != nil {
		t.Errorf("%+v", early)
	}
}
