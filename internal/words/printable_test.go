package words

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine_RemovesWhatATerminalObeysOrHides(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain text":              {"device cuda:0, 80 GiB", "device cuda:0, 80 GiB"},
		"other scripts":           {"Grüße, 你好, नमस्ते, ∑|ψ|²", "Grüße, 你好, नमस्ते, ∑|ψ|²"},
		"colours":                 {"\x1b[1;31mred\x1b[0m", "red"},
		"a window title":          {"a\x1b]0;owned\ab", "ab"},
		"a title with ST":         {"a\x1b]0;owned\x1b\\b", "ab"},
		"a hyperlink":             {"\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text"},
		"a device string":         {"a\x1bPq#0;1\x1b\\b", "ab"},
		"C1 control sequences":    {"a\u009b31mb", "ab"},
		"a screen reset":          {"a\x1bcb", "ab"},
		"a character set":         {"a\x1b(0b", "ab"},
		"an unfinished sequence":  {"a\x1b[", "a"},
		"an unfinished title":     {"a\x1b]0;owned", "a"},
		"a lone escape":           {"a\x1b", "a"},
		"newlines":                {"one\r\ntwo\n\tthree", "one two three"},
		"a line separator":        {"one\u2028two", "one two"},
		"space at the ends":       {"\n a \n", "a"},
		"backspaces":              {"ab\b\bcd", "ab cd"},
		"NUL":                     {"a\x00b", "a b"},
		"right-to-left override":  {"cod\u202Eexe.txt", "codexe.txt"},
		"isolates":                {"a\u2066b\u2069", "ab"},
		"zero width":              {"a\u200bb\u200d\ufeffc", "abc"},
		"tags":                    {"a\U000E0041b", "ab"},
		"a Hangul filler":         {"a\u3164b", "ab"},
		"a variation selector":    {"a\ufe0fb", "ab"},
		"private use":             {"a\ue000b", "ab"},
		"stacked accents":         {"e\u0301\u0301\u0301\u0301\u0301x", "e\u0301\u0301\u0301x"},
		"bytes that are not text": {"a\xff\xfeb", "a\uFFFDb"},
		"nothing":                 {"", ""},
	} {
		if got := Line(c.in, 100); got != c.want {
			t.Errorf("%s: %q becomes %q, want %q", name, c.in, got, c.want)
		}
	}
}

func TestLine_CutsAtTheLimit(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abcde", 5, "abcde"},
		{"abcdef", 5, "abcd…"},
		{"日本語日本語", 4, "日本語…"},
		{"abc" + strings.Repeat("\x1b[0m", 1000) + "d", 5, "abc…"},
		{strings.Repeat("é", 1000), 3, "éé…"},
		{"ab", 1, "…"},
		{"ab", 0, ""},
		{"ab", -1, ""},
	} {
		if got := Line(c.in, c.limit); got != c.want {
			t.Errorf("%.20q cut at %d is %q, want %q", c.in, c.limit, got, c.want)
		}
	}
	if got := Name(strings.Repeat("n", 1<<20)); utf8.RuneCountInString(got) != NameLength {
		t.Errorf("a name of a megabyte keeps %d characters", utf8.RuneCountInString(got))
	}
}

func TestLines_KeepsLinesAndIndents(t *testing.T) {
	if got := Lines("a\x1b[31m\n  - b\u202e\n\nc", 10); got != "a\n  - b\n\nc" {
		t.Errorf("the lines are %q", got)
	}
}

func TestWriter_MakesEachLineSafe(t *testing.T) {
	var out strings.Builder
	n, err := Writer(&out, 5).Write([]byte("a\x1b[31mb\nabcdefgh\n"))
	if n != 17 || err != nil || out.String() != "ab\nabcd…\n" {
		t.Errorf("wrote %d bytes as %q: %v", n, out.String(), err)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b[31mb\u202e\xff", 10)
	f.Add("\x1b]0;x\x1b\x1b", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit %= 1000
		got := Line(s, limit)
		if utf8.RuneCountInString(got) > max(limit, 0) || !utf8.ValidString(got) {
			t.Errorf("%q at %d gives %q", s, limit, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q keeps %U", s, r)
			}
		}
	})
}
