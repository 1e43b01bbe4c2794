package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptychogo/ptycho/internal/fixture"
)

// TestDocs_AreCurrent fails if a setting, a flag or a command was changed without make docs.
func TestDocs_AreCurrent(t *testing.T) {
	dir, kept := t.TempDir(), filepath.Join("..", "..", "docs")
	must(t, "docs", "--output", dir)
	manuals, err := os.ReadDir(filepath.Join(dir, "man"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"configuration.md", "commands.md"}
	for _, m := range manuals {
		names = append(names, filepath.Join("man", m.Name()))
	}
	for _, name := range names {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(kept, name)); err != nil || string(got) != string(want) {
			t.Errorf("docs/%s is not what the program writes (%v): run make docs", name, err)
		}
	}
	old, err := os.ReadDir(filepath.Join(kept, "man"))
	if err != nil || len(old) != len(manuals) {
		t.Errorf("docs/man has %d pages, the program writes %d: remove those of former commands (%v)", len(old), len(manuals), err)
	}
}

// TestDocs_CommandsHaveHelp checks the help of each command in docs/commands.md.
func TestDocs_CommandsHaveHelp(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for line := range strings.Lines(string(text)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "## ptycho ")
		if !ok {
			continue
		}
		asked++
		if help := must(t, append(strings.Fields(command), "--help")...); !strings.Contains(help, "ptycho "+command) {
			t.Errorf("the help of %s is %s", command, help)
		}
		if !strings.Contains(string(text), "    ptycho "+command) {
			t.Errorf("%s has no line of usage", command)
		}
	}
	if asked < 15 {
		t.Errorf("docs/commands.md describes %d commands", asked)
	}
}

func TestDocs_ManualPagesAreValid(t *testing.T) {
	fixture.Long(t)
	lint := []string{"mandoc", "-Tlint", "-W", "warning"}
	if _, err := exec.LookPath(lint[0]); err != nil {
		lint = []string{"man", "--warnings", "-l"}
		if _, err := exec.LookPath(lint[0]); err != nil {
			t.Skip("neither mandoc nor man is here to check manual pages")
		}
	}
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "man", "*.1"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages (%v)", len(pages), err)
	}
	for _, page := range pages {
		cmd := exec.Command(lint[0], append(lint[1:], page)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8") // pages have letters beyond ASCII
		var said strings.Builder
		cmd.Stderr = &said
		if lint[0] == "mandoc" {
			cmd.Stdout = &said // mandoc writes its errors there; man prints the page there
		}
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("%s: %v: %s", page, err, said.String())
		}
	}
}
