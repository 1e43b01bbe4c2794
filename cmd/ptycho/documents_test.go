package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// commands are the lines of a document's shell blocks, without comments.
func commands(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			inside = line == "```sh"
			continue
		}
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); inside && line != "" {
			out = append(out, line)
		}
	}
	return out
}

// TestTheCommandsOfTheDocumentsWork runs them in order, in a folder with a small scan of the names that they use.
func TestTheCommandsOfTheDocumentsWork(t *testing.T) {
	for document, least := range map[string]int{"README.md": 5, "docs/tutorial.md": 9, "docs/workflow.md": 11, "docs/solve.md": 3} {
		t.Run(document, func(t *testing.T) {
			lines := commands(t, document)
			bytes, err := os.ReadFile(smallScan(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			for _, name := range []string{"scan.npz", "truth.npz"} {
				if err := os.WriteFile(name, bytes, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			ran := 0
			for _, line := range lines {
				args := strings.Fields(line)
				switch {
				case args[0] == "ptycho":
					if at := slices.Index(args, "--output-dir"); at > 0 && args[1] == "solve" {
						args = append(args, "--overwrite") // a document may show two ways to the same folder
					}
					if args[1] == "simulate" {
						args = append(args, "--n", "32", "--object-size", "96", "--n-images", "96", "--nphotons", "2e5", "--overwrite")
					}
					if at := slices.Index(args, "--box"); at > 0 {
						copy(args[at+1:], []string{"30", "60", "30", "60"}) // of the smaller scan
					}
					must(t, args[1:]...)
				case strings.HasPrefix(line, "go run ./cmd/ptycho "):
					must(t, append(args[3:], "--max-epochs", "1")...) // the whole takes two minutes
				case args[0] == "make":
					continue // that is what runs this
				default:
					t.Errorf("no test knows how to run %q", line)
					continue
				}
				ran++
			}
			if ran < least {
				t.Errorf("%d commands, want %d", ran, least)
			}
		})
	}
}

// TestTheLinksOfTheDocumentsLeadSomewhere follows those to files of the repository.
func TestTheLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	root := filepath.Join("..", "..")
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "conformance/golden/*.md"} {
		some, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, some...)
	}
	link, followed := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`), 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			followed++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s leads to %s, which is not there", page, m[1])
			}
		}
	}
	if followed < 40 {
		t.Errorf("%d links were followed, want 40", followed)
	}
}
