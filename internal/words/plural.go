package words

import (
	"fmt"
	"strings"
)

// Of returns n and the noun, which must be in the singular. The ending is added to the last word: Of(2, "training pattern")
// is "2 training patterns".
func Of(n int, noun string) string { return fmt.Sprintf("%d %s", n, nounOf(n, noun)) }

// nounOf returns only the noun, in the form for n things.
func nounOf(n int, noun string) string {
	if n == 1 {
		return noun
	}
	switch {
	case strings.HasSuffix(noun, "axis"):
		return strings.TrimSuffix(noun, "is") + "es"
	case strings.HasSuffix(noun, "y") && !strings.ContainsAny(noun[max(len(noun)-2, 0):len(noun)-1], "aeiou"):
		return strings.TrimSuffix(noun, "y") + "ies"
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "tch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	}
	return noun + "s"
}

// Verb returns the form of a verb for n things, "is" or "are", "holds" or "hold".
func Verb(n int, singular, plural string) string {
	if n == 1 {
		return singular
	}
	return plural
}
