//go:build linux

package main

import (
	"os"
	"testing"
)

// TestMain lets the test program be its own workers and shim.
func TestMain(m *testing.M) {
	selfMode()
	os.Exit(m.Run())
}

// The comparison ignores times and nothing else.
func TestSnapshot_SeesEveryByteButTimes(t *testing.T) {
	report := func(text string) string { return result("out/report.json", []byte(text)) }
	table := func(text string) string { return result("out/metrics.csv", []byte(text)) }
	if report(`{"loss":1,"seconds":2,"last":{"patterns_per_second":3}}`) != report(`{"loss":1,"seconds":5,"last":{"patterns_per_second":6}}`) {
		t.Error("reports that differ in times differ")
	}
	if report(`{"loss":1,"seconds":2}`) == report(`{"loss":2,"seconds":2}`) {
		t.Error("reports with two losses do not differ")
	}
	if table("loss,waited_seconds\n1,2\n") != table("loss,waited_seconds\n1,3\n") || table("loss,waited_seconds\n1,2\n") == table("loss,waited_seconds\n2,2\n") {
		t.Error("tables are not compared by all columns but those of times")
	}
	if result("out/weights.npz", []byte{1}) == result("out/weights.npz", []byte{2}) {
		t.Error("weights are not compared byte for byte")
	}
	excess, other := snapshot{"a": "1", "b": "2", "c": "3"}.against(snapshot{"a": "1", "b": "x", "d": "4"})
	if len(excess) != 1 || len(other) != 2 {
		t.Errorf("excess %v, other %v", excess, other)
	}
}
