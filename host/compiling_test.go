package host

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/core/backend"
)

// TestHost_BoundsNoticesOfCompilations lets a backend announce endless compilations.
func TestHost_BoundsNoticesOfCompilations(t *testing.T) {
	var said []string
	tell := Host{Notice: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}.announce()
	for range 10_000 {
		tell(backend.Event{Phase: "compile", Message: "step", Seconds: 2})
		tell(backend.Event{Phase: "compile", Message: "quick", Seconds: 0.1})
	}
	if len(said) != mostCompiled+1 || said[0] != "compiled step in 2.0 s" || !strings.Contains(said[mostCompiled], "not shown") {
		t.Errorf("%d notices, the last %q", len(said), said[len(said)-1])
	}
}

func TestAnnounce_ShowsOnceWhyADeviceIsNotUsed(t *testing.T) {
	var said []string
	announce := Host{Notice: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}.announce()
	for range 3 {
		announce(backend.Event{Phase: "device", Message: "cpu is used"})
	}
	if len(said) != 1 || said[0] != "cpu is used" {
		t.Errorf("notices %q, want one", said)
	}
}
