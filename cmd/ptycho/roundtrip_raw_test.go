package main_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/format"
)

// Bytes of framed.raw before the first pattern, and behind each.
const (
	rawSkip = 4
	rawGap  = 8
)

// writeRaw writes the counts of a scan as big-endian numbers with gaps, and its positions as text.
func writeRaw(t *testing.T, path, positions, from string) {
	t.Helper()
	s, err := format.ReadScan(t.Context(), from, format.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, rawSkip)
	var text strings.Builder
	for i := range s.Len() {
		for _, k := range s.Pattern(i) {
			raw = binary.BigEndian.AppendUint16(raw, uint16(k))
		}
		raw = append(raw, make([]byte, rawGap)...)
		fmt.Fprintf(&text, "%v,%v\n", s.Rows[i], s.Cols[i])
	}
	for name, b := range map[string][]byte{path: raw, positions: []byte(text.String())} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// raw returns the arguments that read framed.raw, without one of them.
func raw(without string) []string {
	all := args("--train-data-file", "DIR/framed.raw", "--format", "raw", "--shape", "16,16", "--dtype", ">u2", "--skip-bytes", "4", "--gap-bytes", "8",
		"--y-path", "DIR/positions.csv:1", "--x-path", "DIR/positions.csv:2", "--position-units", "um", "--pixel-size", "1um", "--trust-data")
	for i, a := range all {
		if a == without {
			return append(all[:i:i], all[i+2:]...)
		}
	}
	return all
}
