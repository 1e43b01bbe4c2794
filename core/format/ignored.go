package format

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptychogo/ptycho/internal/printable"
)

// onePosition says what to do about positions that do not go with the patterns.
const onePosition = "each pattern needs one position"

// dims writes a shape as the documents do: [400, 64, 64].
func dims(shape []int) string {
	return "[" + strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]") + "]"
}

// noteIgnored lists what the file holds besides, and names the array that was probably meant.
func (z *NPZ) noteIgnored(d *Description) {
	var ignored []string
	for _, a := range z.arrays {
		if slices.Contains(known, a.Name) {
			continue
		}
		if meant := z.meant(a.Name); meant != "" {
			d.Notes = append(d.Notes, fmt.Sprintf("array %s is not used; did you mean %s?", printable.Name(a.Name), meant))
			continue
		}
		ignored = append(ignored, a.Name)
	}
	ignored = append(ignored, z.others...)
	if len(ignored) > 0 {
		if more := len(ignored) - 12; more > 0 {
			ignored = append(ignored[:12], fmt.Sprintf("and %d more", more))
		}
		for i, name := range ignored {
			ignored[i] = printable.Name(name)
		}
		d.Notes = append(d.Notes, "not used: "+strings.Join(ignored, ", "))
	}
}

// leastMeant is how many letters of a name have to agree: "p" means nothing.
const leastMeant = 4

// meant returns the optional array that the file lacks and whose name begins like this one, or the other way round,
// whatever the case and the separators: "probe" and "probe_guess" stand for probeGuess.
func (z *NPZ) meant(name string) string {
	plain := func(s string) string {
		return strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(s))
	}
	given := plain(name)
	for _, key := range []string{keyProbe, keyObject, keyScale, keySplit, keyMask, keyMetadata} {
		k := plain(key)
		if !z.has(key) && min(len(given), len(k)) >= leastMeant && (strings.HasPrefix(k, given) || strings.HasPrefix(given, k)) {
			return key
		}
	}
	return ""
}
