package main_test

import (
	"os"
	"path/filepath"
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

// TestTheCommandsOfTheReadmeWork runs them in order, in a folder with a small scan of that name.
func TestTheCommandsOfTheReadmeWork(t *testing.T) {
	lines := commands(t, "README.md")
	scan := smallScan(t)
	bytes, err := os.ReadFile(scan)
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
			must(t, args[1:]...)
		case strings.HasPrefix(line, "go run ./cmd/ptycho "):
			must(t, append(args[3:], "--max-epochs", "1")...) // the whole takes two minutes
		case args[0] == "make":
			continue // that is what runs this
		default:
			t.Errorf("no test knows how to run %q of the README", line)
			continue
		}
		ran++
	}
	if ran < 5 {
		t.Errorf("the README shows %d commands, want its first one and those for one's own scan", ran)
	}
}
