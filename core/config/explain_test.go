package config

import (
	"strings"
	"testing"
)

// TestExplain_NoTerminalSequences prints values, and the name of a file, that would change a terminal: a run directory may be another's.
func TestExplain_NoTerminalSequences(t *testing.T) {
	const clear = "\x1b[2J"
	c := training(t, YAML("a"+clear+"\u202e.yaml", []byte("training:\n  seed: 3\n")), Set("execution.experiment-name="+clear+"x\u202e", "training.seed=4"))
	for name, text := range map[string]string{"explain": c.Explain(), "show": string(c.YAML())} {
		if strings.ContainsAny(text, "\x1b\u202e") {
			t.Errorf("%s prints a character for the terminal", name)
		}
		if !strings.Contains(text, `"\x1b[2Jx\u202e"`) {
			t.Errorf("%s does not show the value", name)
		}
	}
	if got := Shown("a b: 試料/ü"); got != "a b: 試料/ü" {
		t.Errorf("a plain value is shown as %s", got)
	}
}
