package scan

import (
	"slices"
	"strings"
	"testing"
)

func TestParseRows_Selects(t *testing.T) {
	split := []uint8{0, 0, 1, 1, 2, 0, 1, 0, 0, 0}
	for _, c := range []struct {
		expr string
		want []int
	}{
		{"", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{":", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"split=1", []int{2, 3, 6}},
		{"split=2,split=1", []int{2, 3, 4, 6}},
		{"2:5", []int{2, 3, 4}},
		{"0:100", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"7, 5,9", []int{5, 7, 9}},
		{"-1", []int{9}},
		{"-3:", []int{7, 8, 9}},
		{":-8", []int{0, 1}},
		{"::4", []int{0, 4, 8}},
		{"1::4", []int{1, 5, 9}},
		{"0::9223372036854775807", []int{0}},
		{"1,1,0:2", []int{0, 1}},
	} {
		got, err := ParseRows(c.expr, split, len(split))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, %v, want %v", c.expr, got, err, c.want)
		}
	}
}

func TestParseRows_RejectsWithReason(t *testing.T) {
	for _, c := range []struct {
		expr  string
		split []uint8
		want  string
	}{
		{"split=0", nil, "no split array"},
		{"split=7", []uint8{0, 0, 1, 3}, "the file has 0, 1, 3"},
		{"split=x", []uint8{0, 0, 1, 3}, "0 to 255"},
		{"split=300", []uint8{0, 0, 1, 3}, "0 to 255"},
		{"split=0", []uint8{0}, "1 entry for 4 patterns"},
		{"4", nil, "pattern 4 does not exist"},
		{"-5", nil, "pattern -5 does not exist"},
		{"a", nil, `"a" is not a number`},
		{"1,,2", nil, `"" is not a number`},
		{"1:2:3:4", nil, "more than three"},
		{"1:x", nil, `"x" in the range`},
		{"::0", nil, "must be positive"},
		{"::-1", nil, "must be positive"},
		{"3:2", nil, "selects none of the 4"},
		{"99999999999999999999:", nil, "is not a number"},
	} {
		_, err := ParseRows(c.expr, c.split, 4)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want an error with %q", c.expr, err, c.want)
		}
	}
}

func FuzzParseRows(f *testing.F) {
	for _, s := range []string{"", "split=0", "0:100", "5,7,9", "::2", "-1", "1::9223372036854775807"} {
		f.Add(s, 12)
	}
	f.Fuzz(func(t *testing.T, expr string, n int) {
		n = n & 1023
		rows, err := ParseRows(expr, make([]uint8, n), n)
		if err != nil {
			return
		}
		if len(rows) == 0 || !slices.IsSorted(rows) || rows[0] < 0 || rows[len(rows)-1] >= n {
			t.Fatalf("%q of %d: %v", expr, n, rows)
		}
		if len(slices.Compact(slices.Clone(rows))) != len(rows) {
			t.Fatalf("%q of %d repeats: %v", expr, n, rows)
		}
	})
}

// These draws are part of a run's identity: a change here changes every run with the same seed.
func TestDraw_NeverChanges(t *testing.T) {
	rows := make([]int, 20)
	for i := range rows {
		rows[i] = 100 + i
	}
	got, err := Draw(rows, 5, 42)
	if want := []int{103, 104, 111, 115, 118}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Draw: got %v, %v, want %v", got, err, want)
	}
	train, validation, err := SplitValidation(rows, 0.2, 42)
	if want := []int{101, 105, 108, 116}; err != nil || !slices.Equal(validation, want) {
		t.Errorf("SplitValidation: got %v, %v, want %v", validation, err, want)
	}
	if all := slices.Sorted(slices.Values(slices.Concat(train, validation))); !slices.Equal(all, rows) {
		t.Errorf("the parts make %v, not all rows", all)
	}
}

func TestDraw_Even(t *testing.T) {
	rows := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	hits := make([]int, len(rows))
	for seed := range int64(4000) {
		got, err := Draw(rows, 3, seed)
		if err != nil || len(got) != 3 || !slices.IsSorted(got) {
			t.Fatalf("seed %d: %v, %v", seed, got, err)
		}
		for _, r := range got {
			hits[r]++
		}
	}
	for r, h := range hits { // binomial: 1200 ± 29; 5 sigma
		if h < 1055 || h > 1345 {
			t.Errorf("row %d was drawn %d times of 1200 expected", r, h)
		}
	}
}

func TestDraw_Rejects(t *testing.T) {
	if _, err := Draw([]int{1, 2}, 3, 0); err == nil {
		t.Error("a draw larger than the selection must fail")
	}
	if _, err := Draw([]int{1, 2}, 0, 0); err == nil {
		t.Error("an empty draw must fail")
	}
	for _, share := range []float64{-0.1, 1, 2} {
		if _, _, err := SplitValidation([]int{1, 2, 3}, share, 0); err == nil {
			t.Errorf("share %v must fail", share)
		}
	}
	train, validation, err := SplitValidation([]int{1, 2, 3}, 0.99, 0)
	if err != nil || len(train) != 1 || len(validation) != 2 {
		t.Errorf("share 0.99 of 3: %v, %v, %v; want one row left for training", train, validation, err)
	}
	train, validation, err = SplitValidation([]int{1, 2, 3}, 0, 0)
	if err != nil || len(train) != 3 || len(validation) != 0 {
		t.Errorf("share 0: %v, %v, %v", train, validation, err)
	}
}
