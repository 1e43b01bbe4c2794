package format

import (
	"slices"
	"strings"
	"testing"
)

// An array whose name is near that of a missing one is reported with that name; others are listed.
func TestReadScan_NamesTheArrayThatWasMeant(t *testing.T) {
	probe := func(name string) rawArray { return raw(name, make([]complex64, 256), 16, 16) }
	for name, want := range map[string]string{
		"probe":       "array probe is not used; did you mean probeGuess?",
		"probe_guess": "array probe_guess is not used; did you mean probeGuess?",
		"Mask":        "array Mask is not used; did you mean mask?",
		"pro":         "not used: pro",
		"dark":        "not used: dark",
	} {
		s, err := ReadScan(t.Context(), file(t, "s.npz", archive(t, true, append(scanArrays(3, stackU2("diff3d")), probe(name))...)), ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.Notes, want) {
			t.Errorf("%s: the notes are %q, want %q", name, strings.Join(s.Notes, "\n"), want)
		}
	}
}
