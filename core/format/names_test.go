package format

import (
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/acquisition"
)

// Names of arrays come from the file: they never reach a terminal with control characters or unlimited length.
func TestDescribe_ShowsHostileNamesSafely(t *testing.T) {
	hostile := []string{"\x1b[2Jevil\a", "two\nlines", strings.Repeat("n", 60000)}
	var extra []rawArray
	for _, name := range hostile {
		extra = append(extra, raw(name, []float32{1}, 1))
	}
	scan := file(t, "scan.npz", archive(t, false, append(scanArrays(3, stackU2("diff3d")), extra...)...))
	d, err := Describe(scan, LayoutAuto, acquisition.Given{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Describe(file(t, "other.npz", archive(t, false, extra...)), LayoutAuto, acquisition.Given{})
	if err == nil {
		t.Fatal("a file without patterns is taken for a scan")
	}
	for _, text := range append(d.Notes, err.Error()) {
		if strings.ContainsAny(text, "\x1b\a\n") || len(text) > 1000 {
			t.Errorf("%d bytes: %.200q", len(text), text)
		}
	}
}
