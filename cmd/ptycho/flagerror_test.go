package main_test

import (
	"strings"
	"testing"
)

// The value of a flag that cannot be read is named with what the flag takes.
func TestFlags_NameWhatTheyTake(t *testing.T) {
	for _, c := range [][]string{
		{"simulate: --seed \"-1\": want a whole number, at least 0", "simulate", "--output", "x", "--seed", "-1"},
		{"simulate: --seed is empty: want a whole number, at least 0", "simulate", "--output", "x", "--seed", ""},
		{"simulate: --n-images \"9223372036854775808\": want a whole number of 64 bits", "simulate", "--n-images", "9223372036854775808"},
		{"simulate: --nphotons \"5nm\": want a number", "simulate", "--nphotons", "5nm"},
		{"simulate: --output needs a value; ptycho simulate --help describes it", "simulate", "--output"},
		{"convert: --overwrite \"maybe\": want true or false", "convert", "a", "b", "--overwrite=maybe"},
		{"bench: --backend-timeout \"x\": want a time such as 90s, 10m or 1h30m", "bench", "--backend-timeout", "x"},
		{"bench: --n \"a\": want whole numbers", "bench", "--n", "a"},
		{"bench: --n \"2,x\", of which \"x\" cannot be read: want whole numbers", "bench", "--n", "2,x"},
	} {
		if _, stderr, code := run(t, c[1:]...); code != 10 || strings.TrimSpace(stderr) != "ptycho: "+c[0] {
			t.Errorf("%s: code %d, %q, want %q", c[1:], code, stderr, c[0])
		}
	}
}
