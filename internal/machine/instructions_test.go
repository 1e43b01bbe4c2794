package machine

import (
	"strings"
	"testing"
)

func TestSelect_RequestedOrFastest(t *testing.T) {
	paths := Supported()
	if paths[0] != Portable {
		t.Errorf("paths are %v: every machine runs plain Go", paths)
	}
	for asked, want := range map[string]Instructions{"": paths[len(paths)-1], "generic": Portable} {
		t.Setenv("PTYCHO_CPU", asked)
		if got, err := SelectInstructions(); got != want || err != nil {
			t.Errorf("PTYCHO_CPU=%q selects %q, %v; want %q", asked, got, err, want)
		}
	}
	t.Setenv("PTYCHO_CPU", "mmx")
	if _, err := SelectInstructions(); err == nil || !strings.Contains(err.Error(), "PTYCHO_CPU=mmx") || !strings.Contains(err.Error(), "generic") {
		t.Errorf("an unknown path gives %v, want its name and the supported ones", err)
	}
}
