package scan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ptychogo/ptycho/internal/words"
)

// ParseRows reads a selection of the n patterns of a file: the union of terms separated by commas.
//
//	split=0      the patterns whose entry in the file's split array is 0
//	7   -1       one pattern; negative numbers count from the end
//	0:100  ::2   a range start:stop:step as in Python, stop excluded, each part optional, step positive
//
// The result is ascending without duplicates. The empty expression selects all. A selection without patterns is an error.
func ParseRows(expr string, split []uint8, n int) ([]int, error) {
	keep := make([]bool, max(n, 0))
	if strings.TrimSpace(expr) == "" {
		expr = ":"
	}
	for _, term := range strings.Split(expr, ",") {
		if err := selectTerm(strings.TrimSpace(term), split, keep); err != nil {
			return nil, fmt.Errorf("--rows %q: %w", expr, err)
		}
	}
	var rows []int
	for i, k := range keep {
		if k {
			rows = append(rows, i)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("--rows %q: selects none of the %s", expr, words.Of(n, "pattern"))
	}
	return rows, nil
}

func selectTerm(term string, split []uint8, keep []bool) error {
	n := len(keep)
	if value, ok := strings.CutPrefix(term, "split="); ok {
		return selectSplit(value, split, keep)
	}
	if !strings.Contains(term, ":") {
		i, err := strconv.Atoi(term)
		if err != nil {
			return fmt.Errorf("%q is not a number, a range start:stop:step or split=K", term)
		}
		at := i
		if at < 0 {
			at += n
		}
		if at < 0 || at >= n {
			return fmt.Errorf("pattern %d does not exist, the file has %d", i, n)
		}
		keep[at] = true
		return nil
	}
	return selectRange(term, keep)
}

// selectSplit keeps the patterns of one part of the data.
func selectSplit(value string, split []uint8, keep []bool) error {
	n := len(keep)
	k, err := strconv.ParseUint(value, 10, 8)
	if err != nil {
		return fmt.Errorf("split is %q, want a number from 0 to 255", value)
	}
	if split == nil {
		return fmt.Errorf("the file has no split array; select by number, such as 0:%d", (n+1)/2)
	}
	if len(split) != n {
		return fmt.Errorf("the split array has %s for %s", words.Of(len(split), "entry"), words.Of(n, "pattern"))
	}
	found := false
	for i, s := range split {
		if uint64(s) == k {
			keep[i], found = true, true
		}
	}
	if !found {
		return fmt.Errorf("no pattern has split %d; the file has %s", k, listSplits(split))
	}
	return nil
}

// selectRange keeps the patterns of start:stop:step.
func selectRange(term string, keep []bool) error {
	n := len(keep)
	parts := strings.Split(term, ":")
	if len(parts) > 3 {
		return fmt.Errorf("%q has more than three parts; a range is start:stop:step", term)
	}
	bounds := [3]int{0, n, 1}
	for i, p := range parts {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		v, err := strconv.Atoi(p)
		if err != nil {
			return fmt.Errorf("%q in the range %q is not a number", p, term)
		}
		if i < 2 && v < 0 {
			v += n
		}
		bounds[i] = v
	}
	if bounds[2] < 1 {
		return fmt.Errorf("the step of %q must be positive; patterns are kept in file order", term)
	}
	stop := min(bounds[1], n)
	for i := max(bounds[0], 0); i < stop; i += bounds[2] {
		keep[i] = true
		if bounds[2] >= n { // one element, and no overflow
			break
		}
	}
	return nil
}

func listSplits(split []uint8) string {
	seen := slices.Compact(slices.Sorted(slices.Values(split)))
	text := make([]string, 0, 8)
	for i, s := range seen {
		if i == 8 {
			text = append(text, "…")
			break
		}
		text = append(text, strconv.Itoa(int(s)))
	}
	return strings.Join(text, ", ")
}

// Consecutive reports whether each row but the first follows the one before.
func Consecutive(rows []int) bool {
	for i, r := range rows {
		if r != rows[0]+i {
			return false
		}
	}
	return true
}

// Draw draws n of the rows without replacement and keeps their order.
func Draw(rows []int, n int, seed int64) ([]int, error) {
	if n < 1 {
		return nil, fmt.Errorf("--n-images: cannot draw %s, want at least 1", words.Of(n, "pattern"))
	}
	if n > len(rows) {
		return nil, fmt.Errorf("--n-images: cannot draw %s, the selection has only %d", words.Of(n, "pattern"), len(rows))
	}
	chosen, _ := divide(rows, n, newStream(seed, forDraw))
	return chosen, nil
}

// SplitValidation reserves a share of the rows for validation, drawn by the seed and rounded to the nearest number. A
// positive share reserves at least one row and leaves at least one. Both parts keep the order of rows.
func SplitValidation(rows []int, share float64, seed int64) (train, validation []int, err error) {
	if !(share >= 0 && share < 1) {
		return nil, nil, fmt.Errorf("--val-split is %v, want 0 ≤ share < 1", share)
	}
	if share == 0 {
		return slices.Clone(rows), nil, nil
	}
	if len(rows) < 2 {
		return nil, nil, fmt.Errorf("--val-split is %v, but %s cannot be divided", share, words.Of(len(rows), "pattern"))
	}
	n := min(max(int(math.Round(share*float64(len(rows)))), 1), len(rows)-1)
	validation, train = divide(rows, n, newStream(seed, forValidation))
	return train, validation, nil
}

// divide draws n of the rows; chosen and rest keep the order of rows.
func divide(rows []int, n int, s stream) (chosen, rest []int) {
	at := make([]int, len(rows))
	for i := range at {
		at[i] = i
	}
	draw(s, at, n)
	picked := make([]bool, len(rows))
	for _, i := range at[:n] {
		picked[i] = true
	}
	for i, r := range rows {
		if picked[i] {
			chosen = append(chosen, r)
		} else {
			rest = append(rest, r)
		}
	}
	return chosen, rest
}
