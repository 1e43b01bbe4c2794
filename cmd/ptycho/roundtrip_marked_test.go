package main_test

import (
	"testing"

	"github.com/ptychogo/ptycho/core/format"
)

// writeMarked writes a scan with a detector pixel that has the largest number of 16 bits in every frame.
func writeMarked(t *testing.T, path, from string) {
	t.Helper()
	s, err := format.ReadScan(t.Context(), from, format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Len() {
		s.Pattern(i)[5*s.N+3] = 1<<16 - 1
	}
	if err := format.WriteScan(path, s, format.Counts); err != nil {
		t.Fatal(err)
	}
}
