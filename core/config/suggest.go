package config

import "strings"

// suggestion names the setting that was probably meant. It returns "" if none is near.
func suggestion(key string, c Command) string {
	key = canonical(strings.ToLower(key))
	_, name, dotted := strings.Cut(key, ".")
	if !dotted {
		name = key
	}
	var names, keys []string
	for _, s := range Settings(c) {
		names, keys = append(names, s.Name), append(keys, s.Key())
	}
	// The right name in the wrong section is nearer than anything misspelt.
	best := nearest(name, names)
	if best < 0 && dotted {
		best = nearest(key, keys)
	}
	if best < 0 {
		return ""
	}
	return ", did you mean " + keys[best] + "?"
}

// Nearest ends a sentence about an unknown name, such as "--epoch", with the known name that was probably meant. It
// returns "" if none is near.
func Nearest(unknown string, names []string) string {
	bare := make([]string, len(names))
	for i, n := range names {
		bare[i] = strings.ToLower(strings.TrimLeft(n, "-"))
	}
	best := nearest(strings.ToLower(strings.TrimLeft(unknown, "-")), bare)
	if best < 0 {
		return ""
	}
	return ", did you mean " + names[best] + "?"
}

// nearest returns the index of the name that unknown probably stands for, -1 if there is none. It prefers a misspelt
// name, then a synonym, then a name that contains all its words.
func nearest(unknown string, names []string) int {
	best, least := -1, 1+maxTypos(unknown)
	for i, n := range names {
		if d := distance(unknown, n); d < least {
			best, least = i, d
		}
	}
	if best >= 0 {
		return best
	}
	if i := synonym(unknown, names); i >= 0 {
		return i
	}
	missing := 0
	for i, n := range names {
		if more := len(n) - len(unknown); hasWords(n, unknown) && (best < 0 || more < missing) {
			best, missing = i, more
		}
	}
	return best
}

// lettersPerTypo is the number of letters in a name per letter that may differ from the suggestion. With 3, "patterns"
// would become "jitter".
const lettersPerTypo = 4

// maxTypos returns how many letters of a name may differ: at least one, unless the name has only one letter.
func maxTypos(name string) int {
	n := len([]rune(name))
	return max(n/lettersPerTypo, min(n-1, 1))
}

// hasWords reports whether the words of part, separated by hyphens, are words of name in the same order. The last may
// be incomplete.
func hasWords(name, part string) bool {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	}
	words := split(part)
	for _, w := range split(name) {
		if len(words) > 0 && (w == words[0] || len(words) == 1 && len(words[0]) > 2 && strings.HasPrefix(w, words[0])) {
			words = words[1:]
		}
	}
	return len(words) == 0 && part != ""
}

// longestKey bounds the work of a comparison, in letters. Every setting's key is shorter.
const longestKey = 64

// distance returns the number of letters to insert, delete, replace or swap with their neighbour to turn a into b
// (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > longestKey || len(t) > longestKey {
		return longestKey // too long for a misspelling
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
