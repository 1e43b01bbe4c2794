package format

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/internal/words"
)

// onePosition is the fix for a number of positions that differs from the number of patterns.
const onePosition = "each pattern needs one position"

// dims formats a shape as the documents do: [400, 64, 64].
func dims(shape []int) string {
	return "[" + strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]") + "]"
}

// noteIgnored lists the other arrays of the file. For a likely misspelling it suggests the name.
func (z scanFile) noteIgnored(d *Description) {
	var ignored []string
	for _, a := range z.Arrays() {
		if slices.Contains(known, a.Name) {
			continue
		}
		if meant := z.meant(a.Name); meant != "" {
			d.Notes = append(d.Notes, fmt.Sprintf("array %s is not used; did you mean %s?", words.Name(a.Name), meant))
			continue
		}
		ignored = append(ignored, a.Name)
	}
	ignored = append(ignored, z.Others()...)
	if len(ignored) > 0 {
		if more := len(ignored) - 12; more > 0 {
			ignored = append(ignored[:12], fmt.Sprintf("and %d more", more))
		}
		for i, name := range ignored {
			ignored[i] = words.Name(name)
		}
		d.Notes = append(d.Notes, "not used: "+strings.Join(ignored, ", "))
	}
}

// minMeant is the number of letters of a name that must agree: one letter, such as "p", is too vague.
const minMeant = 4

// meant returns the optional array that the file lacks and whose name has this one as its beginning, or the reverse,
// ignoring case and separators: "probe" and "probe_guess" stand for probeGuess.
func (z scanFile) meant(name string) string {
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(s))
	}
	given := plain(name)
	for _, key := range []string{keyProbe, keyObject, keyScale, keySplit, keyMask, keyMetadata} {
		k := plain(key)
		if !z.has(key) && min(len(given), len(k)) >= minMeant && (strings.HasPrefix(k, given) || strings.HasPrefix(given, k)) {
			return key
		}
	}
	return ""
}
