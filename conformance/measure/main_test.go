package main

import (
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/conformance"
)

func TestReplace_KeepsOtherTables(t *testing.T) {
	report := func(backend string, largest float64) *conformance.Report {
		return &conformance.Report{Backend: backend, DType: "float32", Distributions: []conformance.Distribution{{Quantity: "loss", Limit: 1e-5, Comparisons: 3, Largest: largest}}}
	}
	text := "before\n" + begin + end + "\nafter"
	var err error
	for _, r := range []*conformance.Report{report("a", 1e-7), report("b", 2e-7), report("a", 3e-7), report("b", 4e-7)} {
		if text, err = replace(text, r); err != nil {
			t.Fatal(err)
		}
	}
	for part, times := range map[string]int{"**a, float32**": 1, "**b, float32**": 1, "3.0e-07": 1, "4.0e-07": 1, "1.0e-07": 0, "2.0e-07": 0} {
		if n := strings.Count(text, part); n != times {
			t.Errorf("%s occurs %d times, want %d:\n%s", part, n, times, text)
		}
	}
	if !strings.HasPrefix(text, "before\n"+begin) || !strings.HasSuffix(text, end+"\nafter") {
		t.Errorf("the text around the tables changed:\n%s", text)
	}
	if _, err := replace("no markers", report("a", 0)); err == nil {
		t.Error("a document without markers was accepted")
	}
}
