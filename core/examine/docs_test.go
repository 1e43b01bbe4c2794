package examine

import (
	"os"
	"strings"
	"testing"
)

// TestFindings_Documented: docs/findings.md has a row for each identifier.
func TestFindings_Documented(t *testing.T) {
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range IDs() {
		if !strings.Contains(string(text), "\n| `"+id+"` |") {
			t.Errorf("docs/findings.md has no row for %s", id)
		}
	}
}
