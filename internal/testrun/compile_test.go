package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompile_ReportsWhatDoesNotCompile checks modules whose fault exists for one system only.
func TestCompile_ReportsWhatDoesNotCompile(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"a function body":   {"a_windows.go", "package a\nfunc f() int { return missing }", "undefined: missing"},
		"a test":            {"a_windows_test.go", "package a\nfunc f() { var n int = s; _ = n }\nvar s string", "cannot use s"},
		"an outer test":     {"a_windows_test.go", "package a_test\nimport \"a\"\nvar _ = a.Missing", "undefined: a.Missing"},
		"a name of syscall": {"a_windows.go", "package a\nimport \"syscall\"\nvar _ = syscall.SIGUSR1", "undefined: syscall.SIGUSR1"},
		"no implementation": {"a_windows.go", "package a\nfunc f()", "function f has no body"},
		"an unused import":  {"a_windows.go", "package a\nimport \"errors\"", "imported and not used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{"go.mod": "module a\n\ngo 1.26\n", "a.go": "package a\n", c.file: c.text} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := check("windows/amd64", dir, []string{"./..."}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if n, err := check("darwin/arm64", dir, []string{"./..."}); err != nil || n == 0 {
				t.Errorf("for the other system: %d packages, %v", n, err)
			}
		})
	}
}
