package archtest

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// avoided are words that readers stumbled over, each with the words to use instead.
var avoided = []struct {
	words   *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\b\w+ (is|are|was|were) no \w+`), "is not, unknown, or missing"},
	{regexp.MustCompile(`(?i)\bmend(s|ed|ing)?\b`), "fix"},
	{regexp.MustCompile(`(?i)\banew\b`), "again, restart, or rewrite"},
	{regexp.MustCompile(`(?i)\b(bear|bears|borne)\b`), "tolerate or allow"},
	{regexp.MustCompile(`(?i)\bheed(s|ed|ing)?\b`), "follow or use"},
	{regexp.MustCompile(`(?i)\b(come|comes|came) to nothing\b`), "fail"},
	{regexp.MustCompile(`(?i)\b(hear|hears|is told) of\b`), "receive"},
	{regexp.MustCompile(`(?i)\bwithout a word\b`), "silently"},
	{regexp.MustCompile(`(?i)\b(tells|told)\b`), "report, notify, or distinguish"},
	{regexp.MustCompile(`(?i)\b(is|are) none of\b`), "does not belong to"},
}

// meant are true uses of these words.
var meant = regexp.MustCompile(`(?i)^there (is|are|was|were) no |(is|are|was|were) no (longer|more|less|larger|smaller|better|worse)\b`)

// riddles returns the avoided words in a text, each with the words to use instead.
func riddles(text string) (found []string) {
	for _, a := range avoided {
		for _, words := range a.words.FindAllString(text, -1) {
			if !meant.MatchString(words) {
				found = append(found, fmt.Sprintf("%q: write %s", words, a.instead))
			}
		}
	}
	return found
}

// texts returns the comments and the strings of a Go file, without struct tags, or the lines of a document, by line number.
func texts(t *testing.T, path string) map[int]string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	if !strings.HasSuffix(path, ".go") {
		for i, line := range strings.Split(string(source), "\n") {
			found[i+1] = line
		}
		return found
	}
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile(path, -1, len(source)), source, nil, scanner.ScanComments)
	tag := regexp.MustCompile("^`[a-z]+:\"")
	for {
		at, kind, text := s.Scan()
		if kind == token.EOF {
			return found
		}
		if kind == token.COMMENT || kind == token.STRING && !tag.MatchString(text) {
			found[files.Position(at).Line] += " " + text
		}
	}
}

// TestLanguage_AvoidsRiddles finds words in comments, messages, help texts and documents that have a plainer form.
func TestLanguage_AvoidsRiddles(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{}
	for _, f := range files {
		if !f.Generated && f.Path != "internal/archtest/language_test.go" {
			paths = append(paths, f.Path)
		}
	}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "conformance/golden/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			rel, err := filepath.Rel(root, page)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, filepath.ToSlash(rel))
		}
	}
	if len(paths) < 500 {
		t.Errorf("only %d files were checked: the walk is broken", len(paths))
	}
	for _, path := range paths {
		for line, text := range texts(t, filepath.Join(root, path)) {
			for _, found := range riddles(text) {
				t.Errorf("%s:%d: %s", path, line, found)
			}
		}
	}
}

func TestRiddles_IgnoresTrueUses(t *testing.T) {
	for text, want := range map[string]int{
		"the file is no archive":                     1,
		"it mends what the host bears, and anew":     3,
		"all of it comes to nothing without a word":  2,
		"There is no such file":                      0,
		"the dataset is no longer bound":             0,
		"fix, tolerate, restart and fail":            0,
		"nobody hears of it, and it is none of ours": 2,
	} {
		if got := riddles(text); len(got) != want {
			t.Errorf("%q: %v, want %d", text, got, want)
		}
	}
}
