package examine

import "testing"

// TestScan_GradientOnFewLinesIsNotADrift: eight lines of eight frames over an object that becomes brighter from line to line. Median
// neighbours are an eighth of the scan apart.
func TestScan_GradientOnFewLinesIsNotADrift(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates patterns of 256²: not with -short")
	}
	in, name, err := drawClean(t.Context(), 1194)
	if err != nil {
		t.Fatal(err)
	}
	found, err := Scan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.ID == Exposure {
			t.Errorf("%s: %s: %s", name, f.ID, f.What)
		}
	}
}
