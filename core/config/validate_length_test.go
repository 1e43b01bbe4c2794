package config

import (
	"strings"
	"testing"
)

// A value from a file is shown with its beginning only, however long it is.
func TestViolation_CutsLongValues(t *testing.T) {
	long := strings.Repeat("A", 5000)
	for _, v := range []Violation{{Key: "training.loss", Value: long, Rule: "is not a loss"}, {Key: long, Value: "1", Rule: "is not a setting"}} {
		if s := v.String(); len(s) > 500 || !strings.Contains(s, "AAA") || !strings.HasSuffix(s, v.Rule) {
			t.Errorf("%d bytes: %.100s", len(s), s)
		}
	}
}
