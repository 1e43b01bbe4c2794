package main_test

import (
	"os"
	"path/filepath"
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
	for document, least := range map[string]int{"README.md": 5, "docs/workflow.md": 11, "docs/solve.md": 3} {
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
