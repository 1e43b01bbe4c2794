package main

import (
	"context"
	"regexp"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
	"github.com/ptychogo/ptycho/conformance/oracle"
	"github.com/ptychogo/ptycho/core/backend"
)

// TestEngine_PassesWhatTheOracleDoesNotAnswer runs the cases of the calls that are replaced, on several threads.
func TestEngine_PassesWhatTheOracleDoesNotAnswer(t *testing.T) {
	target := conformance.Target{Name: "parallel", Threads: 3, Start: func(context.Context) (backend.Backend, func() error, error) {
		return engine{oracle.New()}, func() error { return nil }, nil
	}}
	report, err := conformance.Check(t.Context(), target, conformance.Options{Level: conformance.Reproduces,
		Run: regexp.MustCompile("^(state|stop|cancel|refuses|params|evaluate|reconstruct|stored-types|average|cache)")})
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, r := range report.Results {
		switch r.Status {
		case conformance.Passed:
			passed++
		case conformance.Failed:
			t.Errorf("%s: %s: %s", r.Name, r.Rule, r.Message)
		}
	}
	if passed < 20 {
		t.Errorf("%d cases passed, want 20 and more", passed)
	}
}
