package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreignFlags are flags of other programs that documents mention.
var foreignFlags = []string{"--logdir", "--no-serve-artifacts", "--old"}

// TestDocuments_NameExistingFlags looks up every flag that a sentence or a table of a document names, in the generated references.
// It leaves out shell blocks, which cmd/ptycho runs, and docs/xla.md and docs/gpu.md, which name the flags of compilers and pip.
func TestDocuments_NameExistingFlags(t *testing.T) {
	root := filepath.Join("..", "..")
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), "_", "-") // PtychoPINN's flags have underscores
	}
	flag := regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	generated := []string{filepath.Join(root, "docs", "commands.md"), filepath.Join(root, "docs", "configuration.md")}
	skipped := append([]string{filepath.Join(root, "docs", "xla.md"), filepath.Join(root, "docs", "gpu.md")}, generated...)
	known := slices.Clone(foreignFlags)
	for _, path := range generated {
		known = append(known, flag.FindAllString(read(path), -1)...)
	}
	named := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			if slices.Contains(skipped, page) {
				continue
			}
			for i, part := range strings.Split(read(page), "```") {
				if i%2 == 1 {
					continue // a code block
				}
				for _, f := range flag.FindAllString(part, -1) {
					if named++; !slices.Contains(known, f) {
						t.Errorf("%s names the flag %s, which does not exist", page, f)
					}
				}
			}
		}
	}
	if named < 100 {
		t.Errorf("%d flags were looked up, want 100: the reading is broken", named)
	}
}

// TestTutorial_QuotesMessagesOfTheProgram looks up the quoted texts of the table of messages, up to each ellipsis, in the Go sources.
func TestTutorial_QuotesMessagesOfTheProgram(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, f := range files {
		if f.Test() || !belowAny(f.Dir(), []string{"core", "host", "cmd"}) {
			continue
		}
		source, err := os.ReadFile(filepath.Join(root, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(source)
	}
	code := sources.String()
	quoted := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			for part := range strings.SplitSeq(m[1], "…") {
				if part = strings.TrimSpace(part); part == "" {
					continue
				}
				if quoted++; !strings.Contains(code, part) {
					t.Errorf("docs/tutorial.md quotes %q, which no message contains", part)
				}
			}
		}
	}
	if quoted < 15 {
		t.Errorf("%d texts were looked up, want 15: the reading is broken", quoted)
	}
}
