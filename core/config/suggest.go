package config

import "strings"

// suggestion names the setting that was probably meant, or nothing when none is near.
func suggestion(key string, c Command) string {
	key = canonical(strings.ToLower(key))
	_, name, dotted := strings.Cut(key, ".")
	if !dotted {
		name = key
	}
	best, least := "", 1+len(name)/3 // a third of the letters may differ
	for _, s := range Settings(c) {
		// The right name in the wrong section is nearer than anything misspelt.
		d := distance(name, s.Name)
		if dotted {
			d = min(d, distance(key, s.Key()))
		}
		if d < least || (d == least && best == "") {
			best, least = s.Key(), d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// Nearest ends a sentence about an unknown name with the one that was probably meant, or says nothing when none is near.
func Nearest(unknown string, names []string) string {
	best, least := "", 1+len(unknown)/3 // a third of the letters may differ, as in suggestion
	for _, n := range names {
		if d := distance(strings.ToLower(unknown), strings.ToLower(n)); d < least || d == least && best == "" {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// longestKey bounds the work of a comparison: no setting's key is as long, in letters.
const longestKey = 64

// distance is the number of letters to insert, delete, replace or swap with their neighbour to turn a into b (optimal
// string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > longestKey || len(t) > longestKey {
		return longestKey // nobody misspells that much
	}
	before, last := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row := make([]int, len(t)+1)
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
