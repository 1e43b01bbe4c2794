package words

import (
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// NameLength is the number of characters that Name keeps: a screen has 80 columns.
	NameLength = 80
	// LineLength is the number of characters to keep of one line of a log or of a server's answer.
	LineLength = 400
)

// escapes matches the sequences of ECMA-48: CSI with its parameters, the strings (OSC, DCS, APC, PM, SOS) up to their
// terminator, and the short ones. Their bodies are removed too: "[31m" or a window's title is not text.
var escapes = regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]` +
	`|(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])[^\x07\x1b\x{9c}]*(?:\x07|\x1b\\|\x{9c})?` +
	`|\x1b[ -/]*[0-~]`)

// examined is the number of bytes of the input that are read for each kept character, so that a megabyte of escape
// sequences costs no more than a short text.
const examined = 16

// maxMarks limits the combining marks of one character. Dozens of them would be drawn over the lines above; no script needs
// more than three.
const maxMarks = 3

// Name returns s as one line of at most NameLength characters. Use it for names, paths and other words within a sentence.
func Name(s string) string { return Line(s, NameLength) }

// Line returns s as one line of at most limit characters. It removes escape sequences and invisible characters, replaces
// runs of white space and control characters by a space, and replaces bytes that are not UTF-8 by U+FFFD. A shortened text
// ends in "…".
func Line(s string, limit int) string {
	if limit < 1 {
		return ""
	}
	s, cut := head(s, examined*(limit+1))
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsFunc(s, unicode.IsControl) {
		s = escapes.ReplaceAllString(s, "")
	}
	out := make([]rune, 0, min(len(s), limit+1))
	marks, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space = len(out) > 0
			continue
		}
		if !visible(r) {
			continue
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		if space {
			out, space = append(out, ' '), false
		}
		if out = append(out, r); len(out) > limit {
			cut = true
			break
		}
	}
	if cut {
		out = append(out[:min(len(out), limit-1)], '…')
	}
	return string(out)
}

// Lines returns s with each of its lines made safe by Line. Use it for our own messages of several lines, whose parts may be foreign.
func Lines(s string, limit int) string {
	list := strings.Split(s, "\n")
	for i, line := range list {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		list[i] = indent[:min(len(indent), limit/2)] + Line(line, limit)
	}
	return strings.Join(list, "\n")
}

// Writer returns a writer that applies Line to each line and passes it on to w. Callers must write whole lines, as loggers
// do.
func Writer(w io.Writer, limit int) io.Writer { return &writer{w, limit} }

type writer struct {
	to    io.Writer
	limit int
}

func (w *writer) Write(b []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		out.WriteString(Line(line, w.limit))
		out.WriteByte('\n')
	}
	if _, err := io.WriteString(w.to, out.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// head returns the first n bytes of s, or fewer so that no character is split.
func head(s string, n int) (first string, cut bool) {
	if len(s) <= n {
		return s, false
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i], true
		}
	}
	return s[:n], true
}

// visible reports whether r is drawn, by itself or on the character before it.
func visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && r != '\u2800' // an empty Braille cell
}
